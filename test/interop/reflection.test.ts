/** Route reflection. Needs root, unshare, ip, bird, frr, gobgpd, openbgpd and exabgp. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('reflection.scenarios.ts');

test(
  'RFC 4456 §8: every daemon hears of the others by us: who originated it, through which cluster, and the next hop as it was',
  async () => {
    const names = ['bird', 'frr', 'gobgp', 'openbgpd', 'exabgp'];
    // Each one's router id is its address.
    const reflected = names.map((_, index) => ({
      nextHop: `10.9.${index + 1}.2`,
      originatorId: `10.9.${index + 1}.2`,
      clusterList: '10.9.1.1',
      localPref: 100,
    }));
    expect(await play('we reflect')).toEqual(
      Object.fromEntries(names.map((name, index) => [name, reflected.toSpliced(index, 1)])),
    );
  },
  DEADLINE_MS,
);
