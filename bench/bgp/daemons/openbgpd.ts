import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon, Scenario } from './daemon.ts';
import { versionSaid } from './version.ts';

/** Where Debian's build changes its root to, and has its socket. */
const RUN = '/run/openbgpd';

export const openbgpd: Daemon = {
  id: 'openbgpd',
  name: 'OpenBGPD',
  package: 'openbgpd',
  version: () => versionSaid(/[\d.]+/, '/usr/sbin/bgpd', '-V'),
  prepare(scenario, folder) {
    mkdirSync(RUN, { recursive: true });
    chmodSync(RUN, 0o755);
    const file = join(folder, 'openbgpd.conf');
    writeFileSync(file, configuration(scenario), { mode: 0o600 });
    return ['/usr/sbin/bgpd', '-d', '-f', file];
  },
};

function configuration({ address, as, peers }: Scenario): string {
  const neighbours = peers.flatMap((peer) => [
    `neighbor ${peer.address} {`,
    `  remote-as ${peer.as}`,
    '  passive',
    ...(peer.isClient ? [`  route-reflector ${address}`] : []),
    '}',
  ]);
  return [
    `AS ${as}`,
    `router-id ${address}`,
    `listen on ${address}`,
    'fib-update no',
    ...neighbours,
    'allow from any',
    'allow to any',
    '',
  ].join('\n');
}
