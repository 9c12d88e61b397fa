/** All RPKI caches that are configured, and the one table that they fill. */

import type { Endpoint } from '../session/transport.ts';
import { Cache, type CacheOptions, type CacheStatus } from './cache.ts';
import { MAX_CACHES } from './vrps.ts';

export class Caches {
  readonly #options: CacheOptions;
  /** By index in the table. */
  readonly #caches: (Cache | undefined)[] = Array.from({ length: MAX_CACHES }, () => undefined);
  readonly #keys: (string | undefined)[] = [];
  readonly #closed: () => () => void;

  /** @param closing as ConnectionOwner's */
  constructor(options: CacheOptions, closing: () => () => void) {
    this.#options = options;
    this.#closed = closing;
  }

  get status(): CacheStatus[] {
    return this.#caches.flatMap((cache) => cache?.status ?? []);
  }

  /** At most MAX_CACHES. What one that goes had said counts no more; the others notice nothing. */
  set(servers: readonly Endpoint[]): void {
    const wanted = new Map(servers.map((at) => [`${at.address} ${at.port}`, at]));
    this.#keys.forEach((key, index) => {
      if (key === undefined || wanted.delete(key)) return;
      this.#caches[index]!.close(this.#closed());
      this.#caches[index] = undefined;
      this.#keys[index] = undefined;
    });
    for (const [key, at] of wanted) {
      const index = this.#caches.indexOf(undefined);
      this.#caches[index] = new Cache(at, index, this.#options);
      this.#keys[index] = key;
    }
  }
}
