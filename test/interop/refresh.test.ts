/** Marked route refresh. Needs root, unshare, ip, bird, frr, openbgpd and exabgp. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('refresh.scenarios.ts');

test.concurrent(
  'RFC 7313 §4: what BIRD asks for comes between marks, and what it tells again within its own loses nothing',
  async () => {
    expect(await play('bird refresh')).toEqual({
      asked: { received: 2, sent: 4, atBird: 1 },
      told: { received: 6, sent: 4, learned: 2 },
      sessions: ['bird up'],
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 2918 §4, RFC 7313 §4: daemons ask for all routes again, and are sent them between two marks',
  async () => {
    const held = ['203.0.113.0/24'];
    expect(await play('each asks')).toEqual({
      bird: { asked: 2, marks: 4, held, upCount: 1 },
      frr: { asked: 1, marks: 2, held, upCount: 1 },
      openbgpd: { asked: 2, marks: 4, held, upCount: 1 },
      exabgp: { asked: 1, marks: 2, held, upCount: 1 },
    });
  },
  DEADLINE_MS,
);
