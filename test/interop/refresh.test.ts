/** Marked route refresh and extended messages. Needs root, unshare, ip, bird, frr, openbgpd and exabgp. */

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

test.concurrent(
  'RFC 8654 §4: attributes of 8,000 octets, to BIRD and from it',
  async () => {
    expect(await play('bird extended')).toEqual({
      extendedMessage: true,
      here: 2000,
      there: 2,
      sessions: ['bird up'],
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 8654 §4: attributes of 8,000 octets, to FRR',
  async () => {
    expect(await play('frr extended')).toEqual({
      extendedMessage: true,
      there: 2000,
      sessions: ['frr up'],
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 8654 §4: to a BIRD that takes none, a route that needs them is not announced, and is told of',
  async () => {
    expect(await play('bird not extended')).toEqual({
      extendedMessage: false,
      notSentTo: [{ peer: 'bird', reason: 'no next hop of the family, or attributes too long' }],
      sessions: ['bird up'],
    });
  },
  DEADLINE_MS,
);
