/** Long-lived graceful restart, both roles. Needs root, unshare, ip, bird, frr and gobgpd: the others do not have it. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('long-lived.scenarios.ts');

test.concurrent(
  'RFC 9494 §4.2, §4.3: daemons are away for long: their routes go on marked to who knows the mark, and to nobody else',
  async () => {
    const daemons = ['bird', 'frr', 'gobgp'];
    const marked = { fresh: [], stale: daemons };
    const unmarked = { fresh: daemons, stale: [] };
    expect(await play('they are away')).toEqual({
      away: {
        aware: marked,
        ignorant: { fresh: [], stale: [] },
        longLived: daemons.map(() => [4, 6]),
      },
      back: { aware: unmarked, ignorant: unmarked },
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 9494 §4.2: we are away for long: daemons keep our route as the last choice, and take it for good again',
  async () => {
    expect(await play('we are away')).toEqual({ upCounts: [1, 1, 1] });
  },
  DEADLINE_MS,
);
