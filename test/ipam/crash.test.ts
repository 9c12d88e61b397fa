/**
 * The process dies at every call of an assignment and of a release: before the datastore did what it
 * was asked, after it, or while the request is still on its way and lands when another process has
 * assigned or released the same handle.
 */

import { Allocator } from '../../ipam/index.ts';
import { Cluster, pool, silent } from './cluster.ts';
import type { Fault } from './memory-store.ts';
import { mortal } from './mortal.ts';

const POOLS = [
  pool('v4', '10.0.0.0/24', { blockSize: 30 }),
  pool('v6', 'fd00::/64', { blockSize: 126 }),
];
const request = { handleId: 'net.a', families: [4, 6] as (4 | 6)[], attributes: {} };
const LATE_MS = 1_000_000;

type SetUp = 'nothing' | 'blocks' | 'addresses';

/** Dies at the call of that number; `isThrough` when there was no such call. */
async function crashed(victim: 'assign' | 'release', setUp: SetUp, at: number, fault: Fault) {
  const cluster = new Cluster(POOLS);
  const { clock, store, random } = cluster;
  const first = cluster.allocator('node-1');
  if (setUp !== 'nothing') await clock.until(first.assign({ ...request, handleId: 'net.warm' }));
  if (setUp === 'addresses') await clock.until(first.assign(request));

  const { store: hears, die } = mortal(store);
  const ipam = new Allocator({ store: hears, clock, random, log: silent, node: 'node-1' });
  if (setUp !== 'nothing') await clock.until(ipam.load());
  let calls = 0;
  let whenDead = () => {};
  const death = new Promise<boolean>((resolve) => {
    whenDead = () => resolve(false);
  });
  store.lateMs = LATE_MS;
  store.faults = () => {
    if (calls++ !== at) return undefined;
    die();
    whenDead();
    return fault;
  };
  const isThrough = await clock.until(
    Promise.race([death, ipam[victim](request).then(() => true)]),
  );
  store.faults = () => undefined;
  await clock.pass(20); // what else was asked before is done, or is late
  return { cluster, isThrough };
}

const POINTS = Array.from({ length: 22 }, (_, at) => at).flatMap((at) =>
  (['refused', 'deaf', 'late'] as const).map((fault) => [at, fault] as const),
);

describe.each([
  ['assign', 'nothing'],
  ['assign', 'blocks'],
  ['release', 'addresses'],
] as const)('a crash in %s, with %s before it', (victim, setUp) => {
  test.each(POINTS)('at call %i, %s: the next release leaves nothing', async (at, fault) => {
    const { cluster } = await crashed(victim, setUp, at, fault);
    expect(cluster.problems()).toEqual([]);
    const held = cluster.allocated().get('net.a') ?? [];
    const freed = await cluster.clock.until(cluster.allocator('node-1').release(request));
    expect(freed.sort()).toEqual(held);
    expect(cluster.handles().filter(({ spec }) => spec.handleID === 'net.a')).toEqual([]);
    await cluster.clock.pass(LATE_MS);
    expect(cluster.store.pendingLate).toBe(0);
    expect(cluster.allocated().has('net.a')).toBe(false);
    expect(cluster.problems()).toEqual([]);
  });

  test.each(POINTS)('at call %i, %s: the next assign gives one address each', async (at, fault) => {
    const { cluster } = await crashed(victim, setUp, at, fault);
    const given = await cluster.clock.until(cluster.allocator('node-1').assign(request));
    await cluster.clock.pass(LATE_MS);
    expect(cluster.store.pendingLate).toBe(0);
    const addresses = given.map(({ address }) => address).sort();
    expect(cluster.allocated().get('net.a')).toEqual(addresses);
    const handle = cluster.handles().find(({ spec }) => spec.handleID === 'net.a')!;
    expect(handle.spec.block).toEqual(Object.fromEntries(given.map(({ block }) => [block, 1])));
    expect(cluster.problems()).toEqual([]);
    for (const { spec } of cluster.affinities()) {
      if (spec.state !== 'confirmed') continue;
      expect(cluster.blocks().some((block) => block.spec.cidr === spec.cidr)).toBe(true);
    }
  });
});

test('the deaths above do happen, from the first call to the last', async () => {
  for (const [victim, setUp, last] of [
    ['assign', 'nothing', 20],
    ['assign', 'blocks', 4],
    ['release', 'addresses', 3],
  ] as const) {
    expect((await crashed(victim, setUp, 0, 'deaf')).isThrough).toBe(false);
    expect((await crashed(victim, setUp, last, 'deaf')).isThrough).toBe(false);
    expect((await crashed(victim, setUp, 21, 'deaf')).isThrough).toBe(true);
  }
});
