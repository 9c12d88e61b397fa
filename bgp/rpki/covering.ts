/**
 * A set of prefixes that is asked which of them cover another one: one hash look-up for each
 * distinct length among them up to the other's own. Every prefix of the set has a dense id.
 */

import { type Family, PrefixTable } from 'net-ipaddr';

/** A prefix as words in network order, unsigned, with host bits zero; 0 beyond the family's. */
export interface PrefixWords {
  readonly family: Family;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  readonly length: number;
}

export class CoveringPrefixes {
  readonly #table: PrefixTable;
  /** How many prefixes of each length there are, and the lengths that there are, ascending. */
  readonly #counts4 = new Uint32Array(33);
  readonly #counts6 = new Uint32Array(129);
  #lengths4: number[] = [];
  #lengths6: number[] = [];
  // The walk that `first` began.
  #of: PrefixTable;
  #id = 0;
  #at = 0;

  /** @param seed as PrefixTable's */
  constructor(seed: number) {
    this.#table = new PrefixTable(seed);
    this.#of = this.#table;
  }

  get size(): number {
    return this.#table.size;
  }

  /** The prefix's id, a new one if it has none. */
  add({ family, w0, w1, w2, w3, length }: PrefixWords): number {
    const before = this.#table.size;
    const id =
      family === 4 ? this.#table.intern4(w0, length) : this.#table.intern6(w0, w1, w2, w3, length);
    if (this.#table.size > before) this.#count(family, length, 1);
    return id;
  }

  /** The prefix's id, or -1. */
  find({ family, w0, w1, w2, w3, length }: PrefixWords): number {
    return family === 4 ? this.#table.idOf4(w0, length) : this.#table.idOf6(w0, w1, w2, w3, length);
  }

  remove(id: number): void {
    this.#count(this.#table.family(id), this.#table.length(id), -1);
    this.#table.release(id);
  }

  words(id: number): PrefixWords {
    return {
      family: this.#table.family(id),
      w0: this.#table.word(id, 0),
      w1: this.#table.word(id, 1),
      w2: this.#table.word(id, 2),
      w3: this.#table.word(id, 3),
      length: this.#table.length(id),
    };
  }

  /** The shortest prefix that covers the one with this id in `prefixes`, or -1. Go on with `next`. */
  first(prefixes: PrefixTable, id: number): number {
    this.#of = prefixes;
    this.#id = id;
    this.#at = 0;
    return this.next();
  }

  /** The next longer one, or -1. */
  next(): number {
    const prefixes = this.#of;
    const id = this.#id;
    const is4 = prefixes.family(id) === 4;
    const lengths = is4 ? this.#lengths4 : this.#lengths6;
    const longest = prefixes.length(id);
    while (this.#at < lengths.length) {
      const length = lengths[this.#at++]!;
      if (length > longest) return -1;
      const found = is4
        ? this.#table.idOf4(masked(prefixes.word(id, 0), length), length)
        : this.#table.idOf6(
            masked(prefixes.word(id, 0), length),
            masked(prefixes.word(id, 1), length - 32),
            masked(prefixes.word(id, 2), length - 64),
            masked(prefixes.word(id, 3), length - 96),
            length,
          );
      if (found >= 0) return found;
    }
    return -1;
  }

  #count(family: Family, length: number, by: 1 | -1): void {
    const counts = family === 4 ? this.#counts4 : this.#counts6;
    counts[length]! += by;
    if (counts[length] !== (by === 1 ? 1 : 0)) return;
    const lengths: number[] = [];
    counts.forEach((count, at) => {
      if (count > 0) lengths.push(at);
    });
    if (family === 4) this.#lengths4 = lengths;
    else this.#lengths6 = lengths;
  }
}

/** The first `bits` bits of a word; none for zero and below, all from 32 on. */
function masked(word: number, bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? word : word & (-1 << (32 - bits));
}
