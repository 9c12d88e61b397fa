/** What guards a session, with other daemons: RFC 2385, RFC 5082, RFC 4486. Needs root, ip and the daemons; see play.ts. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('guards.scenarios.ts');

const SIGNING = ['bird', 'frr', 'gobgp'];
const ROLES = ['they wait', 'we wait'];
const withRoles = (daemons: string[]) =>
  daemons.flatMap((daemon) => ROLES.map((role) => [daemon, role] as const));

test.concurrent.each(withRoles(SIGNING))(
  'RFC 2385 §2.0: signed with the same key: %s, %s',
  async (daemon, role) => expect(await play(`${daemon} signs, ${role}`)).toEqual([`${daemon} up`]),
  DEADLINE_MS,
);

test.concurrent.each(withRoles([...SIGNING, 'openbgpd']))(
  'RFC 5082 §3: both sides want a TTL of 255, and send it: %s, %s',
  async (daemon, role) =>
    expect(await play(`${daemon} is near, ${role}`)).toEqual([`${daemon} up`]),
  DEADLINE_MS,
);

test.concurrent(
  'a wrong password is told for what it may be, and a right one taken up without a restart',
  async () =>
    expect(await play('wrong password')).toEqual({
      name: 'no answer from port 179: is the password the same on both sides?',
      sessions: ['bird up'],
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
  'RFC 5082 §3: what comes with too low a TTL is not heard; without ttlSecurity it is, on the same connection',
  async () =>
    expect(await play('too far away')).toEqual({
      state: 'OpenSent',
      heard: 0,
      sessions: ['bird up'],
    }),
  DEADLINE_MS,
);

test.concurrent(
  'BIRD and FRR connect from one range with its password, and are peers while they last',
  async () =>
    expect(await play('dynamic neighbours')).toEqual({
      both: ['10.9.1.2', '10.9.2.2'],
      left: ['10.9.2.2'],
      ranges: [{ prefix: '10.9.0.0/16', peers: 1, maxPeers: 100 }],
    }),
  DEADLINE_MS,
);

test.concurrent(
  'RFC 4486 §4: BIRD hears why more prefixes than it may announce end the session, and comes back with a higher limit',
  async () =>
    expect(await play('too many prefixes')).toEqual({
      state: 'Idle',
      why: 'Cease / Maximum Number of Prefixes Reached',
      theySay: 'Received: Maximum number of prefixes reached',
      sessions: ['bird up', 'bird down', 'bird up'],
    }),
  DEADLINE_MS,
);
