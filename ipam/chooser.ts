/** Which of this node's blocks a request takes its address from, and when the node claims another. */

import type { Family } from 'net-ipaddr';
import type { Clock, Store } from '../ports.ts';
import { IpamError, Moved } from './errors.ts';
import type { OwnBlock, OwnBlocks } from './own-blocks.ts';
import { type Policy, PolicyReader } from './policy.ts';
import { type Pool, poolOf, poolsFor } from './pools.ts';
import { CLAIM, type Turns } from './turns.ts';

/** How old pools and configuration may be when an address comes from a block that we have. */
const POLICY_FRESH_MS = 5_000;

export interface ChooserOptions {
  store: Store;
  clock: Clock;
  node: string;
  turns: Turns;
  blocks: OwnBlocks;
}

export class Chooser {
  readonly #node: string;
  readonly #turns: Turns;
  readonly #blocks: OwnBlocks;
  readonly #policy: PolicyReader;

  constructor(options: ChooserOptions) {
    this.#node = options.node;
    this.#turns = options.turns;
    this.#blocks = options.blocks;
    this.#policy = new PolicyReader(options);
  }

  /**
   * A block of ours with an address free, which is promised to the caller: it takes the promise back
   * when it has written the block or given up.
   * @param named CIDRs of blocks that the handle names without holding anything there. They come
   *   first, since then no name has to be dropped.
   * @throws IpamError that says why there is none.
   */
  async choose(family: Family, named: readonly string[], deadline: number): Promise<OwnBlock> {
    const pick = (pools: readonly Pool[]) => this.#pick(family, pools, named);
    return (
      pick(poolsIfAny(family, await this.#policy.read(POLICY_FRESH_MS))) ??
      this.#turns.run(CLAIM, deadline, async () => {
        // Whoever had the turn before may have read the policy and claimed a block just now.
        const recent = pick(poolsIfAny(family, await this.#policy.read(POLICY_FRESH_MS)));
        if (recent !== undefined) return recent;
        const policy = await this.#policy.read(0);
        const pools = poolsFor(family, policy.pools);
        return pick(pools) ?? this.#claim(family, pools, policy);
      })
    );
  }

  #pick(family: Family, pools: readonly Pool[], named: readonly string[]): OwnBlock | undefined {
    const usable = this.#blocks.ofFamily(family).filter(({ prefix }) => poolOf(prefix, pools));
    const own =
      usable.find(({ cidr, free }) => named.includes(cidr) && free > 0) ??
      usable.find(({ free, promised }) => free > promised);
    if (own !== undefined) own.promised++;
    return own;
  }

  async #claim(family: Family, pools: readonly Pool[], policy: Policy): Promise<OwnBlock> {
    const owned = this.#blocks.ofFamily(family).length;
    const none = `no IPv${family} address is free in the ${owned} block(s) of node ${JSON.stringify(this.#node)}`;
    if (!policy.claimsBlocks) {
      throw new IpamError(
        'BlockLimit',
        `${none}, and autoAllocateBlocks is false in IPAMConfiguration "default": set it to true, or give the node a block`,
      );
    }
    if (owned >= policy.maxBlocks) {
      throw new IpamError(
        'BlockLimit',
        `${none}, and it may have no more than ${policy.maxBlocks}: raise maxBlocksPerHost in IPAMConfiguration "default", or delete pods`,
      );
    }
    const own = await this.#blocks.claim(family, pools);
    if (own === undefined) {
      const names = pools.map(({ name }) => JSON.stringify(name)).join(', ');
      throw new IpamError(
        'Exhausted',
        `${none}, and every block of IPPool ${names} is taken: add a pool, or delete pods`,
      );
    }
    if (own.free === 0) throw new Moved(`block ${own.cidr} is full`);
    own.promised++;
    return own;
  }
}

/** Without a pool nothing is picked; the fresh policy that is read then says what is wrong. */
function poolsIfAny(family: Family, { pools }: Policy): Pool[] {
  try {
    return poolsFor(family, pools);
  } catch {
    return [];
  }
}
