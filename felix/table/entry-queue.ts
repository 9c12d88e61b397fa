/**
 * Entries to be looked at, each once, first come first served. A set of a hundred thousand would be hashed
 * anew as it grows, and every batch would walk over the holes that those before it left.
 */

import { Fifo } from '../fifo.ts';
import type { Entry } from './entries.ts';

export class EntryQueue {
  /** Those that are not queued any more, or again, are passed over. */
  readonly #order = new Fifo<Entry>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(entry: Entry): void {
    if (entry.isQueued) return;
    entry.isQueued = true;
    this.#order.add(entry);
    this.#size++;
  }

  delete(entry: Entry): void {
    if (!entry.isQueued) return;
    entry.isQueued = false;
    this.#size--;
    if (this.#size === 0) this.#order.clear();
  }

  /** The first, `limit` of them at most: they are queued no more. */
  take(limit: number): Entry[] {
    const taken: Entry[] = [];
    while (taken.length < limit) {
      const entry = this.#order.take();
      if (entry === undefined) break;
      if (!entry.isQueued) continue;
      entry.isQueued = false;
      taken.push(entry);
    }
    this.#size -= taken.length;
    return taken;
  }
}
