/** Which of this node's blocks a request takes its address from, and when the node claims another. */

import {
  type Address,
  containsAddress,
  type Family,
  formatPrefix,
  isPrefix,
  offsetIn,
  parsePrefix,
  prefixOf,
} from 'net-ipaddr';
import { IPAMBlock } from '../api/index.ts';
import type { Clock, Store } from '../ports.ts';
import { belongsTo } from './block.ts';
import { IpamError, Moved } from './errors.ts';
import { type OwnBlock, type OwnBlocks, ownBlock } from './own-blocks.ts';
import { type Policy, PolicyReader } from './policy.ts';
import { type Pool, poolHolding, poolOf, poolsFor, poolsNamed } from './pools.ts';
import { othersBlock } from './refusals.ts';
import { CLAIM, type Turns } from './turns.ts';

/** How old pools and configuration may be when an address comes from a block that we have. */
const POLICY_FRESH_MS = 5_000;

/** What a request wants of a family: this address, or one of these pools, or any that it may have. */
export interface Want {
  readonly family: Family;
  readonly address: Address | undefined;
  /** Names or CIDRs. */
  readonly pools: readonly string[] | undefined;
}

export interface Choice {
  readonly own: OwnBlock;
  /** Of the address that was asked for. */
  readonly ordinal: number | undefined;
  /** The block is another node's, and stays it. */
  readonly isBorrowed: boolean;
}

export interface ChooserOptions {
  store: Store;
  clock: Clock;
  node: string;
  turns: Turns;
  blocks: OwnBlocks;
}

export class Chooser {
  readonly #node: string;
  readonly #store: Store;
  readonly #turns: Turns;
  readonly #blocks: OwnBlocks;
  readonly #policy: PolicyReader;

  constructor(options: ChooserOptions) {
    this.#node = options.node;
    this.#store = options.store;
    this.#turns = options.turns;
    this.#blocks = options.blocks;
    this.#policy = new PolicyReader(options);
  }

  /**
   * A block with an address free, which is promised to the caller: it takes the promise back when it
   * has written the block or given up, and counts itself as coming no more before it asks for the write.
   * @param named CIDRs of blocks that the handle names without holding anything there. They come
   *   first, since then no name has to be dropped.
   * @throws IpamError that says why there is none.
   */
  async choose(want: Want, named: readonly string[], deadline: number): Promise<Choice> {
    if (want.address !== undefined) return this.#exactly(want.address, deadline);
    const { family } = want;
    const pick = (policy: Policy) => this.#pick(family, poolsIfAny(want, policy), named);
    const own =
      pick(await this.#policy.read(POLICY_FRESH_MS)) ??
      (await this.#turns.run(CLAIM, deadline, async () => {
        // Whoever had the turn before may have read the policy and claimed a block just now.
        const recent = pick(await this.#policy.read(POLICY_FRESH_MS));
        if (recent !== undefined) return recent;
        const policy = await this.#policy.read(0);
        const pools = wantedPools(want, policy);
        return this.#pick(family, pools, named) ?? this.#claim(family, pools, policy);
      }));
    return { own, ordinal: undefined, isBorrowed: false };
  }

  /** The block that the address lies in: ours, or nobody's, which becomes ours, or another node's. */
  #exactly(address: Address, deadline: number): Promise<Choice> {
    return this.#turns.run(CLAIM, deadline, async () => {
      const policy = await this.#policy.read(0);
      const pool = poolHolding(address, policy.pools);
      const choice = (own: OwnBlock, isBorrowed: boolean): Choice => {
        promise(own);
        return { own, ordinal: Number(offsetIn(own.prefix, address)), isBorrowed };
      };
      const known = this.#blocks
        .ofFamily(address.family)
        .find(({ prefix }) => containsAddress(prefix, address));
      if (known !== undefined) return choice(known, false);
      const { items } = await this.#store.list(IPAMBlock);
      const block = items.find(({ spec }) => !spec.deleted && holds(spec.cidr, address));
      if (block !== undefined && !belongsTo(block, this.#node)) {
        if (policy.strictAffinity) throw othersBlock(address, block);
        return choice(ownBlock(block), true);
      }
      if (block === undefined) this.#mustMayClaim(address.family, policy);
      const prefix = block ? parsePrefix(block.spec.cidr) : prefixOf(address, pool.blockSize);
      const own = await this.#blocks.claimThis(prefix);
      if (own === undefined)
        throw new Moved(`block ${formatPrefix(prefix)} was claimed by another`);
      return choice(own, false);
    });
  }

  #pick(family: Family, pools: readonly Pool[], named: readonly string[]): OwnBlock | undefined {
    const usable = this.#blocks.ofFamily(family).filter(({ prefix }) => poolOf(prefix, pools));
    const own =
      usable.find(({ cidr, free }) => named.includes(cidr) && free > 0) ??
      usable.find(({ free, promised }) => free > promised);
    if (own !== undefined) promise(own);
    return own;
  }

  async #claim(family: Family, pools: readonly Pool[], policy: Policy): Promise<OwnBlock> {
    const none = this.#mustMayClaim(family, policy);
    const own = await this.#blocks.claim(family, pools);
    if (own === undefined) {
      const names = pools.map(({ name }) => JSON.stringify(name)).join(', ');
      throw new IpamError(
        'Exhausted',
        `${none}, and every block of IPPool ${names} is taken: add a pool, or delete pods`,
      );
    }
    if (own.free === 0) throw new Moved(`block ${own.cidr} is full`);
    promise(own);
    return own;
  }

  /** @returns that there is no address in the blocks that we have, as an error would begin. */
  #mustMayClaim(family: Family, policy: Policy): string {
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
    return none;
  }
}

function promise(own: OwnBlock): void {
  own.promised++;
  own.coming++;
}

/** @throws IpamError */
function wantedPools({ family, pools }: Want, policy: Policy): Pool[] {
  return pools === undefined
    ? poolsFor(family, policy.pools)
    : poolsNamed(family, pools, policy.pools);
}

/** Without a pool nothing is picked; the fresh policy that is read then says what is wrong. */
function poolsIfAny(want: Want, policy: Policy): Pool[] {
  try {
    return wantedPools(want, policy);
  } catch {
    return [];
  }
}

function holds(cidr: string, address: Address): boolean {
  return isPrefix(cidr) && containsAddress(parsePrefix(cidr), address);
}
