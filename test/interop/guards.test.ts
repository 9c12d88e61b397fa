/** Who may have a session at all. Needs root, unshare, ip, bird, frr, gobgpd, openbgpd and exabgp. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('guards.scenarios.ts');

const LISTENERS = ['bird up', 'exabgp up', 'frr up', 'gobgp up'];
const ALL = [...LISTENERS, 'openbgpd up'];

test.concurrent.each([
  ['passwords, they wait', LISTENERS],
  ['passwords, we wait', ALL],
])(
  'RFC 2385 §2: sessions with the right password, and none with a wrong one: %s',
  async (scenario, sessions) => {
    expect(await play(scenario)).toEqual({ upWithWrong: [], sessions });
  },
  DEADLINE_MS,
);

test.concurrent.each(['our TTL security, they wait', 'our TTL security, we wait'])(
  'RFC 5082 §3: packets with a TTL below 255 are not heard: %s',
  async (scenario) => {
    expect(await play(scenario)).toEqual({ upWithWrong: [], sessions: ALL });
  },
  DEADLINE_MS,
);

test.concurrent.each(['their TTL security, they wait', 'their TTL security, we wait'])(
  'RFC 5082 §3: with a TTL of 255 they are, on both sides: %s',
  async (scenario) => {
    expect((await play(scenario)).sessions).toEqual(ALL);
  },
  DEADLINE_MS,
);

test.concurrent(
  'a wrong password is told for what it may be',
  async () =>
    expect(await play('a wrong password')).toEqual({
      name: 'no answer from port 179: is the password the same on both sides?',
      hasLoggedKey: false,
    }),
  DEADLINE_MS,
);

test.concurrent(
  'RFC 2385 §4.4: a password is rotated, first here, then in the Secret of `tortie speaker`, without a reset',
  async () =>
    expect(await play('a password is rotated')).toEqual({
      state: 'Established',
      upCount: 1,
      sessions: ['tortie up'],
    }),
  DEADLINE_MS,
);

test.concurrent(
  'all daemons connect from one range with its password, and are peers while they last',
  async () => {
    const left = [2, 3, 4, 5].map((cable) => `10.9.${cable}.2`);
    expect(await play('dynamic neighbours')).toEqual({
      all: ['10.9.1.2', ...left],
      left,
      ranges: [{ prefix: '10.9.0.0/16', peers: 4, maxPeers: 100 }],
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 4486 §4: every daemon hears why more prefixes than it may announce end the session, and comes back with a higher limit',
  async () => {
    const end = { state: 'Idle', said: 'Cease / Maximum Number of Prefixes Reached' };
    expect(await play('too many prefixes')).toEqual({
      bird: { ...end, heard: 'Maximum number of prefixes reached' },
      frr: { ...end, heard: 'Cease/Maximum Number of Prefixes Reached' },
      gobgp: { ...end, heard: '6/1' },
      openbgpd: { ...end, heard: 'Cease, received max-prefix exceeded' },
      exabgp: { ...end, heard: '6/1' },
    });
  },
  DEADLINE_MS,
);
