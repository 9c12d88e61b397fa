/** How routes get to the kernel: at once, or by another thread while those after them are decided. */

import type { NetlinkError, Result } from 'rtnetlink-ts';
import type { Netlink } from '../kernel.ts';
import { type RouteWrite, withFootings } from './footing.ts';

export interface RouteWriterOptions {
  netlink: Pick<Netlink, 'batch' | 'batchOffLoop'>;
  /** The socket failed, not a route: what the kernel did is unknown. */
  onSurprise(): void;
}

export class RouteWriter {
  readonly #options: RouteWriterOptions;
  readonly #flights = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: RouteWriterOptions) {
    this.#options = options;
  }

  /** Batches that another thread is writing, or will. */
  get flights(): number {
    return this.#flights.size;
  }

  /** Blocks for about 3 µs a route. @returns what came of each. */
  write(writes: readonly RouteWrite[]): Result[] {
    if (writes.length === 0) return [];
    const { operations, places } = withFootings(writes);
    try {
      const results = this.#options.netlink.batch(operations);
      return places.map((place) => results[place]);
    } catch (error) {
      return this.#lose(writes, error as NetlinkError);
    }
  }

  /** By another thread. @param land what came of each; not called after `close`. */
  fly(writes: readonly RouteWrite[], land: (results: readonly Result[]) => void): void {
    const flight = this.#writeOffLoop(writes).then((results) => {
      this.#flights.delete(flight);
      if (!this.#isClosed) land(results);
    });
    this.#flights.add(flight);
  }

  /** Waits for flights to land, while there are any and `isAwaited`. */
  async landed(isAwaited: () => boolean): Promise<void> {
    while (this.#flights.size > 0 && isAwaited()) await Promise.race(this.#flights);
  }

  close(): void {
    this.#isClosed = true;
  }

  async #writeOffLoop(writes: readonly RouteWrite[]): Promise<Result[]> {
    const { operations, places } = withFootings(writes);
    try {
      const results = await this.#options.netlink.batchOffLoop(operations);
      return places.map((place) => results[place]);
    } catch (error) {
      return this.#lose(writes, error as NetlinkError);
    }
  }

  #lose(writes: readonly RouteWrite[], error: NetlinkError): Result[] {
    if (!this.#isClosed) this.#options.onSurprise();
    return writes.map(() => error);
  }
}

/** Of a removal that fails: what was to go is not there. */
export function isGone(code: string): boolean {
  return code === 'ESRCH' || code === 'ENOENT' || code === 'ENODEV';
}
