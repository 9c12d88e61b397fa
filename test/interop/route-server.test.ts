/** Route servers. Needs root, unshare, ip, bird, frr, gobgpd, openbgpd and exabgp. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('route-server.scenarios.ts');

test.concurrent(
  'RFC 7947 §2.2: every daemon hears the others through a route server that it does not see',
  async () => {
    const names = ['bird', 'frr', 'gobgp', 'openbgpd', 'exabgp'];
    const routes = names.map((name, index) => {
      const as = 4_200_000_001 + index;
      // OpenBGPD has no words for a path of its own.
      const asPath = name === 'openbgpd' ? `${as}` : `${as} 4200000010`;
      return { asPath, nextHop: `10.9.${index + 1}.2`, med: 7 };
    });
    expect(await play('we serve')).toEqual(
      Object.fromEntries(names.map((name, index) => [name, routes.toSpliced(index, 1)])),
    );
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 7947 §2.2: we take paths of a daemon’s clients that do not begin with its AS',
  async () => {
    const names = ['bird', 'frr', 'gobgp', 'openbgpd'];
    expect(await play('they serve')).toEqual(
      names.map((name, index) => ({ name, asPath: '65010', nextHop: `10.9.${index + 1}.3` })),
    );
  },
  DEADLINE_MS,
);
