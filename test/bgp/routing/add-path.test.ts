/** Several paths of a prefix from and to peers (RFC 7911): identifiers, which paths, and what is left behind. */

import { formatAddress, parseAddress, parsePrefix } from 'net-ipaddr';
import { MAX_PATHS } from '../../../bgp/export/add-path-group.ts';
import { NextHops } from '../../../bgp/rib/nexthops.ts';
import { MAX_PATHS_OF_SOURCE, Rib } from '../../../bgp/rib/rib.ts';
import type { Routing } from '../../../bgp/routing.ts';
import { fromAs, LOCAL_AS, Neighbor, type NeighborSettings, newRouting } from './neighbor.ts';
import { Owner } from './owner.ts';

const P = '192.0.2.0/24';
const Q = '198.51.100.0/24';
const EBGP = [2, 3, 4].map((number) => ({ name: `e${number}`, remoteAs: 65000 + number, number }));
const CLIENT = { name: 'client', remoteAs: LOCAL_AS, number: 100, addPath: 'both' as const };

const unreachable = new Set<string>();
let routing: Routing;
let owner: Owner;
let all: Neighbor[];
beforeEach(() => {
  unreachable.clear();
  routing = newRouting({
    resolve: (hop) => ({ reachable: !unreachable.has(formatAddress(hop)), cost: 0 }),
  });
  owner = new Owner(routing);
  all = [];
});

function up(settings: NeighborSettings, config = {}): Neighbor {
  const neighbor = new Neighbor(routing, settings, config);
  neighbor.up();
  all.push(neighbor);
  return neighbor;
}

function client(more: Partial<NeighborSettings> = {}): Neighbor {
  return up({ ...CLIENT, ...more }, { routeReflectorClient: true });
}

function settle(): void {
  owner.settle(all.filter(({ isUp }) => isUp));
}

/** First AS of each path that the peer holds, by path identifier. */
function held(neighbor: Neighbor, prefix = P): Map<string, string> {
  const mine = [...neighbor.table].filter(([key]) => key.startsWith(`${prefix} `));
  return new Map(mine.map(([key, text]) => [key.split(' ')[1]!, /"as":\[(\d+)/.exec(text)![1]!]));
}

function ases(neighbor: Neighbor, prefix = P): string[] {
  return [...held(neighbor, prefix).values()].sort();
}

describe('sent', () => {
  test('§3: every usable path under an identifier of its own, but none back to its source', () => {
    const [a, b, c] = EBGP.map((settings) => up({ ...settings, addPath: 'send' }));
    const d = client();
    a!.announce([P], fromAs(65002));
    b!.announce([P], fromAs(65003, 1, 2, 3));
    c!.announce([P], fromAs(65004));
    settle();
    expect(ases(d)).toEqual(['65002', '65003', '65004']);
    expect(a!.routes.map(([, text]) => /\[64512,(\d+)/.exec(text)![1]).sort()).toEqual([
      '65003',
      '65004',
    ]);
    expect(routing.peerCounts(d.id)).toMatchObject({ advertised: 3, inStep: true });
  });

  test('§5: an identifier stays, whatever becomes of other paths; what did not change is not sent', () => {
    const [a, b, c] = EBGP.map((settings) => up(settings));
    const d = client();
    a!.announce([P], fromAs(65002));
    b!.announce([P], fromAs(65003, 9));
    settle();
    const before = held(d);
    let { messages } = d;
    c!.announce([P], fromAs(65004)); // equal to the best
    settle();
    expect(d.messages - messages).toBe(1);
    messages = d.messages;
    a!.withdraw([P]); // the best goes
    settle();
    expect(d.messages - messages).toBe(1);
    b!.announce([P], fromAs(65003)); // and another path changes
    settle();
    const after = held(d);
    const idOf = (found: Map<string, string>, as: string) =>
      [...found].find(([, first]) => first === as)?.[0];
    expect(idOf(after, '65003')).toBe(idOf(before, '65003'));
    expect([ases(d), d.spuriousWithdraws]).toEqual([['65003', '65004'], 0]);
  });

  test('a change that is no change of the route reaches those who have all paths, and no others', () => {
    const [a, b] = EBGP.map((settings) => up(settings));
    const d = client();
    const plain = up({ name: 'plain', remoteAs: LOCAL_AS, number: 101 });
    a!.announce([P], fromAs(65002));
    b!.announce([P], fromAs(65003, 9));
    settle();
    const { messages } = plain;
    b!.announce([P], fromAs(65003, 9, 9));
    settle();
    expect(plain.messages).toBe(messages);
    expect(d.routes.some(([, text]) => text.includes('[65003,9,9]'))).toBe(true);
  });

  test('an unreachable next hop, a policy, a community: such paths are not among them', () => {
    const [a, b, c] = EBGP.map((settings) => up(settings));
    const d = client();
    a!.announce([P], fromAs(65002));
    b!.announce([P], { ...fromAs(65003), communities: [0xffffff02] });
    c!.announce([P], { ...fromAs(65004), nextHop: { address: parseAddress('10.0.0.7') } });
    settle();
    expect(ases(d)).toEqual(['65002', '65004']);
    unreachable.add('10.0.0.7');
    routing.reviewNextHops();
    settle();
    expect(ases(d)).toEqual(['65002']);
    d.change({ exportPolicy: { rules: [], otherwise: 'reject' } });
    settle();
    expect(d.table.size).toBe(0);
  });

  test(`of more than ${MAX_PATHS} the best, those for multipath first; the next comes when one goes`, () => {
    const sources = Array.from({ length: MAX_PATHS + 4 }, (_, i) =>
      up({ name: `s${i}`, remoteAs: 65000 + i, number: 2 + i }),
    );
    const d = client();
    // From the last to the first ever better, but for the first two, which are worst.
    sources.forEach((source, i) => {
      const hops = i < 2 ? 40 : MAX_PATHS + 4 - i;
      source.announce([P], fromAs(65000 + i, ...new Array(hops).fill(9)));
    });
    settle();
    const expected = (from: number) =>
      Array.from({ length: MAX_PATHS }, (_, i) => String(65000 + from + i));
    expect(ases(d)).toEqual(expected(4));
    sources.at(-1)!.withdraw([P]);
    settle();
    expect(ases(d)).toEqual(expected(3));
    expect(d.spuriousWithdraws).toBe(0);
  });

  test('§3: to a peer that sends paths and takes none, the best alone, without an identifier', () => {
    const [a, b] = EBGP.map((settings) => up(settings));
    const d = client({ addPath: 'receive' });
    a!.announce([P], fromAs(65002));
    b!.announce([P], fromAs(65003));
    settle();
    expect([...d.table.keys()]).toEqual([P]);
  });

  test('RFC 7313: told again between marks, every path is fresh', () => {
    const [a, b] = EBGP.map((settings) => up(settings));
    const d = client({ enhancedRouteRefresh: true });
    a!.announce([P, Q], fromAs(65002));
    b!.announce([P], fromAs(65003));
    settle();
    routing.refresh(d.id, 4);
    settle();
    expect([d.marks.slice(-2), d.isAllFresh, d.table.size]).toEqual([
      ['begin 4', 'end 4'],
      true,
      3,
    ]);
  });

  test('a slow peer that missed paths coming and going loses all that it should not have', () => {
    const [a, b, c] = EBGP.map((settings) => up(settings));
    const d = client();
    a!.announce([P], fromAs(65002));
    b!.announce([P], fromAs(65003));
    settle();
    for (let round = 0; round < 50; round++) {
      // Sessions end and come up: other sources, whose paths have the cells of those that are gone.
      b!.down();
      owner.work(1_000);
      b!.up();
      b!.announce([P, Q], fromAs(65003, round));
      c!.announce([P], fromAs(65004, round));
      owner.work(1_000);
      c!.withdraw([P]);
      owner.work(1_000);
    }
    settle();
    expect([ases(d), ases(d, Q)]).toEqual([['65002', '65003'], ['65003']]);
    for (const one of [a!, b!]) one.down();
    settle();
    routing.work(1); // what waited for the last pull
    expect([d.table.size, routing.tableSizes().prefixes]).toEqual([0, 0]);
  });
});

describe('received', () => {
  test('§5: the same identifier replaces, another one adds, and each is withdrawn by itself', () => {
    const reflector = up({ name: 'rr', remoteAs: LOCAL_AS, number: 200, addPath: 'receive' });
    const hops: string[] = [];
    routing.onRoutes((ids, count, reader) => {
      for (let i = 0; i < count; i++) {
        const all = reader.hasRoute(ids[i]!) ? reader.nextHops(ids[i]!) : [];
        hops.push(all.map(({ bytes }) => bytes[3]).join(' '));
      }
    });
    const by = (last: number) => ({
      ...fromAs(65001),
      localPref: 100,
      nextHop: { address: parseAddress(`10.1.0.${last}`) },
    });
    reflector.announce([P], by(2), 1);
    reflector.announce([P], by(3), 2);
    settle();
    reflector.announce([P], by(4), 1);
    settle();
    reflector.withdraw([P], 2);
    settle();
    reflector.withdraw([P], 2);
    reflector.withdraw([P], 1);
    settle();
    // Multipath: all of them at once, and each change of the set is told.
    expect(hops).toEqual(['2 3', '3 4', '4', '']);
  });

  test('a peer that gives one prefix path after path loses its session, and no other peer its own', () => {
    const [a, b] = [client(), client({ name: 'other', number: 101 })];
    for (let pathId = 1; pathId <= MAX_PATHS_OF_SOURCE; pathId++) {
      a.announce([P], fromAs(65001), pathId);
    }
    // One that is there already may well be told anew.
    a.announce([P], fromAs(65002), 1);
    expect(() => a.announce([P], fromAs(65001), MAX_PATHS_OF_SOURCE + 1)).toThrow(
      `more than ${MAX_PATHS_OF_SOURCE} paths to ${P}`,
    );
    expect(routing.peerCounts(a.id).received).toBe(MAX_PATHS_OF_SOURCE);
    b.announce([P], fromAs(65001), 1);
    expect(routing.peerCounts(b.id).received).toBe(1);
  });

  test('paths are shown with the identifiers that their peer gave them', () => {
    const reflector = up({ name: 'rr', remoteAs: LOCAL_AS, number: 200, addPath: 'receive' });
    reflector.announce([P], { ...fromAs(65001), localPref: 100 }, 7);
    reflector.announce([P], { ...fromAs(65001), localPref: 100 }, 8);
    settle();
    const paths = routing.route(parsePrefix(P))!.paths;
    expect(
      paths.map(({ pathId, state, reason }) => `${pathId} ${state}: ${reason}`).sort(),
    ).toEqual(['7 best: lower path id', '8 multipath: lower path id']);
  });
});

test('cells whose paths are gone serve the prefix’s next paths: there are never more than paths at a time', () => {
  const rib = new Rib(() => 0.5, new NextHops());
  rib.keepsNumbers = true;
  const source = rib.sources.add(0, 1, 1, new Uint8Array(4));
  const prefix = rib.prefixes.intern(parsePrefix(P));
  const set = rib.attributes.intern(new Uint8Array(0), 0, 0);
  const { top } = rib.paths;
  for (let id = 0; id < 1000; id++) {
    rib.announce(prefix, source, id, set, set);
    rib.announce(prefix, source, id + 1, set, set);
    rib.withdraw(prefix, source, id);
  }
  expect(rib.paths.top - top).toBe(2);
});
