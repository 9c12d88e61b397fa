import { encodeAttributes, type PathAttributes } from 'bgp-parser-ts';
import fc from 'fast-check';
import { parseAddress } from 'net-ipaddr';
import { type Candidate, decide } from '../../../bgp/rib/decision.ts';
import { candidateOf } from '../../../bgp/rib/detail.ts';
import { NextHops } from '../../../bgp/rib/nexthops.ts';
import { NO_PATH } from '../../../bgp/rib/paths.ts';
import { Rib } from '../../../bgp/rib/rib.ts';
import { UNKNOWN_AS } from '../../../bgp/rib/scores.ts';
import {
  CLIENT,
  EXTERNAL,
  INTERNAL,
  LOCAL_SOURCE,
  type SourceKind,
} from '../../../bgp/rib/sources.ts';

const BASE: Candidate = {
  isLocal: false,
  isLongLivedStale: false,
  localPref: 100,
  pathLength: 2,
  origin: 0,
  neighborAs: 65001,
  med: 10,
  isExternal: true,
  cost: 5,
  isCurrent: false,
  routerId: 10,
  clusterListLength: 0,
  peerAddress: Uint8Array.of(10, 0, 0, 9),
  pathId: 7,
};
const INTERNAL_BASE = { ...BASE, isExternal: false };

// Each row: the second candidate wins over the first at this step.
test.each<[string, string, Partial<Candidate>, Partial<Candidate>]>([
  ['originated here', 'what is ours cannot be taken over', { localPref: 4e9 }, { isLocal: true }],
  [
    'not long-lived stale',
    'RFC 9494 §4.3',
    { localPref: 4e9, isLongLivedStale: true },
    { localPref: 0, isExternal: false },
  ],
  ['higher local preference', 'RFC 4271 §9.1.1', { pathLength: 0 }, { localPref: 101 }],
  ['shorter AS path', 'RFC 4271 §9.1.2.2 a', { origin: 0 }, { pathLength: 1, origin: 2 }],
  ['lower origin', 'RFC 4271 §9.1.2.2 b', { origin: 1, med: 0 }, { origin: 0 }],
  ['lower MED', 'RFC 4271 §9.1.2.2 c', { isExternal: true }, { isExternal: false, med: 9 }],
  ['external over internal', 'RFC 4271 §9.1.2.2 d', { isExternal: false, cost: 0 }, {}],
  ['lower interior cost', 'RFC 4271 §9.1.2.2 e', { isCurrent: true }, { cost: 4 }],
  ['existing external path', 'RFC 5004 §3', { routerId: 1 }, { isCurrent: true }],
  ['lower router id', 'RFC 4271 §9.1.2.2 f', { clusterListLength: 0 }, { routerId: 9 }],
])('%s: %s', (step, _, loser, winner) => {
  const decision = decide([
    { ...BASE, ...loser },
    { ...BASE, ...winner },
  ]);
  expect(decision.best).toBe(1);
  expect(decision.decidedBy).toBe(step);
  expect(decision.lostAt).toEqual([step, undefined]);
});

test.each<[string, string, Partial<Candidate>, Partial<Candidate>]>([
  [
    'lower router id',
    'RFC 5004 §3 is not for internal paths',
    { isCurrent: true },
    { routerId: 9 },
  ],
  ['shorter cluster list', 'RFC 4456 §9', { clusterListLength: 1, pathId: 0 }, {}],
  ['lower peer address', 'RFC 4271 §9.1.2.2 g', {}, { peerAddress: Uint8Array.of(10, 0, 0, 8) }],
  ['lower path id', 'RFC 7911: two paths of one peer', {}, { pathId: 6 }],
])('%s: %s', (step, _, loser, winner) => {
  const decision = decide([
    { ...INTERNAL_BASE, ...loser },
    { ...INTERNAL_BASE, ...winner },
  ]);
  expect([decision.best, decision.decidedBy]).toEqual([1, step]);
});

test('RFC 5004 §3: parallel sessions of one router are told apart by address', () => {
  const current = { ...BASE, isCurrent: true };
  const parallel = { ...BASE, peerAddress: Uint8Array.of(10, 0, 0, 1) };
  const other = { ...BASE, routerId: 1 };
  const decision = decide([current, parallel, other]);
  expect(decision.best).toBe(1);
  expect(decision.lostAt).toEqual(['lower peer address', undefined, 'existing external path']);
});

test('RFC 4271 §9.1.2.2 c: MED within a neighbouring AS only, in whatever order paths came', () => {
  // Two by two A beats B by router id, B beats C by router id, C beats A by MED: a circle.
  const a = { ...INTERNAL_BASE, neighborAs: 1, med: 20, routerId: 1 };
  const b = { ...INTERNAL_BASE, neighborAs: 2, med: 0, routerId: 2 };
  const c = { ...INTERNAL_BASE, neighborAs: 1, med: 10, routerId: 3 };
  for (const order of [
    [a, b, c],
    [a, c, b],
    [b, a, c],
    [b, c, a],
    [c, a, b],
    [c, b, a],
  ]) {
    const decision = decide(order);
    expect(order[decision.best]).toBe(b);
    expect(decision.lostAt[order.indexOf(a)]).toBe('lower MED');
  }
});

test('a path that begins with a set has no neighbouring AS to compare MEDs in', () => {
  const a = { ...INTERNAL_BASE, neighborAs: UNKNOWN_AS, med: 20, routerId: 1 };
  const b = { ...INTERNAL_BASE, neighborAs: UNKNOWN_AS, med: 10, routerId: 2 };
  expect(decide([a, b])).toMatchObject({ best: 0, decidedBy: 'lower router id' });
});

test('what is equal up to the interior cost is multipath', () => {
  const candidates = [BASE, { ...BASE, routerId: 3 }, { ...BASE, cost: 6 }];
  expect(decide(candidates).isMultipath).toEqual([true, true, false]);
});

test('no candidates, no best; one, nothing to decide', () => {
  expect(decide([])).toMatchObject({ best: -1, decidedBy: undefined });
  expect(decide([BASE])).toMatchObject({ best: 0, decidedBy: undefined, lostAt: [undefined] });
});

/** Few values each, so that ties reach every step. */
const few = (...values: number[]) => fc.constantFrom(...values);
const peer = fc.record({
  kind: fc.constantFrom<SourceKind>(EXTERNAL, EXTERNAL, CLIENT, INTERNAL),
  routerId: few(1, 2, 0xfffffffe),
  address: fc.constantFrom('10.0.0.1', '10.0.0.2', '2001:db8::1'),
});
const path = fc.record({
  peer: fc.nat(9),
  localPref: fc.option(few(99, 100, 4_000_000_000), { nil: undefined }),
  asPath: fc.constantFrom<NonNullable<PathAttributes['asPath']>>(
    [],
    [{ type: 'sequence', as: [1, 2] }],
    [{ type: 'sequence', as: [2, 3] }],
    [{ type: 'set', as: [1, 2] }],
    [
      { type: 'sequence', as: [1] },
      { type: 'set', as: [4, 5, 6] },
    ],
  ),
  origin: fc.constantFrom<NonNullable<PathAttributes['origin']>>('igp', 'igp', 'incomplete'),
  med: fc.option(few(0, 1, 4_000_000_000), { nil: undefined }),
  nextHop: fc.constantFrom('10.1.0.1', '10.1.0.2', '10.1.0.3'),
  originatorId: fc.option(few(1, 2), { nil: undefined }),
  clusterList: fc.option(fc.constantFrom([1], [1, 2]), { nil: undefined }),
  pathId: few(0, 0, 1),
  // LLGR_STALE
  communities: fc.nat(9).map((n) => (n === 0 ? [0xffff0006] : undefined)),
  isLocal: fc.nat(30).map((n) => n === 0),
  isRejected: fc.nat(8).map((n) => n === 0),
});

test('the fast selection agrees with the table', () => {
  const costs: Record<string, number> = { '10.1.0.1': 1, '10.1.0.2': 1, '10.1.0.3': 2 };
  const cases = fc.record({
    peers: fc.array(peer, { minLength: 1, maxLength: 10 }),
    paths: fc.array(path, { maxLength: 12 }),
    unreachable: fc.option(fc.constantFrom('10.1.0.1', '10.1.0.3'), { nil: undefined }),
    gone: fc.nat(20),
    current: fc.nat(12),
  });
  const reached = new Set<string>();
  fc.assert(
    fc.property(cases, ({ peers, paths, unreachable, gone, current }) => {
      const hops = new NextHops(({ bytes }) => {
        const text = bytes.join('.');
        return { reachable: text !== unreachable, cost: costs[text]! };
      });
      const rib = new Rib(() => 0.5, hops);
      const prefix = rib.prefixes.intern({ address: parseAddress('192.0.2.0'), length: 24 });
      const sources = peers.map(({ kind, routerId, address }, id) =>
        rib.sources.add(id, kind, routerId, parseAddress(address).bytes),
      );
      for (const one of paths) {
        const { isLocal, isRejected, pathId, peer: at, nextHop, ...attributes } = one;
        const address = { address: parseAddress(nextHop) };
        const bytes = encodeAttributes({ ...defined(attributes), nextHop: address });
        const id = rib.attributes.intern(bytes, 0, bytes.length);
        const source = isLocal ? LOCAL_SOURCE : sources[at % sources.length]!;
        rib.announce(prefix, source, pathId, id, isRejected ? 0 : id);
      }
      rib.routes.reach(prefix);
      if (sources[gone] !== undefined) rib.sources.leave(sources[gone]);
      const all: number[] = [];
      for (let p = rib.routes.head(prefix); p !== NO_PATH; p = rib.paths.next(p)) all.push(p);
      rib.routes.setBest(prefix, all[current] ?? NO_PATH);

      const usable = all.filter((p) => rib.selection.isUsable(p));
      const decision = decide(usable.map((p) => candidateOf(rib, p)));
      const chosen = rib.selection.select(rib.routes.head(prefix), rib.routes.best(prefix));
      expect(chosen).toBe(usable[decision.best] ?? NO_PATH);
      const equal = Array.from({ length: rib.selection.equal }, (_, i) =>
        rib.selection.equalPath(i),
      );
      expect(new Set(equal)).toEqual(new Set(usable.filter((_, i) => decision.isMultipath[i])));
      if (decision.decidedBy !== undefined) reached.add(decision.decidedBy);
    }),
    // The same cases each time: the rarest step comes up once or twice in them.
    { numRuns: 2000, seed: 1 },
  );
  // The cases are good for something only if they get to the end of the table.
  expect(reached.size).toBe(13);
});

function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined),
  ) as never;
}
