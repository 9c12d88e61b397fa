/** Sets of next hops: their gateways, and the routes that go by them. */

import {
  formatAddress,
  formatPrefix,
  formatZonedAddress,
  parseAddress,
  parsePrefix,
} from 'net-ipaddr';
import { type Gateway, type LearnedRoute, NextHopSets } from '../../../felix/calc/next-hops.ts';

const N = '192.0.2.9';
const M = '192.0.2.8';

let table: Map<string, string[]>;
let asked: string[];
let sets: NextHopSets;
beforeEach(() => {
  table = new Map([
    [N, ['10.0.0.1']],
    [M, ['10.0.0.2']],
  ]);
  asked = [];
  sets = new NextHopSets((nextHop) => {
    const text = formatAddress(nextHop);
    asked.push(text);
    return { cost: 0, gateways: (table.get(text) ?? []).map(gateway) };
  });
});

function gateway(text: string): Gateway {
  const [address, zone] = text.split('%');
  return { ...parseAddress(address!), ...(zone && { zone }) };
}

function add(prefix: string, ...nextHops: string[]): LearnedRoute {
  return sets.add(parsePrefix(prefix), nextHops.map(parseAddress), undefined);
}

function gateways({ set }: LearnedRoute): string[] {
  return set.gateways.map(formatZonedAddress);
}

function changed(limit = 1000): string[] {
  return sets.takeChanged(limit).map(formatPrefix).sort();
}

test('a next hop is looked up once, however many routes go by it', () => {
  const routes = Array.from({ length: 1000 }, (_, i) => add(`10.${i >> 8}.${i & 255}.0/24`, N));
  expect(asked).toEqual([N]);
  expect(gateways(routes[999]!)).toEqual(['10.0.0.1']);
});

test('ECMP: gateways of all, each once, those that can be reached', () => {
  table.set(M, ['10.0.0.1', '10.0.0.3%eth1']);
  const route = add('10.1.0.0/16', N, M, '192.0.2.7');
  expect(gateways(route)).toEqual(['10.0.0.1', '10.0.0.3%eth1']);
});

test('other gateways: all routes of the set and no others, some at a time', () => {
  const prefixes = ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'];
  const route = prefixes.map((prefix) => add(prefix, N))[0]!;
  add('10.4.0.0/16', M);
  sets.review();
  expect([sets.changedCount, changed()]).toEqual([0, []]);
  table.set(N, ['10.0.0.7']);
  sets.review();
  expect(gateways(route)).toEqual(['10.0.0.7']);
  expect(sets.changedCount).toBe(1);
  expect([...changed(2), ...changed(2)].sort()).toEqual(prefixes);
  expect([sets.changedCount, changed()]).toEqual([0, []]);
});

test('what goes while routes are looked at is not looked at; what comes need not be', () => {
  const routes = ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'].map((prefix) => add(prefix, N));
  table.set(N, ['10.0.0.7']);
  sets.review();
  // The latest comes first.
  expect(changed(1)).toEqual(['10.3.0.0/16']);
  sets.remove(routes[1]!);
  add('10.5.0.0/16', N);
  expect(changed()).toEqual(['10.1.0.0/16']);
  table.set(N, ['10.0.0.8']);
  sets.review();
  for (const gone of [routes[0]!, routes[2]!]) sets.remove(gone);
  expect(changed()).toEqual(['10.5.0.0/16']);
});

test('a next hop out of reach keeps its gateways until BGP has taken back what went by it', () => {
  const route = add('10.1.0.0/16', N);
  table.delete(N);
  sets.review();
  expect([gateways(route), changed()]).toEqual([['10.0.0.1'], []]);
  sets.remove(route);
  expect(gateways(add('10.1.0.0/16', N))).toEqual([]);
  table.set(N, ['10.0.0.1']);
  sets.review();
  expect(changed()).toEqual(['10.1.0.0/16']);
});

test('an interface of another index: what goes by it', () => {
  table.set(N, ['10.0.0.1%eth0']);
  add('10.1.0.0/16', N);
  add('10.2.0.0/16', M);
  sets.touch('eth0');
  expect(changed()).toEqual(['10.1.0.0/16']);
});

test('a set that is followed as one: its routes need not be looked at, but for those that had no gateway', () => {
  const followed: string[] = [];
  sets = new NextHopSets(
    (nextHop) => ({
      cost: 0,
      gateways: (table.get(formatAddress(nextHop)) ?? []).map(gateway),
    }),
    {
      follow: ({ gateways: now }) => followed.push(now.map(formatZonedAddress).join()) > 0,
      leave() {},
    },
  );
  table.delete(M);
  for (const [prefix, hop] of [
    ['10.1.0.0/16', N],
    ['10.2.0.0/16', N],
    ['10.3.0.0/16', M],
  ] as const)
    add(prefix, hop);
  table.set(N, ['10.0.0.7%eth0']);
  table.set(M, ['10.0.0.8%eth0']);
  sets.review();
  expect([followed, changed()]).toEqual([['10.0.0.7%eth0'], ['10.3.0.0/16']]);
  sets.touch('eth0');
  expect(changed()).toEqual([]);
});
