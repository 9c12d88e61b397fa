/** Graceful restart with other daemons, both roles. Needs root, unshare, ip, bird, frr, gobgpd, openbgpd, exabgp. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('graceful-restart.scenarios.ts');

// FRR 8 says End-of-RIB before its routes: they go with it, and come again.
test.concurrent(
  'RFC 4724 §4.2: FRR is killed and started again: its routes stay until its End-of-RIB',
  async () => {
    const { away, back } = await play('frr restarts');
    expect(away).toEqual({ accepted: 2, learned: 2, allStale: true, someStale: true });
    expect(back).toMatchObject({ accepted: 2, someStale: false });
  },
  DEADLINE_MS,
);

test.concurrent.each(['bird', 'gobgp', 'exabgp'])(
  'RFC 4724 §4.2: %s is killed and started again: its routes stay, and a third peer hears of nothing',
  async (daemon) => {
    const { away, back, heard, sessions } = await play(`${daemon} restarts`);
    expect(away).toEqual({ accepted: 2, learned: 2, allStale: true, someStale: true });
    expect(back).toEqual({ accepted: 2, learned: 2, allStale: false, someStale: false });
    expect(heard[1]).toEqual(heard[0]);
    expect(sessions).toEqual([`${daemon} up`, `${daemon} down`, `${daemon} up`]);
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 4724 §4.2: OpenBGPD, which asks for nothing but End-of-RIB, is killed: its routes go at once',
  async () => {
    const { away, back } = await play('openbgpd restarts');
    expect(away).toMatchObject({ accepted: 0, learned: 0, someStale: false });
    expect(back).toMatchObject({ accepted: 2, learned: 2, someStale: false });
  },
  DEADLINE_MS,
);

test.concurrent.each(['bird', 'frr', 'gobgp', 'openbgpd'])(
  'RFC 4724 §4.1: we end without a word and start again: %s keeps our route all the time',
  async (daemon) => {
    expect(await play(`we restart next to ${daemon}`)).toEqual({
      isHeld: true,
      hasConverged: true,
    });
  },
  DEADLINE_MS,
);
