/** Peers that don't keep up: they cost a bounded ring, never a backlog, and nobody waits for them. */

import fc from 'fast-check';
import { MAX_RING, RING_SHARE } from '../../../bgp/export/group.ts';
import { Routing } from '../../../bgp/routing.ts';
import { Owner } from '../routing/owner.ts';
import { LOCAL_AS, WidePeer } from './wide.ts';

/** One flush may begin when the ring is just below its limit. */
const ONE_FLUSH = 2 * 65536;
const ROUTE0 = 10 << 16;

function newRouting(): Routing {
  const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
  return new Routing({
    random: () => 0.5,
    clock: { monotonic: () => 0 },
    log,
    localAs: LOCAL_AS,
    routerId: 1,
  });
}

function work(routing: Routing): void {
  while (routing.work(1));
}

function expected(routes: number, version: (route: number) => number): Map<number, number> {
  return new Map(Array.from({ length: routes }, (_, i) => [ROUTE0 + i, version(i)]));
}

/** Thirty routes as of this round, and two that were announced once. */
function withOthers(round: number): Map<number, number> {
  const routes = expected(30, (i) => 100 * round + i);
  return routes.set(ROUTE0 + 51, 51).set(ROUTE0 + 52, 52);
}

function inOrder(table: Map<number, number>): Map<number, number> {
  return new Map([...table].sort(([a], [b]) => a - b));
}

test('what is encoded once is taken by all: the same buffers for every peer in step', () => {
  const routing = newRouting();
  const [sender, ...receivers] = [2, 3, 4, 5].map((number) => new WidePeer(routing, number));
  work(routing);
  for (const receiver of receivers) receiver.drain();
  for (const receiver of receivers) receiver.pieces = [];
  for (let i = 0; i < 20; i++) sender!.announce(ROUTE0 + i, i);
  work(routing);
  for (const receiver of receivers) receiver.drain();
  const [first, ...others] = receivers.map(({ pieces }) => pieces.map(({ buffer }) => buffer));
  expect(first!.length).toBeGreaterThan(0);
  for (const other of others) expect(other.every((buffer, i) => buffer === first![i])).toBe(true);
  expect(routing.tableSizes()).toMatchObject({ groups: 1, exportedSets: 20 });
});

test('a slow peer falls behind, the fast one never waits; then it gets the latest state and is in step', () => {
  const routing = newRouting();
  const [sender, fast, slow] = [2, 3, 4].map((number) => new WidePeer(routing, number)) as [
    WidePeer,
    WidePeer,
    WidePeer,
  ];
  work(routing);
  for (const peer of [sender, fast, slow]) peer.drain();
  const rounds = 12;
  let highest = 0;
  sender.announce(ROUTE0 + 50, 50);
  sender.announce(ROUTE0 + 51, 51);
  work(routing);
  slow.drain();
  // Of these two it hears while it is in step, and reads nothing of it.
  sender.withdraw(ROUTE0 + 50);
  sender.announce(ROUTE0 + 52, 52);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 30; i++) sender.announce(ROUTE0 + i, 100 * round + i);
    work(routing);
    for (const peer of [sender, fast]) peer.drain();
    work(routing);
    for (const peer of [sender, fast]) peer.drain();
    highest = Math.max(highest, routing.tableSizes().ringBytes);
    expect(inOrder(fast.table)).toEqual(withOthers(round));
  }
  expect([...slow.table.keys()]).toEqual([ROUTE0 + 50, ROUTE0 + 51]);
  expect(highest).toBeLessThanOrEqual(4 * RING_SHARE + ONE_FLUSH);
  expect(routing.tableSizes().ringBytes).toBe(0); // nobody in step needs anything
  expect(routing.peerCounts(slow.id).inStep).toBe(false);
  // Meanwhile a prefix is forgotten, and its number would be given to another one.
  sender.withdraw(ROUTE0 + 52);
  work(routing);
  for (const peer of [sender, fast]) peer.drain();
  work(routing);
  sender.announce(ROUTE0 + 53, 52);
  work(routing);
  slow.drain();
  const last = withOthers(rounds - 1);
  last.delete(ROUTE0 + 52);
  expect(inOrder(slow.table)).toEqual(last.set(ROUTE0 + 53, 52));
  expect(slow.bytes).toBeLessThan(fast.bytes / (rounds - 2));
  expect(routing.peerCounts(slow.id).inStep).toBe(true);
  fast.drain();
  for (const peer of [fast, slow]) peer.pieces = [];
  sender.announce(ROUTE0, 7);
  work(routing);
  for (const peer of [fast, slow]) peer.drain();
  expect(slow.pieces[0]!.buffer).toBe(fast.pieces[0]!.buffer);
});

test('a slow peer alone makes the group wait: the ring is bounded, the latest state wins', () => {
  const routing = newRouting();
  const [sender, slow] = [new WidePeer(routing, 2), new WidePeer(routing, 3)];
  work(routing);
  for (const peer of [sender, slow]) peer.drain();
  const rounds = 20;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 60; i++) sender.announce(ROUTE0 + i, 100 * round + i);
    work(routing);
    sender.drain();
    expect(routing.tableSizes().ringBytes).toBeLessThanOrEqual(3 * RING_SHARE + ONE_FLUSH);
  }
  let sent = 0;
  do {
    work(routing);
    sent += slow.pull();
    sender.drain();
  } while (!routing.peerCounts(slow.id).inStep);
  expect(inOrder(slow.table)).toEqual(expected(60, (i) => 100 * (rounds - 1) + i));
  // At most what was encoded before the ring was full, and then each route once.
  expect(sent).toBeLessThan(3 * RING_SHARE + ONE_FLUSH + 60 * 4096);
});

test('room in the ring is work: what waited for it goes on', () => {
  const routing = newRouting();
  const owner = new Owner(routing);
  const [sender, slow] = [new WidePeer(routing, 2), new WidePeer(routing, 3)];
  owner.settle([sender, slow]);
  for (let i = 0; i < 200; i++) sender.announce(ROUTE0 + i, i);
  owner.settle([sender]);
  expect(owner.isWorkDue).toBe(false);
  for (let pulls = 0; !owner.isWorkDue && pulls < 20; pulls++) owner.pull(slow, 65536);
  expect(owner.isWorkDue).toBe(true);
  owner.settle([sender, slow]);
  expect(slow.table.size).toBe(200);
});

test('a prefix that a peer has still to lose keeps its number', () => {
  const routing = newRouting();
  const [sender, fast, slow] = [2, 3, 4].map((number) => new WidePeer(routing, number)) as [
    WidePeer,
    WidePeer,
    WidePeer,
  ];
  work(routing);
  sender.announce(ROUTE0 + 99, 1);
  work(routing);
  for (const peer of [sender, fast, slow]) peer.drain();
  // Everything in the ring, the slow one behind.
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 40; i++) sender.announce(ROUTE0 + i, round);
    for (let turn = 0; turn < 3; turn++) {
      work(routing);
      for (const peer of [sender, fast]) peer.drain();
    }
  }
  const { prefixes } = routing.tableSizes();
  sender.withdraw(ROUTE0 + 99);
  for (let turn = 0; turn < 3; turn++) {
    work(routing);
    for (const peer of [sender, fast]) peer.drain();
  }
  expect(routing.tableSizes().prefixes).toBe(prefixes);
  sender.announce(ROUTE0 + 100, 2);
  work(routing);
  slow.drain();
  expect([slow.table.has(ROUTE0 + 99), slow.table.get(ROUTE0 + 100)]).toEqual([false, 2]);
  for (let turn = 0; turn < 3; turn++) {
    work(routing);
    for (const peer of [sender, fast, slow]) peer.drain();
  }
  expect(routing.tableSizes().prefixes).toBe(prefixes);
});

test('a peer that leaves with the ring unread lets go of it', () => {
  const routing = newRouting();
  const [sender, fast, gone] = [2, 3, 4].map((number) => new WidePeer(routing, number)) as [
    WidePeer,
    WidePeer,
    WidePeer,
  ];
  work(routing);
  for (const peer of [sender, fast, gone]) peer.drain();
  for (let i = 0; i < 60; i++) sender.announce(ROUTE0 + i, i);
  work(routing);
  for (const peer of [sender, fast]) peer.drain();
  expect(routing.tableSizes().ringBytes).toBeGreaterThan(RING_SHARE);
  routing.peerDown(gone.id);
  work(routing);
  expect(routing.tableSizes().ringBytes).toBe(0);
});

test('the sender, who gets nothing, neither fills the ring nor counts as waiting', () => {
  const routing = newRouting();
  const [sender, slow] = [new WidePeer(routing, 2), new WidePeer(routing, 3)];
  work(routing);
  for (const peer of [sender, slow]) peer.drain();
  for (let i = 0; i < 300; i++) sender.announce(ROUTE0 + i, i);
  work(routing);
  sender.drain();
  work(routing);
  const before = routing.tableSizes().ringBytes;
  // Not demoted for the sender's sake: what it pulls is the ring's.
  slow.pull(4096);
  expect(slow.pieces.at(-1)!.byteLength).toBeLessThan(slow.pieces.at(-1)!.buffer.byteLength);
  for (let i = 0; i < 400 && slow.table.size < 300; i++) {
    slow.pull();
    work(routing);
    sender.drain();
  }
  expect(slow.table.size).toBe(300);
  expect(before).toBeGreaterThan(RING_SHARE);
});

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      announce: fc.nat(4),
      from: fc.nat(50),
      count: fc.nat(60),
      version: fc.nat(3),
    }),
  },
  { weight: 2, arbitrary: fc.record({ withdraw: fc.nat(4), from: fc.nat(50), count: fc.nat(60) }) },
  { weight: 4, arbitrary: fc.record({ pull: fc.nat(4), bytes: fc.constantFrom(1, 5000, 65536) }) },
  { weight: 2, arbitrary: fc.record({ drain: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ refresh: fc.nat(4) }) },
  { weight: 4, arbitrary: fc.record({ work: fc.constantFrom(1, 2, 8, 1000) }) },
);

test("any pace of five peers: rings stay bounded, and all end with the model's routes", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 50 }), (steps) => {
      const routing = newRouting();
      const owner = new Owner(routing);
      const peers = [2, 3, 4, 5, 6].map((number) => new WidePeer(routing, number));
      const held = peers.map(() => new Map<number, number>());
      const tick = (most: number) => {
        owner.work(most);
        const limit = Math.min(MAX_RING, RING_SHARE * 6) + ONE_FLUSH;
        expect(routing.tableSizes().ringBytes).toBeLessThanOrEqual(limit);
      };
      owner.settle(peers);
      for (const one of steps) {
        if ('announce' in one) {
          for (let i = one.from; i < one.from + one.count; i++) {
            // A path length a peer, so that the choice doesn't depend on who came first.
            peers[one.announce]!.announce(
              ROUTE0 + i,
              10 * one.announce + one.version,
              1 + one.announce,
            );
            held[one.announce]!.set(ROUTE0 + i, 10 * one.announce + one.version);
          }
        } else if ('withdraw' in one) {
          for (let i = one.from; i < one.from + one.count; i++) {
            peers[one.withdraw]!.withdraw(ROUTE0 + i);
            held[one.withdraw]!.delete(ROUTE0 + i);
          }
        } else if ('pull' in one) {
          owner.pull(peers[one.pull]!, one.bytes);
        } else if ('drain' in one) {
          while (owner.pull(peers[one.drain]!, 65536) > 0);
        } else if ('refresh' in one) {
          routing.refresh(peers[one.refresh]!.id, 4);
        } else {
          tick(one.work);
        }
      }
      owner.settle(peers);
      peers.forEach((peer, i) => {
        const table = new Map<number, number>();
        for (let from = peers.length - 1; from >= 0; from--) {
          // The shortest path comes last and wins; its own peer is sent nothing for it.
          for (const [route, version] of held[from]!) {
            if (from === i) table.delete(route);
            else table.set(route, version);
          }
        }
        expect(inOrder(peer.table)).toEqual(inOrder(table));
      });
    }),
    { numRuns: 40 },
  );
}, 60_000);
