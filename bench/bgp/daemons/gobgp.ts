import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon, Scenario } from './daemon.ts';
import { versionSaid } from './version.ts';

export const gobgp: Daemon = {
  id: 'gobgp',
  name: 'GoBGP',
  package: 'gobgpd',
  version: () => versionSaid(/[\d.]+/, 'gobgpd', '--version'),
  prepare(scenario, folder) {
    const file = join(folder, 'gobgp.toml');
    writeFileSync(file, configuration(scenario));
    const api = ['--api-hosts', '127.0.0.1:50051', '--pprof-disable'];
    return ['gobgpd', '--config-file', file, '--log-level', 'error', ...api];
  },
};

function configuration({ address, as, peers }: Scenario): string {
  const neighbours = peers.map(
    (peer) => `
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${peer.address}"
    peer-as = ${peer.as}
  [neighbors.transport.config]
    passive-mode = true
    local-address = "${address}"
${
  peer.isClient
    ? `  [neighbors.route-reflector.config]
    route-reflector-client = true
    route-reflector-cluster-id = "${address}"
`
    : ''
}`,
  );
  return `[global.config]
  as = ${as}
  router-id = "${address}"
  local-address-list = ["${address}"]
${neighbours.join('')}`;
}
