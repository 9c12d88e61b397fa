/** A store, a clock and allocators of several nodes, and the truth about all addresses in them. */

import { addressAt, formatAddress, parsePrefix } from 'net-ipaddr';
import {
  BlockAffinity,
  IPAMBlock,
  IPAMConfiguration,
  IPAMHandle,
  IPPool,
} from '../../api/index.ts';
import { Allocator } from '../../ipam/index.ts';
import type { Log, Random } from '../../ports.ts';
import { MemoryStore } from './memory-store.ts';
import { VirtualClock } from './virtual-clock.ts';

export const silent: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silent,
};

/** The same numbers for the same seed. */
export function seeded(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word ^= word + Math.imul(word ^ (word >>> 7), 61 | word);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pool(name: string, cidr: string, spec: Partial<IPPool['spec']> = {}): IPPool {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name },
    spec: { cidr, ...spec },
  };
}

export class Cluster {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly store: MemoryStore;

  constructor(pools: IPPool[], seed = 1) {
    this.random = seeded(seed);
    this.store = new MemoryStore(this.clock, this.random);
    for (const one of pools) this.store.put(IPPool, one);
  }

  allocator(node: string): Allocator {
    const { store, clock, random } = this;
    return new Allocator({ store, clock, random, log: silent, node });
  }

  configure(spec: IPAMConfiguration['spec']): void {
    this.store.put(IPAMConfiguration, {
      apiVersion: 'projectcalico.org/v3',
      kind: 'IPAMConfiguration',
      metadata: { name: 'default' },
      spec,
    });
  }

  blocks(): IPAMBlock[] {
    return this.store.all(IPAMBlock);
  }

  handles(): IPAMHandle[] {
    return this.store.all(IPAMHandle);
  }

  affinities(): BlockAffinity[] {
    return this.store.all(BlockAffinity);
  }

  /** Handle id → its addresses, as the blocks say. */
  allocated(): Map<string, string[]> {
    const held = new Map<string, string[]>();
    for (const { spec } of this.blocks()) {
      const prefix = parsePrefix(spec.cidr);
      for (const [ordinal, index] of spec.allocations.entries()) {
        if (index === null) continue;
        const id = spec.attributes[index]!.handle_id!;
        const address = formatAddress(addressAt(prefix, ordinal));
        held.set(id, [...(held.get(id) ?? []), address].sort());
      }
    }
    return held;
  }

  /** What is wrong with the stored data itself, whatever happened before. */
  problems(): string[] {
    const problems: string[] = [];
    const handles = new Map(this.handles().map(({ spec }) => [spec.handleID, spec]));
    for (const { spec } of this.blocks()) {
      const size = spec.allocations.length;
      const free = spec.allocations.flatMap((index, ordinal) => (index === null ? [ordinal] : []));
      if ([...spec.unallocated].sort((a, b) => a - b).join() !== free.join()) {
        problems.push(
          `${spec.cidr}: unallocated is not what is free: ${spec.unallocated} / ${free}`,
        );
      }
      if (free.length + Object.keys(spec.sequenceNumberForAllocation ?? {}).length !== size) {
        problems.push(`${spec.cidr}: a sequence number too many or too few`);
      }
      const used = new Set(spec.allocations.filter((index) => index !== null));
      if (used.size !== spec.attributes.length)
        problems.push(`${spec.cidr}: an attribute without use`);
      for (const index of used) {
        const id = spec.attributes[index]?.handle_id ?? '';
        if (!(spec.cidr in (handles.get(id)?.block ?? {}))) {
          problems.push(`${spec.cidr}: holds an address for ${id}, whose handle does not name it`);
        }
      }
    }
    return problems;
  }
}
