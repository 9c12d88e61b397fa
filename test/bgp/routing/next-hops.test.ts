/** Next hops of the other family, and next hops that mean something on one link only. */

import type { PathAttributes } from 'bgp-parser-ts';
import { formatPrefix, formatZonedAddress, parseAddress, parsePrefix } from 'net-ipaddr';
import type { Routing } from '../../../bgp/routing.ts';
import {
  attributesText,
  LOCAL_AS,
  Neighbor,
  type NeighborSettings,
  newRouting,
  nextHop,
  OWN4,
  sequence,
  settle,
} from './neighbor.ts';

const P4 = '192.0.2.0/24';
const P6 = '2001:db8:1::/48';
const GLOBAL = '2001:db8::9';
const LINK_LOCAL = 'fe80::1';

/** Peers over link-local addresses: our end is fe80::a on both links. */
const ON_ETH1 = {
  ...{ name: 'eth1', remoteAs: 65001, number: 2 },
  ...{ extendedNextHop: true, localAddress: 'fe80::a%eth1' },
};
const ON_ETH2 = {
  ...ON_ETH1,
  name: 'eth2',
  remoteAs: 65002,
  number: 3,
  localAddress: 'fe80::a%eth2',
};
/** A peer over global IPv6 addresses. */
const FAR = {
  ...{ name: 'far', remoteAs: 65003, number: 4 },
  ...{ extendedNextHop: true, localAddress: '2001:db8::a' },
};
const IBGP = { name: 'ibgp', remoteAs: LOCAL_AS, number: 5 };
const NO_OWN = { localAddress4: undefined, localAddress6: undefined };

function upWith(routing: Routing, settings: NeighborSettings, config: object = NO_OWN): Neighbor {
  const neighbor = new Neighbor(routing, settings, config);
  neighbor.up();
  return neighbor;
}

function from(as: number, hop: string, linkLocal?: string): PathAttributes {
  const local = linkLocal === undefined ? {} : { linkLocal: parseAddress(linkLocal) };
  return { origin: 'igp', ...sequence(as), nextHop: { ...nextHop(hop).nextHop, ...local } };
}

function announceBoth(neighbor: Neighbor, attributes: PathAttributes): void {
  neighbor.announce([P4], attributes);
  neighbor.announce([P6], attributes);
}

/** What a listener hears of, last word first to last. */
function listen(routing: Routing): Map<string, string[]> {
  const heard = new Map<string, string[]>();
  routing.onRoutes((ids, count, reader) => {
    for (const id of ids.subarray(0, count)) {
      const hops = reader.hasRoute(id) ? reader.nextHops(id).map(formatZonedAddress) : [];
      heard.set(formatPrefix(reader.prefix(id)), hops);
    }
  });
  return heard;
}

test('RFC 8950: IPv4 routes with IPv6 next hops come in, and go out with the own one', () => {
  const routing = newRouting();
  const heard = listen(routing);
  const [far, other] = [
    upWith(routing, FAR),
    upWith(routing, { ...FAR, name: 'other', remoteAs: 65004, number: 6 }),
  ];
  far.announce([P4], from(65003, GLOBAL));
  settle(routing, far, other);
  expect(heard.get(P4)).toEqual([GLOBAL]);
  expect(other.table.get(P4)).toBe(
    attributesText({
      origin: 'igp',
      ...sequence(LOCAL_AS, 65003),
      ...nextHop('2001:db8::a'),
    }),
  );
  far.withdraw([P4]);
  settle(routing, far, other);
  expect([heard.get(P4), other.table.size]).toEqual([[], 0]);
});

test('an own IPv4 address is announced with IPv4 routes also where an IPv6 one could be', () => {
  const routing = newRouting();
  const far = upWith(routing, FAR, { localAddress4: parseAddress(OWN4) });
  routing.originate(parsePrefix(P4), {});
  settle(routing, far);
  expect(far.table.get(P4)).toBe(
    attributesText({ origin: 'igp', ...sequence(LOCAL_AS), ...nextHop(OWN4) }),
  );
});

test('RFC 8950 §4: not announced to a peer that did not say that it takes them', () => {
  const routing = newRouting();
  const far = upWith(routing, FAR);
  const plain = upWith(routing, { ...FAR, ...IBGP, extendedNextHop: false });
  const capable = upWith(routing, { ...FAR, ...IBGP, name: 'capable', number: 6 });
  far.announce([P4], from(65003, GLOBAL));
  settle(routing, far, plain, capable);
  expect([plain.table.has(P4), capable.table.has(P4)]).toEqual([false, true]);
  expect(routing.route(parsePrefix(P4))!.notSentTo).toContainEqual({
    peer: plain.id,
    reason: 'no next hop of the family, or attributes too long',
  });
});

test('RFC 4007 §6: one link-local address on two links is two next hops', () => {
  const routing = newRouting();
  const heard = listen(routing);
  const [a, b] = [upWith(routing, ON_ETH1), upWith(routing, ON_ETH2)];
  const attributes = from(65009, LINK_LOCAL);
  announceBoth(a, attributes);
  announceBoth(b, attributes);
  settle(routing, a, b);
  const both = ['fe80::1%eth1', 'fe80::1%eth2'];
  expect([heard.get(P4), heard.get(P6)]).toEqual([both, both]);
  // The same attributes from another link are other attributes: the way changes.
  a.down();
  settle(routing, b);
  expect([heard.get(P4), heard.get(P6)]).toEqual([['fe80::1%eth2'], ['fe80::1%eth2']]);
  const [path] = routing.route(parsePrefix(P4))!.paths;
  expect(formatZonedAddress(path!.nextHop!)).toBe('fe80::1%eth2');
  expect(path!.attributes.nextHop).toEqual({ address: parseAddress(LINK_LOCAL) });
});

test.each([
  ['global and link-local: the link is where the peer is', GLOBAL, LINK_LOCAL, 'fe80::1%eth1'],
  ['link-local alone', LINK_LOCAL, undefined, 'fe80::1%eth1'],
  ['link-local twice', LINK_LOCAL, LINK_LOCAL, 'fe80::1%eth1'],
  ['zeros for the global one', '::', LINK_LOCAL, 'fe80::1%eth1'],
  ['global alone', GLOBAL, undefined, GLOBAL],
])('RFC 2545 §3, from a peer on a link: %s', (_, global, linkLocal, expected) => {
  const routing = newRouting();
  const heard = listen(routing);
  const peer = upWith(routing, ON_ETH1);
  peer.announce([P6], from(65001, global, linkLocal));
  settle(routing, peer);
  expect(heard.get(P6)).toEqual([expected]);
});

test('from a peer on no link the global address counts, and a link-local one alone is refused', () => {
  const routing = newRouting();
  const heard = listen(routing);
  const far = upWith(routing, FAR);
  far.announce([P6], from(65003, GLOBAL, LINK_LOCAL));
  // Octets that would be a zone if they were taken as they are.
  far.announce([P4], from(65003, 'fe80::1:0:0:0:1'));
  settle(routing, far);
  expect([heard.get(P6), heard.get(P4)]).toEqual([[GLOBAL], undefined]);
  expect(routing.route(parsePrefix(P4))!.paths).toMatchObject([
    { state: 'rejected', reason: 'link-local next hop from a peer that is on no link of its own' },
  ]);
});

test('RFC 4271 §6.3: the own link-local address is refused on its link, and is another on another', () => {
  const routing = newRouting();
  const heard = listen(routing);
  const own = upWith(routing, ON_ETH1);
  own.announce([P6], from(65001, 'fe80::a'));
  settle(routing, own);
  expect(heard.get(P6)).toBeUndefined();
  const neighbor = upWith(routing, { ...ON_ETH2, localAddress: 'fe80::b%eth2' });
  neighbor.announce([P6], from(65002, 'fe80::a'));
  settle(routing, own, neighbor);
  expect(heard.get(P6)).toEqual(['fe80::a%eth2']);
});

describe('RFC 2545 §3: what a peer on a link is told', () => {
  test('the link-local address alone where there is no global one', () => {
    const routing = newRouting();
    const peer = upWith(routing, ON_ETH1);
    routing.originate(parsePrefix(P4), {});
    routing.originate(parsePrefix(P6), {});
    settle(routing, peer);
    const expected = attributesText(from(LOCAL_AS, 'fe80::a'));
    expect([peer.table.get(P4), peer.table.get(P6)]).toEqual([expected, expected]);
  });

  test('the link-local address behind the global one', () => {
    const routing = newRouting();
    const peer = upWith(routing, ON_ETH1, { ...NO_OWN, localAddress6: parseAddress('fd00::1') });
    routing.originate(parsePrefix(P4), {});
    routing.originate(parsePrefix(P6), {});
    settle(routing, peer);
    const expected = attributesText(from(LOCAL_AS, 'fd00::1', 'fe80::a'));
    expect([peer.table.get(P4), peer.table.get(P6)]).toEqual([expected, expected]);
  });
});

test('a link-local next hop is not passed on: to iBGP peers too the route goes as one of ours', () => {
  const routing = newRouting();
  const peer = upWith(routing, ON_ETH1);
  const inner = upWith(routing, { ...FAR, ...IBGP });
  const plain = upWith(routing, { ...IBGP, name: 'plain', number: 7 }, {});
  announceBoth(peer, from(65001, LINK_LOCAL));
  settle(routing, peer, inner, plain);
  const sent = (hop: string) => attributesText({ ...from(65001, hop), localPref: 100 });
  expect([inner.table.get(P4), inner.table.get(P6)]).toEqual([
    sent('2001:db8::a'),
    sent('2001:db8::a'),
  ]);
  expect(plain.table.get(P4)).toBe(sent(OWN4));
});

test('of a pair the global address is passed on', () => {
  const routing = newRouting();
  const peer = upWith(routing, ON_ETH1);
  const inner = upWith(routing, { ...FAR, ...IBGP });
  announceBoth(peer, from(65001, GLOBAL, LINK_LOCAL));
  settle(routing, peer, inner);
  const expected = attributesText({ ...from(65001, GLOBAL), localPref: 100 });
  expect([inner.table.get(P4), inner.table.get(P6)]).toEqual([expected, expected]);
});

test('reachability is told of an address on a link', () => {
  const unreachable = new Set<string>();
  const routing = newRouting({
    resolve: (hop) => ({ reachable: !unreachable.has(formatZonedAddress(hop)), cost: 0 }),
  });
  const heard = listen(routing);
  const [a, b] = [upWith(routing, ON_ETH1), upWith(routing, ON_ETH2)];
  a.announce([P6], from(65009, LINK_LOCAL));
  b.announce([P6], from(65009, LINK_LOCAL));
  settle(routing, a, b);
  unreachable.add('fe80::1%eth1');
  routing.reviewNextHops();
  settle(routing, a, b);
  expect(heard.get(P6)).toEqual(['fe80::1%eth2']);
});
