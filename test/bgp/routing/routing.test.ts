import type { PathAttributes } from 'bgp-parser-ts';
import {
  formatAddress,
  formatPrefix,
  parseAddress,
  parsePrefix,
  type ZonedAddress,
} from 'net-ipaddr';
import { type Policy, upTo } from '../../../bgp/policy/policy.ts';
import type { Reachability, Routing } from '../../../bgp/routing.ts';
import {
  attributesText,
  fromAs,
  LOCAL_AS,
  Neighbor,
  newRouting,
  nextHop,
  OWN4,
  OWN6,
  ROUTER_ID,
  sequence,
  settle,
  upWith,
} from './neighbor.ts';
import { Owner } from './owner.ts';

const EBGP_A = { name: 'a', remoteAs: 65001, number: 2 };
const EBGP_B = { name: 'b', remoteAs: 65002, number: 3 };
const IBGP_C = { name: 'c', remoteAs: LOCAL_AS, number: 4 };
const IBGP_D = { name: 'd', remoteAs: LOCAL_AS, number: 5 };
const P = '192.0.2.0/24';

function sentAttributes(neighbor: Neighbor, prefix = P): string | undefined {
  return neighbor.table.get(prefix);
}

describe('what is passed on', () => {
  const received: PathAttributes = {
    ...fromAs(65001, 7),
    med: 50,
    communities: [65001 * 65536 + 1],
    largeCommunities: [{ global: 1, local1: 2, local2: 3 }] as never,
  };

  test('eBGP to eBGP: own AS before, next hop self, no MED, no LOCAL_PREF (RFC 4271 §5.1)', () => {
    const routing = newRouting();
    const a = upWith(routing, EBGP_A);
    const b = upWith(routing, EBGP_B);
    const { largeCommunities: _, ...plain } = received;
    a.announce([P], plain);
    settle(routing, a, b);
    expect(sentAttributes(b)).toBe(
      attributesText({
        origin: 'igp',
        ...sequence(LOCAL_AS, 65001, 7),
        ...nextHop(OWN4),
        communities: [65001 * 65536 + 1],
      }),
    );
    expect(a.table.size).toBe(0);
  });

  test('RFC 7947 §2.2: to a route server’s client as the other client sent it', () => {
    const routing = newRouting();
    const client = { routeServerClient: true };
    const [a, b] = [upWith(routing, EBGP_A, client), upWith(routing, EBGP_B, client)];
    a.announce([P], received);
    settle(routing, a, b);
    expect(sentAttributes(b)).toBe(attributesText(received));
    // What it originates itself it announces as any other.
    routing.originate(parsePrefix('192.0.2.128/25'), {});
    settle(routing, a, b);
    expect(b.table.get('192.0.2.128/25')).toBe(
      attributesText({ origin: 'igp', ...sequence(LOCAL_AS), ...nextHop(OWN4) }),
    );
    // With its own address as next hop, where clients do not share a network.
    b.change({ nextHopMode: 'self' });
    settle(routing, a, b);
    expect(sentAttributes(b)).toBe(attributesText({ ...received, ...nextHop(OWN4) }));
    // No route server's client any more.
    b.change({ nextHopMode: 'auto', routeServerClient: false });
    settle(routing, a, b);
    expect(sentAttributes(b)).toBe(
      attributesText({
        ...received,
        ...sequence(LOCAL_AS, 65001, 7),
        ...nextHop(OWN4),
        med: undefined,
      } as PathAttributes),
    );
  });

  test('RFC 9234 §5: what a provider sent goes to a customer, marked, and to no other provider', () => {
    const routing = newRouting();
    const a = upWith(routing, EBGP_A, { role: 'customer' });
    const b = upWith(routing, EBGP_B, { role: 'provider' });
    const other = { name: 'other', remoteAs: 65003, number: 9 };
    const c = upWith(routing, other, { role: 'customer' });
    a.announce([P], fromAs(65001));
    settle(routing, a, b, c);
    expect(sentAttributes(b)).toBe(
      attributesText({
        origin: 'igp',
        ...sequence(LOCAL_AS, 65001),
        ...nextHop(OWN4),
        onlyToCustomer: 65001,
      }),
    );
    expect(c.table.size).toBe(0);
    // A customer that sends it back up leaks it.
    b.announce(['198.51.100.0/24'], { ...fromAs(65002), onlyToCustomer: 65009 });
    settle(routing, a, b, c);
    expect(routing.route(parsePrefix('198.51.100.0/24'))!.paths).toMatchObject([
      {
        state: 'rejected',
        reason: 'route leak: ONLY_TO_CUSTOMER of AS 65009, and we are its provider',
      },
    ]);
  });

  test('eBGP to iBGP: LOCAL_PREF added, MED and next hop kept', () => {
    const routing = newRouting();
    const a = upWith(routing, EBGP_A);
    const c = upWith(routing, IBGP_C);
    a.announce([P], { ...fromAs(65001), med: 50 });
    settle(routing, a, c);
    expect(sentAttributes(c)).toBe(attributesText({ ...fromAs(65001), med: 50, localPref: 100 }));
  });

  test('iBGP is not passed on to iBGP, but to eBGP (RFC 4271 §9.2)', () => {
    const routing = newRouting();
    const [b, c, d] = [upWith(routing, EBGP_B), upWith(routing, IBGP_C), upWith(routing, IBGP_D)];
    c.announce([P], { origin: 'igp', ...sequence(7), ...nextHop('10.0.0.4'), localPref: 200 });
    settle(routing, b, c, d);
    expect(d.table.size).toBe(0);
    expect(sentAttributes(b)).toBe(
      attributesText({ origin: 'igp', ...sequence(LOCAL_AS, 7), ...nextHop(OWN4) }),
    );
    expect(routing.route(parsePrefix(P))!.notSentTo).toEqual([
      { peer: c.id, reason: 'from iBGP to iBGP' },
      { peer: d.id, reason: 'from iBGP to iBGP' },
    ]);
  });

  test("RFC 4456 §6 and §8: a reflector passes clients' routes to all, others' to clients", () => {
    const routing = newRouting({ clusterId: 77 });
    const [c, d] = [upWith(routing, IBGP_C), upWith(routing, IBGP_D)];
    const client = { routeReflectorClient: true };
    const e = upWith(routing, { name: 'e', remoteAs: LOCAL_AS, number: 6 }, client);
    const f = upWith(routing, { name: 'f', remoteAs: LOCAL_AS, number: 7 }, client);
    const attributes = { origin: 'igp', ...sequence(7), localPref: 200 } as const;
    c.announce(['192.0.2.0/25'], { ...attributes, ...nextHop('10.0.0.4') });
    e.announce(['192.0.2.128/25'], {
      ...attributes,
      ...nextHop('10.0.0.6'),
      originatorId: 9,
      clusterList: [5],
    });
    settle(routing, c, d, e, f);
    const reflected = attributesText({
      ...attributes,
      ...nextHop('10.0.0.4'),
      originatorId: c.routerId,
      clusterList: [77],
    });
    const fromClient = attributesText({
      ...attributes,
      ...nextHop('10.0.0.6'),
      originatorId: 9,
      clusterList: [77, 5],
    });
    expect([...e.table.values()]).toEqual([reflected]);
    expect([...f.table.values()].sort()).toEqual([reflected, fromClient].sort());
    expect([...c.table.values()]).toEqual([fromClient]);
    expect([...d.table.values()]).toEqual([fromClient]);
  });

  test('what is originated here has the own next hop everywhere, and its MED', () => {
    const routing = newRouting();
    const [a, c] = [upWith(routing, EBGP_A, { nextHopMode: 'keep' }), upWith(routing, IBGP_C)];
    routing.originate(parsePrefix(P), { med: 5, communities: [6] });
    routing.originate(parsePrefix('fd00:60::/64'), { localPref: 300 });
    settle(routing, a, c);
    const common = { origin: 'igp', med: 5, communities: [6], ...nextHop(OWN4) } as const;
    expect(sentAttributes(a)).toBe(attributesText({ ...common, ...sequence(LOCAL_AS) }));
    expect(sentAttributes(c)).toBe(attributesText({ ...common, ...sequence(), localPref: 100 }));
    expect(sentAttributes(c, 'fd00:60::/64')).toBe(
      attributesText({ origin: 'igp', ...sequence(), localPref: 300, ...nextHop(OWN6) }),
    );
    routing.withdrawOrigin(parsePrefix(P));
    settle(routing, a, c);
    expect([...a.table.keys()]).toEqual(['fd00:60::/64']);
  });

  test.each<['auto' | 'self' | 'keep', string, string]>([
    ['auto', OWN4, '10.0.0.9'],
    ['self', OWN4, OWN4],
    ['keep', '10.0.0.9', '10.0.0.9'],
  ])('next hop mode %s: %s to eBGP, %s to iBGP', (nextHopMode, external, internal) => {
    const routing = newRouting();
    const a = upWith(routing, EBGP_A);
    const [b, c] = [
      upWith(routing, EBGP_B, { nextHopMode }),
      upWith(routing, IBGP_C, { nextHopMode }),
    ];
    a.announce([P], fromAs(65001));
    settle(routing, a, b, c);
    expect(sentAttributes(b)).toContain(external);
    expect(sentAttributes(c)).toContain(internal);
  });

  test('IPv6 over an IPv4 session: without an own IPv6 address nothing goes out', () => {
    const routing = newRouting();
    const a = upWith(routing, EBGP_A);
    const b = upWith(routing, EBGP_B, { localAddress6: undefined });
    a.announce(['2001:db8::/32'], { origin: 'igp', ...sequence(65001), ...nextHop('fd00::9') });
    settle(routing, a, b);
    expect(b.table.size).toBe(0);
    const detail = routing.route(parsePrefix('2001:db8::/32'))!;
    expect(detail.notSentTo).toContainEqual({
      peer: b.id,
      reason: 'no next hop of the family, or attributes too long',
    });
    b.change({ localAddress6: parseAddress(OWN6) });
    settle(routing, a, b);
    expect(sentAttributes(b, '2001:db8::/32')).toContain(parseAddress(OWN6).bytes.join('.'));
  });

  test('RFC 2545 §3: a link-local next hop stays on its link', () => {
    const routing = newRouting();
    const [a, c] = [upWith(routing, EBGP_A), upWith(routing, IBGP_C)];
    const both = { address: parseAddress('fd00::9'), linkLocal: parseAddress('fe80::9') };
    a.announce(['2001:db8::/32'], { origin: 'igp', ...sequence(65001), nextHop: both });
    settle(routing, a, c);
    expect(sentAttributes(c, '2001:db8::/32')).toBe(
      attributesText({ origin: 'igp', ...sequence(65001), ...nextHop('fd00::9'), localPref: 100 }),
    );
  });

  test.each<[string, number, boolean, boolean]>([
    ['NO_EXPORT', 0xffffff01, false, true],
    ['NO_ADVERTISE', 0xffffff02, false, false],
    ['NO_EXPORT_SUBCONFED', 0xffffff03, false, true],
  ])('RFC 1997: %s', (_, community, toExternal, toInternal) => {
    const routing = newRouting();
    const [a, b, c] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B), upWith(routing, IBGP_C)];
    a.announce([P], { ...fromAs(65001), communities: [1, community] });
    settle(routing, a, b, c);
    expect([b.table.has(P), c.table.has(P)]).toEqual([toExternal, toInternal]);
  });

  test('a peer of 2-octet AS numbers gets AS4_PATH (RFC 6793)', () => {
    const routing = newRouting();
    const a = upWith(routing, EBGP_A);
    const b = upWith(routing, { ...EBGP_B, fourOctetAs: false });
    a.announce([P], fromAs(65001, 4_200_000_000));
    settle(routing, a, b);
    expect(sentAttributes(b)).toBe(
      attributesText({
        origin: 'igp',
        ...sequence(LOCAL_AS, 65001, 4_200_000_000),
        ...nextHop(OWN4),
      }),
    );
  });

  test('RFC 8654 §4: attributes that fill a long message go only to who takes those', () => {
    const routing = newRouting();
    const long = { extendedMessage: true };
    const a = upWith(routing, { ...EBGP_A, ...long });
    const [b, c] = [upWith(routing, EBGP_B), upWith(routing, { ...IBGP_C, ...long })];
    const communities = Array.from({ length: 5000 }, (_, i) => i);
    a.announce([P], fromAs(65001));
    settle(routing, a, b, c);
    expect([b.table.has(P), c.table.has(P)]).toEqual([true, true]);
    a.announce([P], { ...fromAs(65001), communities });
    settle(routing, a, b, c);
    expect([b.table.has(P), sentAttributes(c)?.includes('4999')]).toEqual([false, true]);
  });
});

describe('initial table and End-of-RIB', () => {
  test('one End-of-RIB a family after the table, also when there is nothing (RFC 4724 §2)', () => {
    const routing = newRouting();
    const a = upWith(routing, EBGP_A);
    settle(routing, a);
    expect(a.endOfRibs).toEqual([4, 6]);
    a.announce([P], fromAs(65001));
    settle(routing, a);
    const b = upWith(routing, { ...EBGP_B, families: [4] });
    settle(routing, a, b);
    expect([b.table.has(P), b.endOfRibs, a.endOfRibs]).toEqual([true, [4], [4, 6]]);
  });

  test('a large table comes in bounded pulls, End-of-RIB last', () => {
    const routing = newRouting();
    const a = upWith(routing, EBGP_A);
    // More than one flush works out.
    const COUNT = 6000;
    const prefixes = Array.from({ length: COUNT }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    for (let i = 0; i < COUNT; i += 20) {
      a.announce(prefixes.slice(i, i + 20), fromAs(65001, 100 + i));
    }
    settle(routing, a);
    const b = upWith(routing, { ...EBGP_B, families: [4] }, { nextHopMode: 'self' });
    let pulls = 0;
    for (; b.endOfRibs.length === 0; pulls++) {
      routing.work(0);
      expect(b.pull(8192)).toBeLessThanOrEqual(8192 + 4096);
    }
    expect(pulls).toBeGreaterThan(5);
    expect(b.table.size).toBe(COUNT);
    expect(b.pull()).toBe(0);
  });

  test('RFC 2918: what was sent is sent again, to the peer that asks, for the family', () => {
    const routing = newRouting();
    const [a, b, c] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B), upWith(routing, IBGP_C)];
    a.announce([P], fromAs(65001));
    a.announce(['2001:db8::/32'], { origin: 'igp', ...sequence(65001), ...nextHop('fd00::9') });
    settle(routing, a, b, c);
    b.table.clear();
    c.table.clear();
    routing.refresh(b.id, 4);
    settle(routing, a, b, c);
    expect([[...b.table.keys()], c.table.size, b.endOfRibs]).toEqual([[P], 0, [4, 6]]);
  });
});

test('a sweep that finds nothing for long comes to its end all the same', () => {
  const routing = newRouting();
  const owner = new Owner(routing);
  const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
  const prefixes = Array.from({ length: 40_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  a.announce(prefixes, fromAs(65001));
  b.announce([P], fromAs(65002));
  owner.settle([a, b]);
  a.table.clear();
  routing.refresh(a.id, 4);
  owner.settle([a, b]);
  expect([...a.table.keys()]).toEqual([P]);
});

describe('withdraw', () => {
  test('whoever brings the better route loses the one it had (its own is not sent back)', () => {
    const routing = newRouting();
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    a.announce([P], fromAs(65001, 1, 2));
    settle(routing, a, b);
    expect([a.table.has(P), b.table.has(P)]).toEqual([false, true]);
    b.announce([P], fromAs(65002));
    settle(routing, a, b);
    expect([a.table.has(P), b.table.has(P)]).toEqual([true, false]);
    b.withdraw([P]);
    settle(routing, a, b);
    expect([a.table.has(P), b.table.has(P)]).toEqual([false, true]);
    a.withdraw([P]);
    settle(routing, a, b);
    expect([a.table.size, b.table.size, a.spuriousWithdraws, b.spuriousWithdraws]).toEqual([
      0, 0, 0, 0,
    ]);
  });

  test('the same from another peer: only the two peers concerned hear of it', () => {
    const routing = newRouting();
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    const c = upWith(routing, { name: 'c', remoteAs: 65003, number: 4 });
    // As a route server would send it, without an AS of its own.
    const same = fromAs(65009, 7);
    a.announce([P], same);
    b.announce([P], same);
    settle(routing, a, b, c);
    expect([a.table.has(P), b.table.has(P), c.table.has(P)]).toEqual([false, true, true]);
    const { messages } = c;
    a.withdraw([P]);
    settle(routing, a, b, c);
    expect([a.table.has(P), b.table.has(P), c.table.has(P)]).toEqual([true, false, true]);
    expect(c.messages).toBe(messages);
  });

  test('two who take over in one turn lose each their own, and nothing else', () => {
    const routing = newRouting();
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    const c = upWith(routing, { name: 'c', remoteAs: 65003, number: 4 });
    const Q = '198.51.100.0/24';
    c.announce([P, Q], fromAs(65003, 1, 2));
    settle(routing, a, b, c);
    a.announce([P], fromAs(65001));
    b.announce([Q], fromAs(65002));
    settle(routing, a, b, c);
    expect([[...a.table.keys()], [...b.table.keys()], [...c.table.keys()].sort()]).toEqual([
      [Q],
      [P],
      [P, Q],
    ]);
  });

  test('RFC 5004 is for a path that is still there, not for one that came in its place', () => {
    const routing = newRouting();
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    const c = upWith(routing, { name: 'c', remoteAs: 65003, number: 4 });
    a.announce([P], fromAs(65001));
    settle(routing, a, b, c);
    b.announce([P], fromAs(65002));
    settle(routing, a, b, c);
    a.withdraw([P]);
    c.announce([P], fromAs(65003));
    settle(routing, a, b, c);
    expect(sentAttributes(a)).toContain('65002'); // the lower router id of the two
    a.announce([P], fromAs(65001));
    settle(routing, a, b, c);
    expect(sentAttributes(a)).toContain('65002'); // now it is the existing one
  });

  test('the last action wins: what came and went between two turns is not sent', () => {
    const routing = newRouting();
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    settle(routing, a, b);
    const { messages } = b;
    a.announce([P], fromAs(65001));
    a.withdraw([P]);
    settle(routing, a, b);
    expect(b.messages).toBe(messages);
    a.announce([P], fromAs(65001, 1));
    a.announce([P], fromAs(65001, 2));
    a.announce([P], fromAs(65001, 3));
    settle(routing, a, b);
    expect([b.messages - messages, sentAttributes(b)]).toEqual([
      1,
      attributesText({ origin: 'igp', ...sequence(LOCAL_AS, 65001, 3), ...nextHop(OWN4) }),
    ]);
  });

  test('a peer that goes takes its routes along, and another session starts empty', () => {
    const routing = newRouting();
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    a.announce([P, '198.51.100.0/24'], fromAs(65001));
    settle(routing, a, b);
    a.down();
    a.up(); // before anything was cleaned up
    a.announce(['198.51.100.0/24'], fromAs(65001, 8));
    settle(routing, a, b);
    expect([...b.table.keys()]).toEqual(['198.51.100.0/24']);
    expect(routing.peerCounts(a.id)).toMatchObject({ received: 1, accepted: 1, inStep: true });
    expect(routing.peerCounts(b.id)).toMatchObject({ received: 0, advertised: 1 });
  });

  test('RFC 7606: an UPDATE treated as withdraw takes the routes it names', () => {
    const routing = newRouting();
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    a.announce([P], fromAs(65001));
    settle(routing, a, b);
    const update = Uint8Array.from([
      ...new Array(16).fill(255),
      0,
      45,
      2,
      0,
      0,
      0,
      18,
      0x40,
      1,
      1,
      9, // ORIGIN 9 does not exist
      0x40,
      2,
      4,
      2,
      1,
      0xfd,
      0xe9, // AS_PATH too short for 4-octet AS numbers
      0x40,
      3,
      4,
      10,
      0,
      0,
      9,
      24,
      192,
      0,
      2,
    ]);
    expect(routing.update(a.id, update, 0, update.length)).toBeUndefined();
    settle(routing, a, b);
    expect([b.table.size, routing.peerCounts(a.id).treatedAsWithdraw]).toEqual([0, 1]);
    const cut = update.slice(0, 30);
    expect(routing.update(a.id, cut, 0, cut.length)).toMatchObject({ code: 3, subcode: 1 });
  });
});

describe('policy', () => {
  const only = (text: string): Policy => ({
    rules: [{ name: `only ${text}`, prefixes: upTo(parsePrefix(text)), verdict: 'accept' }],
    otherwise: 'reject',
  });

  test('another import policy judges again what was received, without the peer', () => {
    const routing = newRouting();
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    a.announce([P, '198.51.100.0/24'], fromAs(65001));
    settle(routing, a, b);
    a.change({ importPolicy: only('192.0.2.0/24') });
    settle(routing, a, b);
    expect([...b.table.keys()]).toEqual([P]);
    expect(routing.peerCounts(a.id)).toMatchObject({ received: 2, accepted: 1 });
    expect(routing.route(parsePrefix('198.51.100.0/24'))!.paths).toMatchObject([
      { peer: a.id, state: 'rejected', reason: 'import policy: no rule accepts it' },
    ]);
    a.change({ importPolicy: 'all' });
    settle(routing, a, b);
    expect(b.table.size).toBe(2);
  });

  test('another export policy sends the difference only, and other peers nothing', () => {
    const routing = newRouting();
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B, { exportPolicy: only(P) })];
    const c = upWith(routing, { name: 'c', remoteAs: 65003, number: 4 });
    a.announce([P, '198.51.100.0/24', '203.0.113.0/24'], fromAs(65001));
    settle(routing, a, b, c);
    const before = [b.messages, c.messages];
    b.change({ exportPolicy: only('198.51.100.0/24') });
    settle(routing, a, b, c);
    expect([...b.table.keys()]).toEqual(['198.51.100.0/24']);
    expect([b.messages, c.messages]).toEqual([before[0]! + 2, before[1]!]);
    expect(b.spuriousWithdraws).toBe(0);
    expect(b.endOfRibs).toEqual([4, 6]);
  });

  test('a peer that parts from its group loses and gets what it should', () => {
    const routing = newRouting();
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    const c = upWith(routing, { name: 'c', remoteAs: 65003, number: 4 });
    a.announce([P, '198.51.100.0/24'], fromAs(65001));
    settle(routing, a, b, c);
    b.change({ exportPolicy: only(P) });
    c.change({ exportPolicy: only('198.51.100.0/24') });
    settle(routing, a, b, c);
    expect([[...b.table.keys()], [...c.table.keys()]]).toEqual([[P], ['198.51.100.0/24']]);
    b.change({ exportPolicy: 'all' });
    c.change({ exportPolicy: 'all' });
    settle(routing, a, b, c);
    expect([b.table.size, c.table.size, routing.tableSizes().groups]).toEqual([2, 2, 2]);
  });

  test('a peer that parts with withdraws unread loses those routes too', () => {
    const routing = newRouting();
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    a.announce([P, '198.51.100.0/24'], fromAs(65001));
    settle(routing, a, b);
    a.withdraw([P]);
    while (routing.work(1)); // in the ring now
    b.change({ nextHopMode: 'keep' });
    settle(routing, a, b);
    expect([...b.table.keys()]).toEqual(['198.51.100.0/24']);
  });

  test('an iBGP peer becomes a client while it is up', () => {
    const routing = newRouting();
    const [c, d] = [upWith(routing, IBGP_C), upWith(routing, IBGP_D)];
    c.announce([P], { origin: 'igp', ...sequence(7), ...nextHop('10.0.0.4'), localPref: 200 });
    settle(routing, c, d);
    expect(d.table.size).toBe(0);
    c.change({ routeReflectorClient: true });
    settle(routing, c, d);
    expect(d.table.size).toBe(1);
    c.change({ routeReflectorClient: false });
    settle(routing, c, d);
    expect(d.table.size).toBe(0);
  });

  test("own addresses: sessions' are known, others are told, and both are judged anew", () => {
    const routing = newRouting();
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    a.announce([P], { ...fromAs(65001), ...nextHop(OWN4) });
    a.announce(['198.51.100.0/24'], { ...fromAs(65001), ...nextHop('10.9.9.9') });
    settle(routing, a, b);
    expect([...b.table.keys()]).toEqual(['198.51.100.0/24']);
    routing.setLocalAddresses([parseAddress('10.9.9.9')]);
    settle(routing, a, b);
    expect(b.table.size).toBe(0);
    expect(routing.route(parsePrefix(P))!.paths[0]!.reason).toBe('next hop is an own address');
    routing.setLocalAddresses([]);
    settle(routing, a, b);
    expect(b.table.size).toBe(1);
  });
});

test('the only route is judged anew when its next hop becomes an own address', () => {
  const routing = newRouting();
  const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
  a.announce([P], { ...fromAs(65001), ...nextHop('10.9.9.9') });
  settle(routing, a, b);
  routing.setLocalAddresses([parseAddress('10.9.9.9')]);
  settle(routing, a, b);
  expect(b.table.size).toBe(0);
});

describe('next hops', () => {
  test('RFC 4271 §9.1.2: an unreachable one is not chosen, and comes back; e) the nearer one wins', () => {
    const far = { reachable: true, cost: 10 };
    const table = new Map<string, Reachability>();
    const resolve = (hop: ZonedAddress) => table.get(formatAddress(hop)) ?? far;
    const routing = newRouting({ resolve });
    const change = (hop: string, reachability: Reachability) => {
      table.set(hop, reachability);
      routing.reviewNextHops();
    };
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    const c = upWith(routing, { name: 'c', remoteAs: 65003, number: 4 });
    a.announce([P], { ...fromAs(65001), ...nextHop('10.0.0.2') });
    b.announce([P], { ...fromAs(65002), ...nextHop('10.0.0.3') });
    settle(routing, a, b, c);
    expect(sentAttributes(c)).toContain('65001');
    change('10.0.0.3', { reachable: true, cost: 5 });
    settle(routing, a, b, c);
    expect(sentAttributes(c)).toContain('65002');
    change('10.0.0.3', { reachable: false, cost: 5 });
    settle(routing, a, b, c);
    expect(sentAttributes(c)).toContain('65001');
    const paths = routing.route(parsePrefix(P))!.paths;
    expect(paths.find(({ peer }) => peer === b.id)).toMatchObject({
      state: 'rejected',
      reason: 'next hop unreachable',
    });
    change('10.0.0.2', { reachable: false, cost: 0 });
    settle(routing, a, b, c);
    expect(c.table.size).toBe(0);
    change('10.0.0.2', far);
    settle(routing, a, b, c);
    expect(sentAttributes(c)).toContain('65001');
  });

  test('RFC 4271 §9.1.2.1: ten thousand routes behind two next hops ask for two', () => {
    const asked: string[] = [];
    let reachable = false;
    const routing = newRouting({
      resolve: (hop) => {
        asked.push(formatAddress(hop));
        return { reachable, cost: 0 };
      },
    });
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    const prefixes = Array.from({ length: 10_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    for (let i = 0; i < prefixes.length; i += 500) {
      const hop = i < 5000 ? '10.0.0.2' : '10.0.0.9';
      a.announce(prefixes.slice(i, i + 500), { ...fromAs(65001), ...nextHop(hop) });
    }
    settle(routing, a, b);
    expect([asked, b.table.size]).toEqual([['10.0.0.2', '10.0.0.9'], 0]);
    reachable = true;
    routing.reviewNextHops();
    settle(routing, a, b);
    expect([asked.length, b.table.size]).toEqual([4, 10_000]);
  });
});

describe('onRoutes', () => {
  function record(routing: Routing): Map<string, string> {
    const seen = new Map<string, string>();
    routing.onRoutes((ids, count, reader) => {
      for (let i = 0; i < count; i++) {
        const id = ids[i]!;
        const text = !reader.hasRoute(id)
          ? 'gone'
          : reader.isLocal(id)
            ? 'local'
            : `${reader.nextHops(id).map(formatAddress)} of ${reader.sourcePeer(id)}${reader.isExternal(id) ? ' external' : ''}`;
        seen.set(formatPrefix(reader.prefix(id)), text);
      }
    });
    return seen;
  }

  test('tells next hops, equal ones together, and when a route is gone', () => {
    const routing = newRouting();
    const seen = record(routing);
    const [c, d] = [upWith(routing, IBGP_C), upWith(routing, IBGP_D)];
    const route = (hop: string) =>
      ({ origin: 'igp', ...sequence(), ...nextHop(hop), localPref: 100 }) as const;
    d.announce([P], route('10.0.0.5'));
    settle(routing);
    expect(seen.get(P)).toBe(`10.0.0.5 of ${d.id}`);
    c.announce([P], route('10.0.0.4'));
    settle(routing);
    expect(seen.get(P)).toBe(`10.0.0.4,10.0.0.5 of ${c.id}`);
    d.announce([P], route('10.0.0.6'));
    settle(routing);
    expect(seen.get(P)).toBe(`10.0.0.4,10.0.0.6 of ${c.id}`);
    d.announce([P], route('10.0.0.4'));
    settle(routing);
    expect(seen.get(P)).toBe(`10.0.0.4 of ${c.id}`);
    routing.originate(parsePrefix(P), {});
    settle(routing);
    expect(seen.get(P)).toBe('local');
    routing.withdrawOrigin(parsePrefix(P));
    c.down();
    d.down();
    settle(routing);
    expect(seen.get(P)).toBe('gone');
  });

  test('says nothing when nothing changes', () => {
    const routing = newRouting();
    const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B)];
    a.announce([P], fromAs(65001));
    settle(routing, a, b);
    const seen = record(routing);
    a.announce([P], fromAs(65001));
    b.announce([P], fromAs(65002, 1, 2, 3));
    routing.originate(parsePrefix('198.51.100.0/24'), {});
    settle(routing, a, b);
    expect([...seen]).toEqual([['198.51.100.0/24', 'local']]);
  });
});

test('why: every path with the step that decided, its attributes, and whom the route went to', () => {
  const routing = newRouting();
  const [a, b, c] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B), upWith(routing, IBGP_C)];
  a.announce([P], { ...fromAs(65001, 1), med: 7 });
  b.announce([P], fromAs(65002));
  c.announce([P], { ...fromAs(LOCAL_AS), localPref: 100 });
  settle(routing, a, b, c);
  const detail = routing.route(parsePrefix(P))!;
  expect(detail.paths.map(({ peer, state, reason }) => [peer, state, reason]).sort()).toEqual([
    [a.id, 'lost', 'shorter AS path'],
    [b.id, 'best', 'shorter AS path'],
    [c.id, 'rejected', 'own AS in the AS path'],
  ]);
  expect(detail.paths.find(({ peer }) => peer === a.id)!.attributes).toMatchObject({
    med: 7,
    asPath: [{ type: 'sequence', as: [65001, 1] }],
  });
  expect(detail.sentTo).toEqual([a.id, c.id]);
  expect(detail.notSentTo).toEqual([{ peer: b.id, reason: 'the route is its own' }]);
  expect([...routing.prefixes()].map(formatPrefix)).toEqual([P]);
  expect(routing.route(parsePrefix('203.0.113.0/24'))).toBeUndefined();
  expect(ROUTER_ID).toBe(a.routerId - 1);
});

test('when all is withdrawn nothing is left in the tables', () => {
  const routing = newRouting();
  const neighbors = [
    upWith(routing, EBGP_A),
    upWith(routing, EBGP_B),
    upWith(routing, IBGP_C),
    upWith(routing, IBGP_D, { nextHopMode: 'self' }),
  ];
  neighbors.forEach((neighbor, i) => {
    const prefixes = Array.from({ length: 50 }, (_, j) => `10.${i % 3}.${j}.0/24`);
    neighbor.announce(prefixes, fromAs(neighbor.settings.remoteAs === LOCAL_AS ? 9 : 65000, i + 1));
  });
  settle(routing, ...neighbors);
  expect(routing.tableSizes()).toMatchObject({ prefixes: 150, paths: 200, groups: 6 });
  neighbors[0]!.withdraw(Array.from({ length: 50 }, (_, j) => `10.0.${j}.0/24`));
  for (const neighbor of neighbors.slice(1)) neighbor.down();
  settle(routing, ...neighbors);
  neighbors[0]!.down();
  settle(routing);
  expect(routing.tableSizes()).toMatchObject({
    prefixes: 0,
    paths: 0,
    attributeSets: 0,
    exportedSets: 0,
    groups: 0,
    ringBytes: 0,
  });
});

test('ids of removed peers are used again once nothing bears them', () => {
  const routing = newRouting();
  const a = upWith(routing, EBGP_A);
  a.announce([P], fromAs(65001));
  settle(routing, a);
  routing.removePeer(a.id);
  const early = new Neighbor(routing, EBGP_B);
  expect(early.id).not.toBe(a.id);
  settle(routing);
  expect(new Neighbor(routing, EBGP_A).id).toBe(a.id);
  expect(() => routing.pull(99, 1)).toThrow('there is no peer 99');
});
