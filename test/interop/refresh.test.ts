/** Marked route refresh and extended messages. Needs root, unshare, ip, bird and frr. */

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
  'RFC 7313 §4: what FRR asks for comes between marks, and it keeps it',
  async () => {
    expect(await play('frr refresh')).toEqual({
      asked: { received: 1, sent: 2 },
      sessions: ['frr up'],
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
