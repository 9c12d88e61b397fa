/** Routes of sessions that ended gracefully: they stay, and nobody hears of it. RFC 4724 §4.2, RFC 8538. */

import { parsePrefix } from 'net-ipaddr';
import type { Routing } from '../../../bgp/routing.ts';
import { fromAs, LOCAL_AS, Neighbor, newRouting, nextHop, sequence } from './neighbor.ts';

const P = '192.0.2.0/24';
const Q = '198.51.100.0/24';
const P6 = '2001:db8::/32';

let routing: Routing;
/** What onRoutes told. */
let changes: number;
let a: Neighbor;
let b: Neighbor;

beforeEach(() => {
  routing = newRouting();
  changes = 0;
  routing.onRoutes((_, count) => {
    changes += count;
  });
  a = new Neighbor(routing, { name: 'a', remoteAs: 65001, number: 2 });
  b = new Neighbor(routing, { name: 'b', remoteAs: 65002, number: 3 });
  a.up();
  b.up();
  a.announce([P, Q], fromAs(65001));
  a.announce([P6], { origin: 'igp', ...sequence(65001), ...nextHop('fd00::9') });
  settle();
  forget();
});

function settle(): void {
  do {
    routing.work(1);
    for (const neighbor of [a, b]) if (neighbor.isUp) neighbor.drain();
  } while (routing.work(1));
}

/** What happened until now. */
function forget(): void {
  changes = 0;
  b.messages = 0;
}

function stateOf(prefix: string): string[] {
  const { paths = [] } = routing.route(parsePrefix(prefix)) ?? {};
  return paths.map(({ state, isStale }) => (isStale ? `${state}, stale` : state));
}

test('RFC 4724 §4.2: routes of the families that are kept stay, and nobody hears of it', () => {
  a.down([4, 6]);
  settle();
  expect(changes).toBe(0);
  expect(b.messages).toBe(0);
  expect([...b.table.keys()].sort()).toEqual([P, Q, P6].sort());
  expect(stateOf(P)).toEqual(['best, stale']);
  expect(routing.peerCounts(a.id)).toMatchObject({ received: 3, accepted: 3, stale: 3 });
});

test('RFC 4724 §4.2: routes of other families go at once', () => {
  a.down([4]);
  settle();
  expect([...b.table.keys()].sort()).toEqual([P, Q]);
  expect(routing.peerCounts(a.id)).toMatchObject({ received: 2, stale: 2 });
});

test('announced again unchanged: no change for anybody, and End-of-RIB removes nothing of it', () => {
  a.down([4, 6]);
  a.up();
  settle();
  a.announce([P, Q], fromAs(65001));
  a.announce([P6], { origin: 'igp', ...sequence(65001), ...nextHop('fd00::9') });
  for (const family of [4, 6] as const) routing.forgetStale(a.id, family);
  settle();
  expect(changes).toBe(0);
  expect(b.messages).toBe(0);
  expect(routing.peerCounts(a.id)).toMatchObject({ received: 3, stale: 0 });
});

test('RFC 4724 §4.2: what is still stale at End-of-RIB goes, of that family only', () => {
  a.down([4, 6]);
  a.up();
  a.announce([P], fromAs(65001));
  routing.forgetStale(a.id, 4);
  settle();
  expect([...b.table.keys()].sort()).toEqual([P, P6].sort());
  expect(stateOf(P)).toEqual(['best']);
  expect(stateOf(P6)).toEqual(['best, stale']);
});

test('announced again with other attributes: an announcement, and no withdrawal before it', () => {
  a.down([4, 6]);
  a.up();
  a.announce([P], fromAs(65001, 7));
  settle();
  expect(changes).toBe(1);
  expect(b.messages).toBe(1);
  expect(b.spuriousWithdraws).toBe(0);
});

test('a withdrawal in the next session is one, also of a stale route', () => {
  a.down([4, 6]);
  a.up();
  a.withdraw([P]);
  settle();
  expect([...b.table.keys()].sort()).toEqual([Q, P6].sort());
  expect(routing.peerCounts(a.id)).toMatchObject({ received: 2, stale: 2 });
});

test('the peer is told everything anew, then End-of-RIB', () => {
  b.announce(['203.0.113.0/24'], fromAs(65002));
  settle();
  a.down([4, 6]);
  a.up();
  settle();
  expect([...a.table.keys()]).toEqual(['203.0.113.0/24']);
  expect(a.endOfRibs).toEqual([4, 6]);
});

test('RFC 8538 §4.1: a second end before End-of-RIB keeps what was stale already', () => {
  a.down([4, 6]);
  a.up();
  a.announce([P], fromAs(65001));
  a.down([4, 6]);
  settle();
  expect(changes).toBe(0);
  expect(routing.peerCounts(a.id)).toMatchObject({ received: 3, stale: 3 });
  a.up();
  a.announce([Q], fromAs(65001));
  routing.forgetStale(a.id, 4);
  settle();
  expect([...b.table.keys()].sort()).toEqual([Q, P6].sort());
});

test('a session that ends while its stale routes are being removed loses no other', () => {
  const many = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  a.announce(many, fromAs(65001));
  settle();
  a.down([4, 6]);
  a.up();
  a.announce(many, fromAs(65001));
  settle();
  // P and Q are to go: the sweep takes three steps, of which one is done.
  routing.forgetStale(a.id, 4);
  routing.work(0);
  a.down([4, 6]);
  settle();
  const { received, stale } = routing.peerCounts(a.id);
  expect(received).toBeGreaterThan(many.length);
  expect(stale).toBe(received);
  expect(many.every((prefix) => b.table.has(prefix))).toBe(true);
});

test('more restarts than a path can count, each with its End-of-RIB', () => {
  for (let i = 0; i < 600; i++) {
    a.down([4, 6]);
    a.up();
    a.announce([i % 2 === 0 ? P : Q], fromAs(65001));
    for (const family of [4, 6] as const) routing.forgetStale(a.id, family);
    settle();
    expect(routing.peerCounts(a.id)).toMatchObject({ received: 1, stale: 0 });
  }
  expect([...b.table.keys()]).toEqual([Q]);
});

test('the peer does not come back: its routes go when they are forgotten, family by family', () => {
  a.down([4, 6]);
  routing.forgetStale(a.id, 4);
  settle();
  expect([...b.table.keys()]).toEqual([P6]);
  routing.forgetStale(a.id, 6);
  settle();
  expect(b.table.size).toBe(0);
  expect(routing.peerCounts(a.id)).toMatchObject({ received: 0, stale: 0 });
  expect(routing.tableSizes()).toMatchObject({ prefixes: 0, paths: 0, attributeSets: 0 });
});

test('the session ends for good, or the peer is removed: nothing is kept', () => {
  a.down([4, 6]);
  a.up();
  a.down();
  settle();
  expect(b.table.size).toBe(0);
  a.up();
  a.announce([P], fromAs(65001));
  a.down([4]);
  routing.removePeer(a.id);
  a.isUp = false;
  settle();
  expect(b.table.size).toBe(0);
  expect(routing.tableSizes()).toMatchObject({ prefixes: 0, paths: 0, attributeSets: 0 });
});

test('another BGP Identifier is another speaker: what the first one left goes', () => {
  a.down([4, 6]);
  a.up(0x0a0000fe);
  a.announce([P], fromAs(65001));
  settle();
  expect([...b.table.keys()]).toEqual([P]);
  expect(routing.peerCounts(a.id)).toMatchObject({ received: 1, stale: 0 });
});

test('another policy judges stale routes too', () => {
  a.down([4, 6]);
  a.change({ importPolicy: { rules: [], otherwise: 'reject' } });
  settle();
  expect(b.table.size).toBe(0);
  expect(routing.peerCounts(a.id)).toMatchObject({ received: 3, accepted: 0 });
  a.change({ importPolicy: 'all' });
  settle();
  expect(b.table.size).toBe(3);
});

test('a stale route competes like any other (RFC 4724 §4.2)', () => {
  const c = new Neighbor(routing, { name: 'c', remoteAs: LOCAL_AS, number: 4 });
  c.up();
  c.announce([P], { ...fromAs(65001), localPref: 200 });
  settle();
  a.down([4]);
  settle();
  expect(stateOf(P).sort()).toEqual(['best', 'lost, stale']);
  c.down();
  settle();
  expect(stateOf(P)).toEqual(['best, stale']);
});

describe('RFC 4724 §4.1: after a restart', () => {
  test('nothing is chosen and nobody is told anything until the deferral ends', () => {
    const later = newRouting();
    later.defer(true);
    const told: number[] = [];
    later.onRoutes((_, count) => told.push(count));
    later.originate(parsePrefix('10.1.0.0/26'), {});
    const c = new Neighbor(later, { name: 'c', remoteAs: 65003, number: 6 });
    c.up();
    c.announce([P], fromAs(65003));
    expect(later.work(1)).toBe(false);
    expect(c.pull()).toBe(0);
    expect(told).toEqual([]);
    later.defer(false);
    later.work(1);
    c.drain();
    expect(told).toEqual([2]);
    expect([...c.table.keys()]).toEqual(['10.1.0.0/26']);
    expect(c.endOfRibs).toEqual([4, 6]);
  });
});
