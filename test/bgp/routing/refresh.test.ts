/** Route refresh with the marks of RFC 7313, as the one who answers and as the one who is told again. */

import { parsePrefix } from 'net-ipaddr';
import type { Routing } from '../../../bgp/routing.ts';
import {
  fromAs,
  Neighbor,
  type NeighborSettings,
  newRouting,
  nextHop,
  sequence,
} from './neighbor.ts';
import { Owner } from './owner.ts';

const A = { name: 'a', remoteAs: 65001, number: 2 };
const B = { name: 'b', remoteAs: 65002, number: 3 };
const COUNT = 6000;
const MANY = Array.from({ length: COUNT }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);

let routing: Routing;
let owner: Owner;
beforeEach(() => {
  routing = newRouting();
  owner = new Owner(routing);
});

function up(settings: NeighborSettings): Neighbor {
  const neighbor = new Neighbor(routing, settings);
  neighbor.up();
  return neighbor;
}

test('RFC 7313 §4: the answer to a request is enclosed in marks, also when much of it is still to come', () => {
  const a = up(A);
  const b = up({ ...B, enhancedRouteRefresh: true });
  a.announce(MANY, fromAs(65001));
  owner.settle([a, b]);
  b.marks.length = 0;
  routing.refresh(b.id, 4);
  for (let i = 0; i < 3; i++) {
    routing.work(0);
    b.pull(4096);
  }
  expect(b.marks).toEqual(['begin 4']);
  // What the source gives up meanwhile is either withdrawn or not told again.
  a.withdraw(MANY.slice(0, COUNT / 2));
  owner.settle([a, b]);
  expect(b.marks).toEqual(['begin 4', 'end 4']);
  expect([b.table.size, b.isAllFresh]).toEqual([COUNT / 2, true]);
});

test('RFC 7313 §4: a request during the initial routes waits for their End-of-RIB, one during an answer for its end', () => {
  const a = up(A);
  a.announce(MANY, fromAs(65001));
  owner.settle([a]);
  const b = up({ ...B, enhancedRouteRefresh: true });
  routing.work(1);
  b.pull(4096);
  for (let i = 0; i < 3; i++) routing.refresh(b.id, 4);
  while (!b.marks.includes('begin 4')) b.pull(4096);
  for (let i = 0; i < 3; i++) routing.refresh(b.id, 4);
  owner.settle([a, b]);
  const answer = ['begin 4', 'end 4'];
  expect(b.marks.filter((mark) => mark.endsWith('4'))).toEqual(['EoR 4', ...answer, ...answer]);
});

test('RFC 7313 §4: a peer that parts from its group during an answer still gets its end', () => {
  const a = up(A);
  const b = up({ ...B, enhancedRouteRefresh: true });
  const c = up({ name: 'c', remoteAs: 65003, number: 4 });
  a.announce(MANY, fromAs(65001));
  owner.settle([a, b, c]);
  b.marks.length = 0;
  routing.refresh(b.id, 4);
  b.pull(4096);
  const none = { rules: [], otherwise: 'reject' } as const;
  b.change({ exportPolicy: none });
  owner.settle([a, b, c]);
  expect([b.marks, b.table.size]).toEqual([['begin 4', 'end 4'], 0]);
});

test('RFC 7313 §4: what a peer does not tell again between the marks is gone, in its family only', () => {
  const [a, b] = [up(A), up(B)];
  const six = { origin: 'igp' as const, ...sequence(65001), ...nextHop('fd00::9') };
  a.announce(['10.1.0.0/24', '10.2.0.0/24', '10.3.0.0/24'], fromAs(65001));
  a.announce(['2001:db8::/32'], six);
  owner.settle([a, b]);
  const paths = (prefix: string) => routing.route(parsePrefix(prefix))?.paths ?? [];

  routing.refreshBegins(a.id, 4);
  a.announce(['10.1.0.0/24'], fromAs(65001));
  a.announce(['10.2.0.0/24'], fromAs(65001, 9));
  owner.settle([a, b]);
  expect([b.table.size, paths('10.1.0.0/24')[0]?.isStale]).toEqual([4, false]);
  expect([paths('10.3.0.0/24')[0]?.isStale, paths('2001:db8::/32')[0]?.isStale]).toEqual([
    true,
    false,
  ]);
  routing.forgetStale(a.id, 4);
  owner.settle([a, b]);
  expect([...b.table.keys()].sort()).toEqual(['10.1.0.0/24', '10.2.0.0/24', '2001:db8::/32']);
  expect(routing.peerCounts(a.id).received).toBe(3);
});

test('RFC 7313 §4: another beginning before the end: only what came after the last one is fresh', () => {
  const [a, b] = [up(A), up(B)];
  a.announce(['10.1.0.0/24', '10.2.0.0/24'], fromAs(65001));
  routing.refreshBegins(a.id, 4);
  a.announce(['10.1.0.0/24'], fromAs(65001));
  routing.forgetStale(a.id, 4);
  // Before that sweep has begun:
  routing.refreshBegins(a.id, 4);
  a.announce(['10.2.0.0/24'], fromAs(65001));
  owner.settle([a, b]);
  expect(b.table.size).toBe(2);
  routing.forgetStale(a.id, 4);
  owner.settle([a, b]);
  expect([...b.table.keys()]).toEqual(['10.2.0.0/24']);
});
