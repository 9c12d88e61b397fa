/** The speaker and each daemon. Needs root, unshare, ip, frr, gobgpd, openbgpd and exabgp. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('daemons.scenarios.ts');

test.concurrent.each(['frr', 'gobgp', 'openbgpd', 'exabgp'])(
  'a session, a route each way, and its withdraw: %s',
  async (daemon) => {
    expect(await play(daemon)).toMatchObject({
      state: 'Established',
      upCount: 1,
      families: [4, 6],
      fourOctetAs: true,
    });
  },
  DEADLINE_MS,
);
