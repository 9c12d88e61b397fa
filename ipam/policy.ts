/** Pools and configuration, as the cluster's admins want them now. */

import {
  DEFAULT_MAX_BLOCKS_PER_HOST,
  IPAMConfiguration,
  IPPool,
  withDefaults,
} from '../api/index.ts';
import type { Clock, Store } from '../ports.ts';
import { storeCode } from './errors.ts';
import { type ReadPools, readPools } from './pools.ts';

export interface Policy {
  readonly pools: ReadPools;
  /** Of one family, for one node. */
  readonly maxBlocks: number;
  /** False: a node only uses the blocks that it has been given. */
  readonly claimsBlocks: boolean;
  /** False: an address may also come from another node's block. */
  readonly strictAffinity: boolean;
}

/**
 * Reads the policy when the last reading is too old. Both kinds change seldom and are read often,
 * so a Store that answers them from a watch makes this free.
 */
export class PolicyReader {
  readonly #store: Store;
  readonly #clock: Clock;
  #last: { policy: Policy; readAt: number } | undefined;
  #reading: Promise<Policy> | undefined;

  constructor({ store, clock }: { store: Store; clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The policy as it was at most `maxAgeMs` ago; 0 reads it, or joins a reading under way. */
  read(maxAgeMs: number): Promise<Policy> {
    const last = this.#last;
    if (last !== undefined && this.#clock.monotonic() - last.readAt < maxAgeMs) {
      return Promise.resolve(last.policy);
    }
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<Policy> {
    const readAt = this.#clock.monotonic();
    const [pools, { maxBlocksPerHost, autoAllocateBlocks, strictAffinity }] = await Promise.all([
      this.#store.list(IPPool),
      this.#configuration(),
    ]);
    const policy = {
      pools: readPools(pools.items),
      maxBlocks: maxBlocksPerHost || DEFAULT_MAX_BLOCKS_PER_HOST,
      claimsBlocks: autoAllocateBlocks,
      strictAffinity,
    };
    this.#last = { policy, readAt };
    return policy;
  }

  async #configuration() {
    let stored: IPAMConfiguration = {
      apiVersion: 'projectcalico.org/v3',
      kind: 'IPAMConfiguration',
      metadata: { name: 'default' },
    };
    try {
      stored = await this.#store.get(IPAMConfiguration, 'default');
    } catch (error) {
      if (storeCode(error) !== 'NotFound') throw error;
    }
    return withDefaults(IPAMConfiguration, stored).spec;
  }
}
