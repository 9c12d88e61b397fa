/** Two connections with a peer meet. Needs root, unshare, ip, ss and bird. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('collision.scenarios.ts');

test.concurrent.each([
  ['theirs stays', false],
  ['ours stays', true],
])(
  'RFC 4271 §6.8: of two connections that meet, that of the higher identifier stays: %s',
  async (name, weDialled) => {
    expect(await play(name)).toMatchObject({
      hasCollided: true,
      weDialled,
      connections: 1,
      session: { state: 'Established', upCount: 1, families: [4, 6], received: 1 },
      sessions: ['bird up'],
    });
  },
  DEADLINE_MS,
);
