/**
 * Many nodes and one store: requests at random on every node, calls that fail, answers that are
 * lost, writes that land late, processes that die, and a collector that takes empty blocks away.
 * A model holds what was answered. Prints what went wrong, by seed, as JSON. Run by race.test.ts:
 *
 *     node test/ipam/race.ts <first seed> <seeds>
 */

import { BlockAffinity, IPAMBlock } from '../../api/index.ts';
import { Allocator } from '../../ipam/index.ts';
import { affinityName } from '../../ipam/names.ts';
import { Cluster, pool, seeded, silent } from './cluster.ts';
import type { Fault } from './memory-store.ts';
import { mortal } from './mortal.ts';

const NODES = 4;
const ACTORS = 3;
const HANDLES = 3;
const STEPS = 30;
const FAULTS: Fault[] = ['refused', 'deaf', 'late', 'meddled'];

interface Counts {
  assigned: number;
  released: number;
  failed: number;
  died: number;
  collected: number;
}

async function run(seed: number, counts: Counts): Promise<string[]> {
  const random = seeded(seed + 1_000_000);
  // From 64 addresses, enough for all, down to 16, which 36 handles fight for.
  const bits = 4 + Math.floor(random() * 3);
  const pools = [
    pool('v4', `10.0.0.0/${32 - bits}`, { blockSize: 30 }),
    pool('v6', `fd00::/${128 - bits}`, { blockSize: 125 }),
  ];
  const cluster = new Cluster(pools, seed);
  const { clock, store } = cluster;
  const wrong: string[] = [];
  /** Address → handle, from its answer until its release begins. */
  const owners = new Map<string, string>();
  const given = new Map<string, string[]>();
  const faultRate = random() < 0.2 ? 0 : random() * 0.2;
  store.faults = () =>
    random() < faultRate ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined;

  const start = (node: string) => {
    const { store: hears, die } = mortal(store);
    const ipam = new Allocator({ store: hears, clock, random: cluster.random, log: silent, node });
    let whenDead = () => {};
    const death = new Promise<void>((resolve) => {
      whenDead = resolve;
    });
    const kill = () => {
      die();
      whenDead();
    };
    return { ipam, death, kill };
  };

  async function node(name: string): Promise<void> {
    let process = start(name);
    let active = ACTORS;
    const actor = async (number: number) => {
      for (let step = 0; step < STEPS; step++) {
        const handleId = `net.${name}.${number}.${Math.floor(random() * HANDLES)}`;
        const mine = process;
        const dies = mine.death.then(() => 'dead' as const);
        if (random() < 0.5) {
          const families = ([[4], [6], [4, 6]] as (4 | 6)[][])[Math.floor(random() * 3)]!;
          const work = mine.ipam.assign({ handleId, families, attributes: { node: name } });
          const answer = await Promise.race([dies, work.catch(() => 'failed' as const)]);
          if (answer === 'failed') counts.failed++;
          if (answer === 'failed' || answer === 'dead') continue;
          counts.assigned++;
          const stored = cluster.allocated().get(handleId) ?? [];
          for (const { address } of answer) {
            const owner = owners.get(address);
            if (owner !== undefined && owner !== handleId)
              wrong.push(`${address}: ${owner} and ${handleId}`);
            if (!stored.includes(address)) wrong.push(`${address} of ${handleId} is not stored`);
            owners.set(address, handleId);
          }
          const before = given.get(handleId) ?? [];
          const now = new Set([...before, ...answer.map(({ address }) => address)]);
          if (now.size > 2) wrong.push(`${handleId} was given ${[...now]}`);
          given.set(handleId, [...now]);
        } else {
          for (const address of given.get(handleId) ?? []) owners.delete(address);
          given.delete(handleId);
          const work = mine.ipam.release({ handleId });
          const answer = await Promise.race([dies, work.catch(() => 'failed' as const)]);
          if (answer === 'failed') counts.failed++;
          if (answer === 'failed' || answer === 'dead') continue;
          counts.released++;
          const left = cluster.allocated().get(handleId);
          if (left !== undefined && store.pendingLate === 0)
            wrong.push(`${handleId} still has ${left}`);
        }
        for (const problem of cluster.problems()) wrong.push(problem);
      }
      active--;
    };
    const reaper = async () => {
      while (active > 0) {
        await new Promise<void>((resolve) => clock.after(50 + random() * 500, resolve));
        if (random() > 0.5) continue;
        counts.died++;
        const old = process;
        process = start(name);
        old.kill();
      }
    };
    await Promise.all([reaper(), ...Array.from({ length: ACTORS }, (_, number) => actor(number))]);
  }

  /** Takes empty blocks from their nodes, as a collector does. */
  async function collector(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await new Promise<void>((resolve) => clock.after(random() * 60, resolve));
      try {
        const { items } = await store.list(IPAMBlock);
        const empty = items.filter(({ spec }) => spec.allocations.every((index) => index === null));
        const block = empty[Math.floor(random() * empty.length)];
        if (block === undefined) continue;
        const owner = block.spec.affinity!.replace('host:', '');
        const affinity = await store.get(BlockAffinity, affinityName(owner, block.spec.cidr));
        const marked = await store.update(BlockAffinity, {
          ...affinity,
          spec: { ...affinity.spec, state: 'pendingDeletion' as const },
        });
        const { uid, resourceVersion } = block.metadata;
        await store.delete(IPAMBlock, block.metadata.name, {
          preconditions: { uid: uid!, resourceVersion: resourceVersion! },
        });
        counts.collected++;
        const { metadata } = marked;
        await store.delete(BlockAffinity, metadata.name, {
          preconditions: { uid: metadata.uid!, resourceVersion: metadata.resourceVersion! },
        });
      } catch {} // lost a race or an answer: next time
    }
  }

  const names = Array.from({ length: NODES }, (_, index) => `node-${index}`);
  let isOver = false;
  const nodes = Promise.all(names.map(node)).finally(() => {
    isOver = true;
  });
  await clock.until(Promise.all([nodes, collector(() => isOver)]));

  // Calm returns: late writes land, every node starts anew, and every handle is released.
  store.faults = () => undefined;
  await clock.pass(1_000);
  for (const [address, handleId] of owners) {
    if (!cluster.allocated().get(handleId)?.includes(address))
      wrong.push(`${address} of ${handleId} is lost`);
  }
  for (const name of names) {
    const { ipam } = start(name);
    await clock.until(ipam.load());
    for (let number = 0; number < ACTORS; number++) {
      for (let handle = 0; handle < HANDLES; handle++) {
        await clock.until(ipam.release({ handleId: `net.${name}.${number}.${handle}` }));
      }
    }
    for (const { spec } of cluster.affinities()) {
      const block = cluster.blocks().find((one) => one.spec.cidr === spec.cidr);
      if (
        spec.state === 'confirmed' &&
        spec.node === name &&
        block?.spec.affinity !== `host:${name}`
      ) {
        if (block !== undefined) wrong.push(`${name} keeps an affinity to ${spec.cidr}`);
      }
    }
  }
  if (cluster.allocated().size > 0) wrong.push(`never freed: ${[...cluster.allocated()]}`);
  if (cluster.handles().length > 0)
    wrong.push(`handles left: ${cluster.handles().map(({ metadata }) => metadata.name)}`);
  for (const problem of cluster.problems()) wrong.push(problem);
  return wrong;
}

const [first, seeds] = process.argv.slice(2).map(Number);
const counts: Counts = { assigned: 0, released: 0, failed: 0, died: 0, collected: 0 };
const wrong: Record<string, string[]> = {};
for (let seed = first!; seed < first! + seeds!; seed++) {
  const found = await run(seed, counts);
  if (found.length > 0) wrong[seed] = [...new Set(found)].slice(0, 5);
}
console.log(JSON.stringify({ wrong, ...counts }));
