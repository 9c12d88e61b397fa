/** Route reflection. Needs root, unshare, ip, bird, frr, gobgpd, openbgpd and exabgp. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('reflection.scenarios.ts');

test.concurrent(
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

test.concurrent(
  'RFC 4456 §8: daemons reflect to us and from us; what says that we originated it is not taken',
  async () => {
    const names = ['bird', 'frr', 'gobgp', 'openbgpd'];
    const seen = names.map((name, index) => {
      const [reflector, client] = [`10.9.${index + 1}.2`, `10.9.${index + 1}.3`];
      const taken = { nextHop: client, clusterList: reflector };
      return {
        name,
        route: { ...taken, verdict: 'best', originatorId: client },
        loop: { ...taken, verdict: 'own router id as originator', originatorId: '10.9.1.1' },
        ours: { originatorId: '10.9.1.1', clusterList: reflector },
      };
    });
    expect(await play('they reflect')).toEqual(seen);
  },
  DEADLINE_MS,
);
