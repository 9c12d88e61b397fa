/**
 * Entries to be looked at, each once, first come first served. A set of a hundred thousand would be hashed
 * anew as it grows, and every batch would walk over the holes that those before it left.
 */

import type { Entry } from './entries.ts';

export class EntryQueue {
  /** Those before `#next` are taken; those that are not queued any more, or again, are passed over. */
  #order: Entry[] = [];
  #next = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(entry: Entry): void {
    if (entry.isQueued) return;
    entry.isQueued = true;
    this.#order.push(entry);
    this.#size++;
  }

  delete(entry: Entry): void {
    if (!entry.isQueued) return;
    entry.isQueued = false;
    this.#size--;
    if (this.#size === 0) this.#forgetPlaces(this.#order.length);
  }

  /** The first, `limit` of them at most: they are queued no more. */
  take(limit: number): Entry[] {
    const taken: Entry[] = [];
    let next = this.#next;
    for (; taken.length < limit && next < this.#order.length; next++) {
      const entry = this.#order[next]!;
      if (!entry.isQueued) continue;
      entry.isQueued = false;
      taken.push(entry);
    }
    this.#size -= taken.length;
    this.#forgetPlaces(next);
    return taken;
  }

  #forgetPlaces(end: number): void {
    this.#next = end;
    if (2 * end < this.#order.length) return;
    this.#order = this.#order.slice(end);
    this.#next = 0;
  }
}
