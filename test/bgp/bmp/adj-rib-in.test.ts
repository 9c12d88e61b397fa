/** Adj-RIB-In told in steps while it changes: whoever follows ends up with all of it. */

import { decodeUpdate, type WireContext } from 'bgp-parser-ts';
import { formatPrefix } from 'net-ipaddr';
import type { Routing } from '../../../bgp/routing.ts';
import { fromAs, Neighbor, newRouting, nextHop, sequence } from '../routing/neighbor.ts';
import { Owner } from '../routing/owner.ts';

/** What somebody makes of the UPDATEs of all peers: prefix → AS path. */
class Follower {
  readonly tables = new Map<number, Map<string, string>>();

  take(peer: number, context: WireContext, bytes: Uint8Array, start: number, end: number): void {
    const decoded = decodeUpdate(bytes, start, end, context);
    if ('error' in decoded) throw new Error(decoded.error.text);
    const table = this.tables.get(peer) ?? new Map<string, string>();
    this.tables.set(peer, table);
    for (const { prefix } of decoded.message.withdrawn) table.delete(formatPrefix(prefix));
    for (const { attributes, nlri } of decoded.message.announced) {
      const path = attributes.asPath?.flatMap(({ as }) => as).join(' ') ?? '';
      for (const { prefix } of nlri) table.set(formatPrefix(prefix), path);
    }
  }
}

const A = { name: 'a', remoteAs: 65001, number: 2 };
const B = { name: 'b', remoteAs: 65002, number: 3, extendedMessage: true };
const COUNT = 9_000;
const MANY = Array.from({ length: COUNT }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);

let routing: Routing;
let owner: Owner;
let a: Neighbor;
let b: Neighbor;
let follower: Follower;
beforeEach(() => {
  routing = newRouting();
  owner = new Owner(routing);
  a = new Neighbor(routing, A);
  b = new Neighbor(routing, B);
  a.up();
  b.up();
  follower = new Follower();
});

function follow(): void {
  routing.onUpdate((peer, context, _outcome, bytes, start, end) =>
    follower.take(peer, context, bytes, start, end),
  );
}

test('a dump among changes', () => {
  const expected = new Map(MANY.map((prefix) => [prefix, '65001']));
  a.announce(MANY, fromAs(65001));
  b.announce(MANY.slice(0, 100), fromAs(65002));
  const six = { origin: 'igp' as const, ...sequence(65002, 9), ...nextHop('fd00::9') };
  b.announce(['2001:db8::/32'], six);
  follow();
  const dump = routing.dumpAdjRibIn();
  let steps = 0;
  let updates = 0;
  const sink = (peer: number, bytes: Uint8Array, start: number, end: number) => {
    const { context } = peer === a.id ? a : b;
    follower.take(peer, { ...context, as4: true }, bytes, start, end);
    updates++;
  };
  while (dump.step(sink)) {
    steps++;
    // Before, within and after what is told by now; the last are new cells, or used ones again.
    for (const at of [10, 2_000, 4_100, 8_990]) {
      const gone = MANY[at + 2 * steps]!;
      const changed = MANY[at + 2 * steps + 1]!;
      a.withdraw([gone]);
      expected.delete(gone);
      a.announce([changed], fromAs(65001, steps));
      expected.set(changed, `65001 ${steps}`);
    }
    a.announce([`172.16.${steps}.0/24`], fromAs(65001));
    expected.set(`172.16.${steps}.0/24`, '65001');
  }
  expect(steps).toBeGreaterThan(3);
  // One UPDATE has room for about a thousand prefixes.
  expect(updates).toBeLessThan(60);
  expect(follower.tables.get(a.id)).toEqual(expected);
  expect(follower.tables.get(b.id)).toEqual(
    new Map([
      ...MANY.slice(0, 100).map((prefix): [string, string] => [prefix, '65002']),
      ['2001:db8::/32', '65002 9'],
    ]),
  );
});

test('a peer that went down is not told of, though its paths are still being removed', () => {
  a.announce(MANY, fromAs(65001));
  a.down();
  const told: number[] = [];
  const dump = routing.dumpAdjRibIn();
  while (dump.step((peer) => told.push(peer)));
  expect(told).toEqual([]);
});

test('RFC 7313 §4: what a peer does not tell again is told as withdrawn', () => {
  follow();
  a.announce(MANY, fromAs(65001));
  routing.refreshBegins(a.id, 4);
  a.announce(MANY.slice(0, 10), fromAs(65001));
  routing.forgetStale(a.id, 4);
  owner.settle([a, b]);
  expect([...follower.tables.get(a.id)!.keys()]).toEqual(MANY.slice(0, 10));
});
