/**
 * Files that keep other network daemons away from our interfaces and routes, where these daemons are
 * installed: NetworkManager would take `cali*` for connections of its own, and systemd-networkd removes
 * routes, next hops and addresses that it did not make itself.
 */
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TUNNEL_DEVICES, WORKLOAD_INTERFACE_PREFIX } from '../../felix/ours.ts';
import type { Log } from '../../ports.ts';

const OURS = [`${WORKLOAD_INTERFACE_PREFIX}*`, ...TUNNEL_DEVICES];
const HEAD = '# Written by the tortie agent.\n';

interface DropIn {
  /** Who has this folder reads the file. */
  readonly owner: string;
  readonly path: string;
  readonly content: string;
  /** From when it counts without a reboot. */
  readonly reload: string;
}

const DROP_INS: readonly DropIn[] = [
  {
    owner: 'etc/NetworkManager',
    path: 'etc/NetworkManager/conf.d/90-tortie.conf',
    content: `${HEAD}[keyfile]\nunmanaged-devices+=${OURS.map((name) => `interface-name:${name}`).join(';')}\n`,
    reload: 'systemctl reload NetworkManager',
  },
  {
    owner: 'etc/systemd/network',
    // The first that matches counts, and images bring one that matches everything.
    path: 'etc/systemd/network/05-tortie.network',
    content: `${HEAD}[Match]\nName=${OURS.join(' ')}\n\n[Link]\nUnmanaged=yes\n`,
    reload: 'networkctl reload',
  },
  {
    owner: 'etc/systemd/network',
    path: 'etc/systemd/networkd.conf.d/90-tortie.conf',
    // systemd before 256 has no word for next hops, and takes none away (seen with 252): it says so in its log, and goes on.
    content: `${HEAD}[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\nManageForeignNextHops=no\n`,
    reload: 'systemctl restart systemd-networkd',
  },
];

/** Puts them in place, and back if somebody changed them. A folder that cannot be written is named, and no more. */
export async function writeDropIns(log: Log, root = '/'): Promise<void> {
  for (const { owner, path: relative, content, reload } of DROP_INS) {
    const path = join(root, relative);
    if (!(await isThere(join(root, owner))) || (await isSo(path, content))) continue;
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content, { mode: 0o644 });
      log.info({ path }, `keeps the daemon that reads it away from ours; where it runs: ${reload}`);
    } catch (error) {
      log.warn({ error: (error as Error).message }, `cannot write ${path}`);
    }
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function isSo(path: string, content: string): Promise<boolean> {
  return readFile(path, 'utf8').then(
    (found) => found === content,
    () => false,
  );
}
