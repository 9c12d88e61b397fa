/**
 * The blocks that belong to this node: what the datastore last said of each, and the steps of
 * claiming another. In Calico's order, so that programs of both kinds can race for one block:
 *
 *   1. BlockAffinity `pending`: from now on a crash leaves a trace that names this node
 *   2. IPAMBlock with affinity host:<node>: whoever creates it owns it
 *   3. BlockAffinity `confirmed`; or, if another node's block was there, delete our affinity
 *
 * What a crash leaves between the steps is taken up by the next `load` or claim.
 */

import { type Family, formatPrefix, isPrefix, type Prefix, parsePrefix } from 'net-ipaddr';
import { BlockAffinity, IPAMBlock } from '../api/index.ts';
import type { Clock, Log, Store } from '../ports.ts';
import { belongsTo, freeCount, newBlock, nextVersion } from './block.ts';
import { Moved, storeCode } from './errors.ts';
import {
  affinityLabels,
  affinityName,
  blockName,
  HOSTNAME_HASH_LABEL,
  hostnameHash,
} from './names.ts';
import { find, remove } from './objects.ts';
import { byPrefix, freeBlocks, type Pool, poolOf } from './pools.ts';

export interface OwnBlock {
  readonly cidr: string;
  readonly prefix: Prefix;
  /** As last read or written; undefined when its present state is unknown. */
  value: IPAMBlock | undefined;
  /** Addresses that were free in `value`, or before it became unknown. */
  free: number;
  /** Requests under way that have chosen this block and not yet written it. */
  promised: number;
  /** Of these, the ones that have yet to write their handle. */
  coming: number;
}

export interface OwnBlocksOptions {
  store: Store;
  clock: Clock;
  log: Log;
  node: string;
  onChange: (cidrs: string[]) => void;
}

export class OwnBlocks {
  readonly #options: OwnBlocksOptions;
  readonly #blocks = new Map<string, OwnBlock>();
  /** Affinities of ours without a block: what a claim that was cut short leaves. */
  #unfinished: Prefix[] = [];

  constructor(options: OwnBlocksOptions) {
    this.#options = options;
  }

  get(cidr: string): OwnBlock | undefined {
    return this.#blocks.get(cidr);
  }

  /** This node's blocks of a family, ascending. */
  ofFamily(family: Family): OwnBlock[] {
    return [...this.#blocks.values()].filter(({ prefix }) => prefix.address.family === family);
  }

  cidrs(): string[] {
    return [...this.#blocks.keys()];
  }

  /**
   * Reads which blocks are ours, confirms affinities whose claim was cut short just before, and drops
   * affinities to others' blocks. What is known of a block already stays, so that this may run while
   * blocks are written. Not at the same time as `claim`.
   */
  async load(): Promise<void> {
    const { store, node, log } = this.#options;
    // Affinities from before Calico labelled them have none of its labels.
    const selectors = [`${HOSTNAME_HASH_LABEL}=${hostnameHash(node)}`, `!${HOSTNAME_HASH_LABEL}`];
    const listings = await Promise.all(
      selectors.map((labelSelector) => store.list(BlockAffinity, { labelSelector })),
    );
    const ours = new Map<string, OwnBlock>();
    const unfinished: Prefix[] = [];
    for (const affinity of listings.flatMap(({ items }) => items)) {
      const { cidr, state, deleted, type } = affinity.spec;
      if (affinity.spec.node !== node || (type ?? 'host') !== 'host') continue;
      if (deleted || !isPrefix(cidr)) continue;
      const known = this.#blocks.get(cidr);
      const block = known?.value ?? (await find(store, IPAMBlock, blockName(cidr)));
      if (block === undefined) {
        if (state !== 'pendingDeletion') unfinished.push(parsePrefix(cidr));
      } else if (belongsTo(block, node)) {
        // pendingDeletion is left to whoever wrote it; until the block changes hands it is ours.
        if (state !== 'pendingDeletion') await this.#confirm(affinity);
        ours.set(cidr, known ?? ownBlock(block));
      } else {
        const fields = { block: cidr, owner: block.spec.affinity };
        log.warn(fields, 'The block belongs to another: dropping our affinity to it');
        await remove(store, BlockAffinity, affinity);
      }
    }
    this.#unfinished = unfinished;
    this.#set([...ours.values()]);
  }

  /** Of whomever's block. In the block's turn only, or an older reading could replace a newer one. */
  async read(cidr: string): Promise<IPAMBlock | undefined> {
    const block = await find(this.#options.store, IPAMBlock, blockName(cidr));
    this.#learn(cidr, block);
    return block;
  }

  /** The next version of whomever's block. In the block's turn only. */
  async write(block: IPAMBlock): Promise<void> {
    const { cidr } = block.spec;
    const own = this.#blocks.get(cidr);
    if (own !== undefined) own.value = undefined; // unknown, unless the write is answered
    this.#learn(cidr, await this.#options.store.update(IPAMBlock, nextVersion(block)));
  }

  /**
   * Makes one more block of these pools ours: first one that we began to claim before, then the
   * first free one.
   * @returns undefined when every block of the pools is taken.
   */
  async claim(family: Family, pools: readonly Pool[]): Promise<OwnBlock | undefined> {
    const { store, node, log } = this.#options;
    for (const prefix of [...this.#unfinished]) {
      if (prefix.address.family !== family || poolOf(prefix, pools) === undefined) continue;
      const own = await this.#claimOne(prefix);
      this.#unfinished = this.#unfinished.filter((other) => other !== prefix);
      if (own !== undefined) return own;
    }
    const { items } = await store.list(IPAMBlock);
    const existing: Prefix[] = [];
    for (const block of items) {
      // A claim that comes by a block marked as deleted finishes its deletion.
      if (block.spec.deleted || !isPrefix(block.spec.cidr)) continue;
      const prefix = parsePrefix(block.spec.cidr);
      existing.push(prefix);
      const isLostOfOurs = belongsTo(block, node) && !this.#blocks.has(block.spec.cidr);
      if (!isLostOfOurs || prefix.address.family !== family || freeCount(block) === 0) continue;
      if (poolOf(prefix, pools) === undefined) continue;
      const own = await this.#claimOne(prefix);
      if (own !== undefined) return own;
    }
    for (const pool of pools) {
      for (const prefix of freeBlocks(pool, existing, node)) {
        const own = await this.#claimOne(prefix);
        if (own !== undefined) return own;
        log.info({ block: formatPrefix(prefix) }, 'Another node claimed the block first');
      }
    }
    return undefined;
  }

  /** Makes this very block ours; undefined when another node has it. Not at the same time as `load` or `claim`. */
  claimThis(prefix: Prefix): Promise<OwnBlock | undefined> {
    return this.#claimOne(prefix);
  }

  async #claimOne(prefix: Prefix): Promise<OwnBlock | undefined> {
    const { store, clock, node, log } = this.#options;
    const cidr = formatPrefix(prefix);
    const affinity = await this.#pendingAffinity(prefix);
    if (affinity === undefined) return undefined;
    let block: IPAMBlock | undefined;
    try {
      block = await store.create(IPAMBlock, newBlock(prefix, node, clock.now()));
    } catch (error) {
      if (storeCode(error) !== 'AlreadyExists') throw error;
      block = await find(store, IPAMBlock, blockName(cidr));
      if (block === undefined) throw new Moved(`block ${cidr} was there and is gone again`);
      if (!belongsTo(block, node)) {
        await remove(store, BlockAffinity, affinity);
        return undefined;
      }
    }
    await this.#confirm(affinity);
    log.info({ block: cidr }, 'Claimed a block');
    const own = ownBlock(block);
    this.#set([...this.#blocks.values(), own]);
    return own;
  }

  /** Our affinity to the block, pending or confirmed; undefined when its name is someone else's. */
  async #pendingAffinity(prefix: Prefix): Promise<BlockAffinity | undefined> {
    const { store, node } = this.#options;
    const cidr = formatPrefix(prefix);
    const name = affinityName(node, cidr);
    const labels = affinityLabels(node, prefix.address.family);
    const known = await find(store, BlockAffinity, name);
    if (known === undefined) {
      return store.create(BlockAffinity, {
        apiVersion: 'projectcalico.org/v3',
        kind: 'BlockAffinity',
        metadata: { name, labels },
        spec: { state: 'pending', node, type: 'host', cidr, deleted: false },
      });
    }
    if (known.spec.node !== node || known.spec.cidr !== cidr) return undefined;
    if (known.spec.state === 'pending' || known.spec.state === 'confirmed') return known;
    const pending: BlockAffinity = { ...known, spec: { ...known.spec, state: 'pending' } };
    return store.update(BlockAffinity, pending);
  }

  async #confirm(affinity: BlockAffinity): Promise<void> {
    if (affinity.spec.state === 'confirmed') return;
    const { store } = this.#options;
    await store.update(BlockAffinity, {
      ...affinity,
      spec: { ...affinity.spec, state: 'confirmed' },
    });
  }

  /** Takes in what was just read or written. Blocks that are not in the list of ours stay out of it. */
  #learn(cidr: string, block: IPAMBlock | undefined): void {
    const own = this.#blocks.get(cidr);
    if (own === undefined) return;
    if (block === undefined || !belongsTo(block, this.#options.node)) {
      this.#options.log.warn({ block: cidr }, 'The block was taken from this node');
      this.#set([...this.#blocks.values()].filter((other) => other !== own));
      return;
    }
    own.value = block;
    own.free = freeCount(block);
  }

  #set(blocks: OwnBlock[]): void {
    const before = this.cidrs().join();
    this.#blocks.clear();
    for (const own of blocks.sort(byPrefix)) this.#blocks.set(own.cidr, own);
    if (this.cidrs().join() !== before) this.#options.onChange(this.cidrs());
  }
}

/** The block as just read. */
export function ownBlock(block: IPAMBlock): OwnBlock {
  const { cidr } = block.spec;
  return {
    cidr,
    prefix: parsePrefix(cidr),
    value: block,
    free: freeCount(block),
    promised: 0,
    coming: 0,
  };
}
