/** Prefixes to be looked at again, each once, in the order in which they were marked. */

import { type Prefix, PrefixTable } from 'net-ipaddr';
import { Fifo } from '../fifo.ts';

export class Marked {
  readonly #ids: PrefixTable;
  readonly #order = new Fifo<Prefix>();

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
    if (this.#ids.size > size) this.#order.add(prefix);
  }

  /** Up to `limit` of them, which are marked no more. */
  take(limit: number): Prefix[] {
    const taken: Prefix[] = [];
    while (taken.length < limit) {
      const prefix = this.#order.take();
      if (prefix === undefined) break;
      this.#ids.release(this.#ids.find(prefix));
      taken.push(prefix);
    }
    return taken;
  }
}
