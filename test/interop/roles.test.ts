/** Roles. Needs root, unshare, ip, bird, frr and openbgpd. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('roles.scenarios.ts');
const OURS = { asPath: '64512', nextHop: '10.9.1.1' };

test.concurrent.each([
  ['bird customer', undefined, 64512],
  ['frr customer', undefined, 64512],
  ['openbgpd customer', undefined, 64512],
  ['bird provider', 4_200_000_001, undefined],
  ['frr provider', 4_200_000_001, undefined],
  ['openbgpd provider', 4_200_000_001, undefined],
  ['bird peer', 4_200_000_001, 64512],
])(
  'RFC 9234 §5: what goes down or across is marked by both: %s',
  async (scenario, otcHere, otcThere) => {
    const { here, there } = await play(scenario);
    expect(here).toMatchObject({ state: 'best' });
    expect(here.otc).toBe(otcHere);
    expect(there).toEqual({ ...OURS, ...(otcThere && { otc: otcThere }) });
  },
  DEADLINE_MS,
);

test.concurrent.each(['bird', 'frr', 'openbgpd'])(
  'RFC 9234 §4.2: two providers refuse each other: %s',
  async (daemon) => {
    expect(await play(`${daemon} mismatch`)).toEqual({
      name: 'OPEN Message Error / Role Mismatch',
      isUp: false,
    });
  },
  DEADLINE_MS,
);
