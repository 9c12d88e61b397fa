/** Well-known communities. Needs root, unshare, ip, bird, frr, gobgpd, openbgpd and exabgp. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('well-known.scenarios.ts');

test(
  'RFC 1997, RFC 8326 §4: what a daemon marks stays with us, or in our AS, or is the last choice',
  async () => {
    const taken = {
      inside: ['noExport', 'noExportSubconfed', 'gracefulShutdown', 'none'],
      outside: ['gracefulShutdown', 'none'],
      lastChoice: ['gracefulShutdown'],
    };
    expect(await play('communities')).toEqual({
      bird: taken,
      frr: taken,
      gobgp: taken,
      openbgpd: taken,
      exabgp: taken,
    });
  },
  DEADLINE_MS,
);
