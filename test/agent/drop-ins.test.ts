/** Drop-ins for other network daemons; the real systemd-networkd, in namespaces of its own. Needs root. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeDropIns } from '../../src/agent/drop-ins.ts';
import { TestLog } from '../felix/ports.ts';

const NETWORKD = '/lib/systemd/systemd-networkd';
const run = promisify(execFile);

let root: string;
let log: TestLog;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tortie-root-'));
  log = new TestLog();
});
afterEach(() => rmSync(root, { recursive: true }));

test('only where their reader is installed; told once, and not written again', async () => {
  await writeDropIns(log, root);
  expect(existsSync(join(root, 'etc'))).toBe(false);
  mkdirSync(join(root, 'etc/NetworkManager'), { recursive: true });
  await writeDropIns(log, root);
  const path = join(root, 'etc/NetworkManager/conf.d/90-tortie.conf');
  expect(readFileSync(path, 'utf8')).toMatch(
    /^\[keyfile\]\nunmanaged-devices\+=interface-name:cali\*;interface-name:vxlan\.calico;/m,
  );
  const { mtimeMs } = statSync(path);
  await writeDropIns(log, root);
  expect(statSync(path).mtimeMs).toBe(mtimeMs);
  expect(log.lines).toEqual([expect.stringContaining('systemctl reload NetworkManager')]);
});

/** With an image's usual file that matches every interface. Ends when networkd has configured $WATCHED. */
const SCRIPT = `
  mount -t tmpfs none /run
  mkdir -p /run/systemd/netif/links /run/systemd/netif/leases
  chown -R systemd-network /run/systemd/netif
  # networkd waits for udev where it could have one.
  mount -t sysfs -o ro none /sys
  mount --bind "$ROOT/etc/systemd/network" /etc/systemd/network
  printf '[Match]\\nName=*\\n[Network]\\nAddress=192.0.2.1/24\\n' > /etc/systemd/network/50-all.network
  ip link add cali0123 up type veth peer name other
  ip link set other up
  ${NETWORKD} > /run/log 2>&1 &
  i=0
  until ip addr show dev $WATCHED | grep -q 192.0.2.1; do
    i=$((i + 1)); [ $i -lt 300 ] || { cat /run/log; exit 1; }
    sleep 0.1
  done
  ip addr show dev cali0123`;

(existsSync(NETWORKD) ? test.each : test.skip.each)([
  ['without, it takes a pod’s interface for its own', false],
  ['with them, it leaves it alone', true],
])(
  'systemd-networkd: %s',
  async (_, isWritten) => {
    mkdirSync(join(root, 'etc/systemd/network'), { recursive: true });
    if (isWritten) await writeDropIns(log, root);
    const { stdout } = await run(
      'unshare',
      ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', SCRIPT],
      { env: { ...process.env, ROOT: root, WATCHED: isWritten ? 'other' : 'cali0123' } },
    );
    expect(stdout).toMatch('cali0123');
    if (isWritten) expect(stdout).not.toMatch('192.0.2.1');
    else expect(stdout).toMatch('192.0.2.1');
  },
  60_000,
);
