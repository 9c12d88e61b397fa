/** IPv6 next hops for IPv4. Needs root, unshare, ip, bird, frr, gobgpd, exabgp. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('extended-next-hop.scenarios.ts');

// OpenBGPD 7 does not have it.
test(
  'RFC 8950 §4: BIRD, FRR, GoBGP and ExaBGP announce IPv4 routes with IPv6 next hops, and take ours',
  async () => {
    expect(await play('IPv4 over IPv6')).toEqual({
      here: ['fd09:1::2', 'fd09:2::2', 'fd09:3::2', 'fd09:4::2'],
      there: ['fd09:1::1', 'fd09:2::1', 'fd09:3::1', 'fd09:4::1'],
    });
  },
  DEADLINE_MS,
);
