import type { Groups } from '../../../bgp/export/groups.ts';
import { Reclaim } from '../../../bgp/export/reclaim.ts';
import { NextHops } from '../../../bgp/rib/nexthops.ts';
import { Rib } from '../../../bgp/rib/rib.ts';
import { EXTERNAL } from '../../../bgp/rib/sources.ts';
import { Sweep } from '../../../bgp/rib/sweep.ts';

const P = { address: { family: 4 as const, bytes: Uint8Array.of(10, 0, 0, 0) }, length: 8 };

/** A RIB with one session's path, and groups that say what the test wants. */
function world() {
  const rib = new Rib(() => 0.5, new NextHops());
  const sweep = new Sweep(rib.paths);
  const ring = { first: 0, next: 0 };
  const mentioned = { source: false, prefix: false };
  const groups = {
    mentionsSource: () => mentioned.source,
    mentionsPrefix: () => mentioned.prefix,
    *[Symbol.iterator]() {
      yield { ring };
    },
  } as unknown as Groups;
  const source = rib.sources.add(0, EXTERNAL, 1, Uint8Array.of(10, 0, 0, 1));
  const prefix = rib.prefixes.intern(P);
  const attributes = rib.attributes.intern(Uint8Array.of(0x40, 1, 1, 0), 0, 4);
  rib.announce(prefix, source, 0, attributes, attributes);
  rib.decide(new Uint32Array(8));
  return { rib, sweep, ring, mentioned, source, prefix, reclaim: new Reclaim(rib, groups, sweep) };
}

/** Whether the next session would get this number. */
function isFree({ rib }: ReturnType<typeof world>, source: number): boolean {
  const next = rib.sources.add(9, EXTERNAL, 2, new Uint8Array(4));
  rib.sources.release(next);
  return next === source;
}

test('a source is free when its paths are gone, its choices undone, and no group means it', () => {
  const all = world();
  const { rib, sweep, mentioned, source, reclaim } = all;
  rib.sources.leave(source);
  const ticket = sweep.request();
  reclaim.leaves(source, ticket);
  const blocked = () => {
    expect(reclaim.isLeaving(0)).toBe(true);
    return !reclaim.step() && !isFree(all, source);
  };
  expect(blocked()).toBe(true); // not swept
  rib.announce(rib.prefixes.intern(P), source, 1, rib.paths.received(1), 0); // and one more came
  sweep.step(1, (path) => rib.remove(path));
  sweep.step(99, () => {});
  expect(sweep.isDone(ticket)).toBe(true);
  expect(blocked()).toBe(true); // still chosen, and a path is left
  rib.decide(new Uint32Array(8));
  expect(blocked()).toBe(true); // a path is left
  rib.remove(2);
  mentioned.source = true;
  mentioned.prefix = true;
  expect(blocked()).toBe(true);
  mentioned.source = false;
  expect(reclaim.step()).toBe(true);
  expect([reclaim.isLeaving(0), isFree(all, source)]).toEqual([false, true]);
});

test('a source that is still the chosen one is not free', () => {
  const all = world();
  const { rib, sweep, source, reclaim } = all;
  rib.sources.leave(source);
  reclaim.leaves(source, sweep.request());
  sweep.step(99, (path) => rib.remove(path));
  expect([reclaim.step(), isFree(all, source)]).toEqual([false, false]);
  rib.decide(new Uint32Array(8));
  reclaim.step();
  expect(isFree(all, source)).toBe(true);
});

test('a prefix is forgotten when no ring, no group and no decision means it', () => {
  const { rib, ring, mentioned, source, prefix, reclaim } = world();
  ring.next = 5; // chunks 0–4 are there
  rib.withdraw(prefix, source, 0);
  rib.decide(new Uint32Array(8));
  expect([reclaim.step(), rib.prefixes.size]).toEqual([false, 1]);
  ring.first = 4;
  expect([reclaim.step(), rib.prefixes.size]).toEqual([false, 1]);
  ring.first = 5;
  mentioned.prefix = true;
  expect([reclaim.step(), rib.prefixes.size]).toEqual([false, 1]);
  mentioned.prefix = false;
  rib.mark(prefix);
  expect([reclaim.step(), rib.prefixes.size]).toEqual([false, 1]);
  rib.decide(new Uint32Array(8));
  expect([reclaim.step(), rib.prefixes.size]).toEqual([true, 0]);
  expect(reclaim.step()).toBe(false);
});

test('a prefix that is announced again meanwhile stays, and can go later', () => {
  const { rib, source, prefix, reclaim } = world();
  const attributes = rib.paths.received(1);
  rib.withdraw(prefix, source, 0);
  rib.decide(new Uint32Array(8));
  rib.announce(prefix, source, 0, attributes, attributes);
  expect([reclaim.step(), rib.prefixes.size]).toEqual([true, 1]);
  rib.decide(new Uint32Array(8));
  rib.withdraw(prefix, source, 0);
  rib.decide(new Uint32Array(8));
  expect([reclaim.step(), rib.prefixes.size]).toEqual([true, 0]);
});

test('a prefix that came and went once more waits for what was sent of that', () => {
  const { rib, ring, source, prefix, reclaim } = world();
  const attributes = rib.paths.received(1);
  const change = (isAnnounced: boolean) => {
    if (isAnnounced) rib.announce(prefix, source, 0, attributes, attributes);
    else rib.withdraw(prefix, source, 0);
    rib.decide(new Uint32Array(8));
  };
  ring.next = 1;
  change(false);
  expect([reclaim.step(), rib.prefixes.size]).toEqual([false, 1]);
  change(true);
  change(false);
  ring.next = 2;
  ring.first = 1;
  expect([reclaim.step(), rib.prefixes.size]).toEqual([true, 1]);
  expect([reclaim.step(), rib.prefixes.size]).toEqual([false, 1]);
  ring.first = 2;
  expect([reclaim.step(), rib.prefixes.size]).toEqual([true, 0]);
});
