import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon, Peering, Scenario } from './daemon.ts';
import { versionSaid } from './version.ts';

export const bird: Daemon = {
  id: 'bird',
  name: 'BIRD',
  package: 'bird2',
  version: () => versionSaid(/[\d.]+$/m, 'bird', '--version'),
  prepare(scenario, folder) {
    const file = join(folder, 'bird.conf');
    writeFileSync(file, configuration(scenario));
    return ['bird', '-f', '-c', file, '-s', join(folder, 'bird.ctl')];
  },
};

/** No kernel protocol. Next hops are taken to be on the link, which spares it a lookup of each. */
function configuration({ address, as, peers }: Scenario): string {
  const peer = ({ address: other, as: otherAs, isClient }: Peering, index: number) => `
protocol bgp p${index} {
  local ${address} as ${as};
  neighbor ${other} as ${otherAs};
  direct;
  passive on;
  ${isClient ? `rr client; rr cluster id ${address};` : ''}
  ipv4 { import all; export all; gateway direct; };
}`;
  return `log stderr { error, fatal, bug };
router id ${address};
protocol device {}
${peers.map(peer).join('')}
`;
}
