/** The speaker and BIRD 2. Needs root, unshare, ip and bird. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('bird.scenarios.ts');

const up = { state: 'Established', upCount: 1, families: [4, 6], received: 3 };

/** What each side is to hold, by the AS numbers; addresses end in 1 here and in 2 there. */
function exchanged(kind: 'ebgp' | 'ibgp') {
  const theirs = kind === 'ebgp' ? '4200000001' : '';
  const ours = kind === 'ebgp' ? '64512' : '';
  const v6 = [0xfd, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
  return {
    learned: [
      { prefix: '198.51.100.0/24', asPath: theirs, nextHop: [10, 9, 1, 2] },
      {
        prefix: '203.0.113.0/24',
        asPath: `${theirs} 65010`.trim(),
        nextHop: [10, 9, 1, 2],
        // BIRD keeps a MED that its export filter did not set to its own AS.
        ...(kind === 'ibgp' && { med: 7 }),
      },
      { prefix: '2001:db8:b::/48', asPath: theirs, nextHop: v6 },
    ],
    atBird: [
      { prefix: '10.1.0.0/26', asPath: ours, nextHop: '10.9.1.1', localPref: '100' },
      {
        prefix: '10.1.0.64/26',
        asPath: ours,
        nextHop: '10.9.1.1',
        localPref: '100',
        med: '50',
        community: '(65000,1)',
      },
      { prefix: 'fd00:1::/122', asPath: ours, nextHop: 'fd09:1::1', localPref: '100' },
    ],
  };
}

test.concurrent.each([
  ['ebgp-v4-they-wait', 'ebgp', '10.9.1.2'],
  ['ebgp-v4-both-dial', 'ebgp', '10.9.1.2'],
  ['ebgp-v6-we-wait', 'ebgp', 'fd09:1::2'],
  ['ibgp-v4-we-wait', 'ibgp', '10.9.1.2'],
  ['ibgp-v6-they-wait', 'ibgp', 'fd09:1::2'],
] as const)(
  'routes of both families both ways: %s',
  async (name, kind, remoteAddress) => {
    const { hasConverged, session, learned, atBird } = await play(name);
    const byPrefix = (a: { prefix: string }, b: { prefix: string }) =>
      a.prefix < b.prefix ? -1 : 1;
    const expected = exchanged(kind);
    expect(hasConverged).toBe(true);
    expect(session).toMatchObject({ ...up, remoteAddress, fourOctetAs: true });
    expect(learned.sort(byPrefix)).toEqual(expected.learned.toSorted(byPrefix));
    expect(atBird).toEqual(expected.atBird);
  },
  DEADLINE_MS,
);

test.concurrent(
  'BIRD announces other routes after `birdc configure`, and comes back after it was killed',
  async () => {
    const { answer, first, second, sessionsBefore, third, sessions } = await play('reconfigure');
    expect(answer).toContain('Reconfigured');
    expect(first).toEqual(['192.0.2.0/25', '198.51.100.0/24']);
    expect(second).toEqual(['192.0.2.128/25', '198.51.100.0/24']);
    expect(sessionsBefore).toEqual(['bird up']);
    expect(third).toEqual(first);
    expect(sessions).toEqual(['bird up', 'bird down', 'bird up']);
  },
  DEADLINE_MS,
);

test.concurrent(
  'a hold time of 3 s is kept by both, and a BIRD that stands still is found out by it',
  async () => {
    const { keptUp, seconds, down } = await play('hold-time');
    expect(keptUp).toMatchObject(up);
    expect(seconds).toBeLessThan(10);
    expect(down).toMatchObject({
      received: 0,
      notification: 'notification sent: Hold Timer Expired',
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'a wrong AS number is refused by either side, and either side says so',
  async () => {
    expect(await play('wrong-as')).toEqual({
      ours: 'notification sent: OPEN Message Error / Bad Peer AS',
      theirs: 'notification received: OPEN Message Error / Bad Peer AS',
      state: 'Established',
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 4760 §8, RFC 6793 §4: a BIRD without capabilities has IPv4 and 2-octet AS numbers',
  async () => {
    expect(await play('old-peer')).toMatchObject({
      session: { state: 'Established', families: [4], fourOctetAs: false, received: 1 },
      learned: ['198.51.100.0/24'],
      hasConverged: true,
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'when we leave, BIRD hears why, and drops our routes at once',
  async () => {
    expect(await play('goodbye')).toEqual({ lastError: 'Received: Administrative shutdown' });
  },
  DEADLINE_MS,
);
