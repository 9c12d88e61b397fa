/** All RPKI caches that are configured, and the one table that they fill. */

import type { Endpoint } from '../transport/transport.ts';
import { Cache, type CacheOptions, type CacheStatus } from './cache.ts';
import { MAX_CACHES, VrpTable } from './vrps.ts';

export interface CachesOptions extends Omit<CacheOptions, 'table'> {
  /** As ConnectionOwner.closing. */
  readonly closing: () => () => void;
}

export class Caches {
  readonly #options: CachesOptions;
  /** Made when the first cache is configured. */
  #table: VrpTable | undefined;
  /** By index in the table. */
  readonly #caches: (Cache | undefined)[] = Array.from({ length: MAX_CACHES }, () => undefined);
  readonly #keys: (string | undefined)[] = [];

  constructor(options: CachesOptions) {
    this.#options = options;
  }

  /** Undefined: no cache is configured. */
  get table(): VrpTable | undefined {
    return this.#caches.some((cache) => cache !== undefined) ? this.#table : undefined;
  }

  get status(): CacheStatus[] {
    return this.#caches.flatMap((cache) => cache?.status ?? []);
  }

  /** At most MAX_CACHES. What one that goes had said counts no more; the others notice nothing. */
  set(servers: readonly Endpoint[]): void {
    const wanted = new Map(servers.map((at) => [`${at.address} ${at.port}`, at]));
    this.#keys.forEach((key, index) => {
      if (key === undefined || wanted.delete(key)) return;
      this.#caches[index]!.close(this.#options.closing());
      this.#caches[index] = undefined;
      this.#keys[index] = undefined;
    });
    for (const [key, at] of wanted) {
      this.#table ??= new VrpTable(this.#options.random);
      const index = this.#caches.indexOf(undefined);
      this.#caches[index] = new Cache(at, index, { ...this.#options, table: this.#table });
      this.#keys[index] = key;
    }
  }
}
