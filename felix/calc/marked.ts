/** Prefixes to be looked at again, each once, in the order in which they were marked. */

import { type Prefix, PrefixTable } from 'net-ipaddr';

export class Marked {
  readonly #ids: PrefixTable;
  /** Those before `#next` are taken. */
  #order: Prefix[] = [];
  #next = 0;

  /** @param seed 32 random bits: peers choose the prefixes. */
  constructor(seed: number) {
    this.#ids = new PrefixTable(seed);
  }

  get size(): number {
    return this.#ids.size;
  }

  add(prefix: Prefix): void {
    const { size } = this.#ids;
    this.#ids.intern(prefix);
    if (this.#ids.size > size) this.#order.push(prefix);
  }

  /** Up to `limit` of them, which are marked no more. */
  take(limit: number): Prefix[] {
    const taken = this.#order.slice(this.#next, this.#next + limit);
    for (const prefix of taken) this.#ids.release(this.#ids.find(prefix));
    this.#next += taken.length;
    if (2 * this.#next >= this.#order.length) {
      this.#order = this.#order.slice(this.#next);
      this.#next = 0;
    }
    return taken;
  }
}
