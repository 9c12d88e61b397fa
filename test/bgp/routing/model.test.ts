/**
 * Random lives of a speaker, against the model: whatever happens, in whatever slices the work is
 * done and however slowly peers pull, in the end all know what they should.
 */

import type { PathAttributes } from 'bgp-parser-ts';
import fc from 'fast-check';
import { formatAddress, formatPrefix, parsePrefix } from 'net-ipaddr';
import type { Policy } from '../../../bgp/policy/policy.ts';
import type { Routing, RoutingPeer } from '../../../bgp/routing.ts';
import { FEW_PREFIXES, policies } from '../policy/plain-policy.ts';
import { Model } from './model.ts';
import { LOCAL_AS, Neighbor, newRouting, nextHop, OWN4, ROUTER_ID } from './neighbor.ts';
import { Owner } from './owner.ts';

const PREFIXES4 = Array.from({ length: 24 }, (_, i) => `10.${i >> 3}.${i & 7}.0/24`);
const PREFIXES6 = Array.from({ length: 6 }, (_, i) => `2001:db8:${i + 1}::/48`);

const SETTINGS: readonly (readonly [string, number, Partial<RoutingPeer>, object])[] = [
  ['external', 65001, {}, {}],
  ['its twin', 65002, {}, { enhancedRouteRefresh: true }],
  ['only IPv4', 65003, {}, { families: [4] }],
  ['keeps next hops', 65004, { nextHopMode: 'keep' }, { extendedMessage: true }],
  ['internal', LOCAL_AS, {}, {}],
  ['another internal', LOCAL_AS, {}, {}],
  ['client', LOCAL_AS, { routeReflectorClient: true }, {}],
  ['client with own next hop', LOCAL_AS, { routeReflectorClient: true, nextHopMode: 'self' }, {}],
  ['reflector that sends paths', LOCAL_AS, {}, { addPath: 'receive' }],
  ['client of all paths', LOCAL_AS, { routeReflectorClient: true }, { addPath: 'both' }],
  ['its twin of all paths', LOCAL_AS, { routeReflectorClient: true }, { addPath: 'both' }],
  ['external of all paths', 65005, {}, { addPath: 'send', enhancedRouteRefresh: true }],
];

interface World {
  readonly routing: Routing;
  readonly owner: Owner;
  readonly model: Model;
  readonly neighbors: readonly Neighbor[];
  /** From onRoutes. */
  readonly routes: Map<string, string>;
}

function newWorld(): World {
  const model = new Model();
  const routing = newRouting({
    resolve: (hop) => ({ reachable: !model.unreachable.has(formatAddress(hop)), cost: 0 }),
  });
  const routes = new Map<string, string>();
  routing.onRoutes((ids, count, reader) => {
    for (let i = 0; i < count; i++) {
      const id = ids[i]!;
      const prefix = formatPrefix(reader.prefix(id));
      if (!reader.hasRoute(id)) routes.delete(prefix);
      else if (reader.isLocal(id)) routes.set(prefix, 'local');
      else {
        const hops = reader.nextHops(id).map(formatAddress);
        routes.set(prefix, `${hops} of ${reader.sourcePeer(id)}`);
      }
    }
  });
  const neighbors = SETTINGS.map(
    ([name, remoteAs, config, more], i) =>
      new Neighbor(routing, { name, remoteAs, number: 10 + i, ...more }, config),
  );
  return { routing, owner: new Owner(routing), model, neighbors, routes };
}

function settle({ neighbors, owner }: World): void {
  owner.settle(neighbors.filter(({ isUp }) => isUp));
}

function check(world: World): void {
  const { model, neighbors, routes } = world;
  expect(sorted(routes)).toEqual(sorted(model.routes()));
  for (const neighbor of neighbors) {
    if (!neighbor.isUp) continue;
    const expected = model.table(neighbor).sort(inOrder);
    expect(neighbor.isAllFresh).toBe(true);
    expect([neighbor.settings.name, neighbor.routes.sort(inOrder)]).toEqual([
      neighbor.settings.name,
      expected,
    ]);
    expect(world.routing.peerCounts(neighbor.id)).toMatchObject({
      advertised: expected.length,
      inStep: true,
    });
    expect([...neighbor.endOfRibs].sort()).toEqual([...neighbor.families]);
  }
}

function sorted(map: Map<string, string>): [string, string][] {
  return [...map].sort(inOrder);
}

function inOrder(a: readonly [string, string], b: readonly [string, string]): number {
  return a.join(' ') < b.join(' ') ? -1 : 1;
}

/** Everything gone, nothing may be left behind. */
function checkEmpty(world: World): void {
  const { model, neighbors, routing } = world;
  for (const neighbor of neighbors) {
    if (neighbor.isUp) neighbor.down();
    model.down(neighbor);
  }
  for (const prefix of [...PREFIXES4, ...PREFIXES6]) routing.withdrawOrigin(parsePrefix(prefix));
  settle(world);
  expect(world.routes.size).toBe(0);
  expect(routing.tableSizes()).toMatchObject({
    prefixes: 0,
    paths: 0,
    attributeSets: 0,
    exportedSets: 0,
    groups: 0,
    ringBytes: 0,
  });
}

const policy: fc.Arbitrary<Policy> = fc.oneof(
  fc.constant<Policy>('all'),
  policies(FEW_PREFIXES, false),
  policies(FEW_PREFIXES, true),
);

/** What routes look like, before the next hop and, for `distinct`, the length of the path. */
const attributes = fc.record({
  as: fc.array(fc.constantFrom(1, 2, LOCAL_AS - 1, LOCAL_AS), { minLength: 1, maxLength: 3 }),
  origin: fc.constantFrom<NonNullable<PathAttributes['origin']>>('igp', 'igp', 'incomplete'),
  med: fc.option(fc.constantFrom(1, 2), { nil: undefined }),
  localPref: fc.constantFrom(100, 100, 200),
  communities: fc.option(fc.constantFrom([7], [0xffffff01], [0xffffff02]), { nil: undefined }),
  originatorId: fc.option(fc.constantFrom(3, ROUTER_ID), { nil: undefined, freq: 4 }),
  hop: fc.constantFrom('2', '3', '3', '4'),
  isOwnHop: fc.nat(15).map((n) => n === 0),
  padding: fc.constantFrom(0, 0, 700),
});
type Drawn = typeof attributes extends fc.Arbitrary<infer T> ? T : never;

const who = fc.nat(SETTINGS.length - 1);
const which = fc.uniqueArray(fc.nat(PREFIXES4.length + PREFIXES6.length - 1), {
  minLength: 1,
  maxLength: 12,
});

/** Of those who send path identifiers. */
const pathId = fc.nat(2);

type Step =
  | { announce: { who: number; which: number[]; drawn: Drawn; pathId: number } }
  | { withdraw: { who: number; which: number[]; pathId: number } }
  | { flap: number }
  | { up: number }
  | { down: number }
  | { imports: { who: number; policy: Policy } }
  | { exports: { who: number[]; policy: Policy } }
  | { mode: { who: number; mode: RoutingPeer['nextHopMode'] } }
  | { originate: { which: number[]; med: number } }
  | { withdrawOrigin: { which: number[] } }
  | { reach: { hop: string; reachable: boolean } }
  | { refresh: number }
  | { pull: { who: number; bytes: number } }
  | { work: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ announce: fc.record({ who, which, drawn: attributes, pathId }) }),
  },
  { weight: 5, arbitrary: fc.record({ withdraw: fc.record({ who, which, pathId }) }) },
  { weight: 1, arbitrary: fc.record({ flap: who }) },
  { weight: 2, arbitrary: fc.record({ up: who }) },
  { weight: 1, arbitrary: fc.record({ down: who }) },
  { weight: 1, arbitrary: fc.record({ imports: fc.record({ who, policy }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ exports: fc.record({ who: fc.array(who, { minLength: 1 }), policy }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      mode: fc.record({ who, mode: fc.constantFrom('auto' as const, 'self' as const) }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ originate: fc.record({ which, med: fc.nat(1) }) }) },
  { weight: 1, arbitrary: fc.record({ withdrawOrigin: fc.record({ which }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      reach: fc.record({ hop: fc.constantFrom('2', '3'), reachable: fc.boolean() }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ refresh: who }) },
  { weight: 8, arbitrary: fc.record({ pull: fc.record({ who, bytes: fc.nat(9000) }) }) },
  { weight: 8, arbitrary: fc.record({ work: fc.nat(3) }) },
);

/** Does to the world and to its model what the step says. `distinct`: no tie-break can depend on history. */
function take(world: World, one: Step, distinct: boolean): void {
  const { model, neighbors, owner, routing } = world;
  if ('announce' in one) {
    const { who: from, which: prefixes, drawn } = one.announce;
    const neighbor = neighbors[from]!;
    if (!neighbor.isUp) return;
    for (const family of neighbor.families) {
      const named = prefixes.map(prefixOf).filter((text) => text.includes(':') === (family === 6));
      const full = attributesOf(neighbor, from, drawn, family, distinct);
      if (named.length === 0) continue;
      const id = neighbor.sendsPaths ? one.announce.pathId : 0;
      neighbor.announce(named, full, id);
      for (const prefix of named) model.announce(neighbor, prefix, full, id);
    }
  } else if ('withdraw' in one) {
    const neighbor = neighbors[one.withdraw.who]!;
    if (!neighbor.isUp) return;
    const named = one.withdraw.which.map(prefixOf);
    const id = neighbor.sendsPaths ? one.withdraw.pathId : 0;
    neighbor.withdraw(
      named.filter((text) => neighbor.families.includes(familyOf(text))),
      id,
    );
    for (const prefix of named) model.withdraw(neighbor, prefix, id);
  } else if ('flap' in one || 'down' in one) {
    const neighbor = neighbors['flap' in one ? one.flap : one.down]!;
    if (!neighbor.isUp) return;
    neighbor.down();
    model.down(neighbor);
    if ('flap' in one) neighbor.up();
  } else if ('up' in one) {
    if (!neighbors[one.up]!.isUp) neighbors[one.up]!.up();
  } else if ('imports' in one) {
    neighbors[one.imports.who]!.change({ importPolicy: one.imports.policy });
  } else if ('exports' in one) {
    for (const each of one.exports.who) {
      neighbors[each]!.change({ exportPolicy: one.exports.policy });
    }
  } else if ('mode' in one) {
    neighbors[one.mode.who]!.change({ nextHopMode: one.mode.mode });
  } else if ('originate' in one) {
    const { med, which: prefixes } = one.originate;
    for (const prefix of prefixes.map(prefixOf)) {
      routing.originate(parsePrefix(prefix), { med });
      model.announce('local', prefix, { origin: 'igp', asPath: [], med });
    }
  } else if ('withdrawOrigin' in one) {
    for (const prefix of one.withdrawOrigin.which.map(prefixOf)) {
      routing.withdrawOrigin(parsePrefix(prefix));
      model.withdraw('local', prefix);
    }
  } else if ('reach' in one) {
    for (const hop of [`10.1.0.${one.reach.hop}`, `fd00:1::${one.reach.hop}`]) {
      if (one.reach.reachable) model.unreachable.delete(hop);
      else model.unreachable.add(hop);
    }
    routing.reviewNextHops();
  } else if ('refresh' in one) {
    const neighbor = neighbors[one.refresh]!;
    if (neighbor.isUp) routing.refresh(neighbor.id, 4);
  } else if ('pull' in one) {
    const neighbor = neighbors[one.pull.who]!;
    if (neighbor.isUp) owner.pull(neighbor, one.pull.bytes);
  } else {
    owner.work(one.work);
  }
}

function prefixOf(index: number): string {
  return index < PREFIXES4.length ? PREFIXES4[index]! : PREFIXES6[index - PREFIXES4.length]!;
}

function familyOf(text: string): 4 | 6 {
  return text.includes(':') ? 6 : 4;
}

function attributesOf(
  neighbor: Neighbor,
  index: number,
  drawn: Drawn,
  family: 4 | 6,
  distinct: boolean,
): PathAttributes {
  const { as, communities, hop, isOwnHop, localPref, med, origin, originatorId, padding } = drawn;
  const isInternal = neighbor.settings.remoteAs === LOCAL_AS;
  const own = family === 4 && isOwnHop;
  const address = own ? OWN4 : family === 4 ? `10.1.0.${hop}` : `fd00:1::${hop}`;
  const first = isInternal ? [] : [neighbor.settings.remoteAs];
  const last = as.includes(LOCAL_AS) ? LOCAL_AS : 9;
  // With a length of its own for each peer no choice comes down to who was there first.
  const asList = [...first, ...(distinct ? [...new Array(2 * index).fill(9), last] : as.slice(1))];
  const padded = Array.from({ length: padding }, (_, i) => i + 1);
  const marks = [...(communities ?? []), ...padded];
  return {
    origin,
    asPath: asList.length === 0 ? [] : [{ type: 'sequence', as: asList }],
    ...nextHop(address),
    ...(med === undefined ? {} : { med }),
    ...(marks.length === 0 ? {} : { communities: marks }),
    ...(isInternal ? { localPref: distinct ? 100 : localPref } : {}),
    ...(isInternal && originatorId !== undefined ? { originatorId } : {}),
  };
}

test("every choice is the model's, decided after each step", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = newWorld();
      for (const neighbor of world.neighbors) neighbor.up();
      for (const one of steps) {
        take(world, one, false);
        world.owner.work(100_000);
        world.model.decide();
      }
      settle(world);
      check(world);
      checkEmpty(world);
    }),
    { numRuns: 150 },
  );
}, 60_000);

test('whatever the slices and however slow the peers: all know what they should', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const world = newWorld();
      for (const neighbor of world.neighbors.slice(0, 6)) neighbor.up();
      for (const one of steps) take(world, one, true);
      world.model.decide();
      settle(world);
      check(world);
      checkEmpty(world);
    }),
    { numRuns: 150 },
  );
}, 60_000);
