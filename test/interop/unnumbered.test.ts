/** Unnumbered peers: RFC 8950 over link-local addresses, found by RFC 4861, with FRR and BIRD. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('unnumbered.scenarios.ts');
const THEIR_AS = 4_200_000_001;

const exchanged = (link: string) => ({
  session: { state: 'Established', families: [4, 6], remoteAs: THEIR_AS, extendedNextHop: true },
  isNeighbor: true,
  routes: [
    `198.51.100.1 via inet6 fe80::… dev ${link} proto 80 metric 1024`,
    `2001:db8:b::1 via fe80::… dev ${link} proto 80 metric 1024`,
  ],
  pings: [true, true],
});

test.concurrent.each(['frr, both dial', 'frr waits', 'we wait for frr'])(
  'RFC 8950, RFC 4861: %s: `neighbor uplink interface remote-as external`, kernel routes, pings',
  async (name) => {
    const ourHop = [
      ['ipv6', 'global'],
      ['ipv6', 'link-local'],
    ];
    expect(await play(name)).toEqual({ ...exchanged('to-frr'), ourHop });
  },
  DEADLINE_MS,
);

test.concurrent(
  'BIRD with extended next hops, at our link-local address, found by its radv',
  async () => {
    // BIRD keeps a link-local address behind an absent global one.
    expect(await play('bird')).toEqual({ ...exchanged('to-bird'), ourHop: ':: fe80:…' });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 4007: routers of one address on two links share the load; a link that goes down takes its own way',
  async () => {
    const { both, one, answers } = await play('two links');
    expect(both).toEqual([
      '198.51.100.1 proto 80 metric 1024 nexthop via inet6 fe80::… dev to-one weight 1 nexthop via inet6 fe80::… dev to-two weight 1',
      '2001:db8:b::1 proto 80 metric 1024 nexthop via fe80::… dev to-one weight 1 nexthop via fe80::… dev to-two weight 1',
    ]);
    expect(one).toEqual(exchanged('to-one').routes);
    expect(answers).toEqual([true, true]);
  },
  DEADLINE_MS,
);

test.concurrent(
  'a link that flaps: the session ends with it, says why, and comes back',
  async () => {
    expect(await play('the link flaps')).toEqual({
      lastError: 'no neighbour has advertised itself on the link yet, or it is down',
      address: 'to-frr',
      upCount: 2,
      pings: [true, true],
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'an interface that comes late, goes, is made anew, loses its carrier or its name',
  async () => {
    expect(await play('a link comes and goes')).toEqual({
      told: ['up', 'down', 'up', 'down', 'up', 'down', 'up'],
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'a neighbour that has another address is followed',
  async () => {
    expect(await play('the neighbour changes its address')).toEqual({ pings: [true, true] });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 2545 §3: what comes from one link goes on to another with our address there',
  async () => {
    expect(await play('from link to link')).toEqual({
      answers: ['203.0.113.1/32', '2001:db8:c::1/128'],
    });
  },
  DEADLINE_MS,
);
