/** A big table between two BIRDs. Needs root, unshare, ip and bird. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('table.scenarios.ts');

test(
  '100,000 routes: ours agree with BIRD’s, and a second BIRD’s with ours, through withdraws, reloads and the loss of the source',
  async () => {
    const { arrived, afterReload, afterLoss, sessions } = await play('a hundred thousand routes');
    expect(arrived).toEqual({
      received: 100_000,
      birdSent: 100_000,
      differences: [],
      atSink: 100_000,
      differencesAtSink: [],
      own: '64512',
      backAtSource: 1,
    });
    expect(afterReload).toEqual({
      learned: 100_000,
      atSink: 100_001,
      sessions: expect.arrayContaining(['source up', 'sink up']),
    });
    expect(afterReload.sessions).toHaveLength(2);
    expect(afterLoss).toBe(1); // our own
    expect(sessions.filter((what: string) => what.startsWith('sink'))).toEqual(['sink up']);
  },
  DEADLINE_MS,
);
