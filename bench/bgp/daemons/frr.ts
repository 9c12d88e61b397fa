import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon, Scenario } from './daemon.ts';
import { versionSaid } from './version.ts';

const BGPD = '/usr/lib/frr/bgpd';

/** @param coalesceMs how long an update group waits for more to send; undefined: as FRR does by itself */
function frr(id: string, name: string, coalesceMs: number | undefined): Daemon {
  return {
    id,
    name,
    package: 'frr',
    version: () => versionSaid(/[\d.]+/, BGPD, '--version'),
    prepare(scenario, folder) {
      const file = join(folder, 'frr.conf');
      writeFileSync(file, configuration(scenario, coalesceMs));
      return [
        BGPD,
        ...['--config_file', file, '--no_kernel', '--no_zebra', '--skip_runas'],
        ...['--vty_socket', folder, '--vty_port', '0', '--pid_file', join(folder, 'bgpd.pid')],
        ...['--listenon', scenario.address, '--log', 'stdout', '--log-level', 'errors'],
      ];
    },
  };
}

/** Without zebra it takes every next hop for reachable. */
function configuration(
  { address, as, holdTimeSec, peers }: Scenario,
  coalesceMs: number | undefined,
): string {
  const neighbour = peers.flatMap((peer) => [
    ` neighbor ${peer.address} remote-as ${peer.as}`,
    ` neighbor ${peer.address} passive`,
    ` neighbor ${peer.address} advertisement-interval 0`,
  ]);
  const clients = peers.filter(({ isClient }) => isClient);
  return [
    'frr defaults datacenter',
    `router bgp ${as}`,
    ` bgp router-id ${address}`,
    ` bgp cluster-id ${address}`,
    ' no bgp ebgp-requires-policy',
    // Of itself this profile has 9 s.
    ` timers bgp ${Math.floor(holdTimeSec / 3)} ${holdTimeSec}`,
    ...(coalesceMs === undefined ? [] : [` coalesce-time ${coalesceMs}`]),
    ...neighbour,
    ' address-family ipv4 unicast',
    ...clients.map((client) => `  neighbor ${client.address} route-reflector-client`),
    ' exit-address-family',
    '',
  ].join('\n');
}

export const frrCoalescing = frr('frr', 'FRR', undefined);
export const frrAtOnce = frr('frr-at-once', 'FRR, no coalescing', 0);
