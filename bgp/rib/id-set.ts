/**
 * A set of small ids as a bitmap of bitmaps: what is still to be done, one bit an id, however often
 * and in whatever order it was asked for.
 *
 *   top     bit k: word k of `middle` is not zero      1 bit for 32,768 ids
 *   middle  bit j: word j of `low` is not zero         1 bit for 1,024 ids … each bit is 32 ids
 *   low     bit i: id i is in the set
 *
 * Taking walks round and round in ascending order from where it last stopped, and jumps over what
 * is empty: a million ids cost 125 kB, and one set bit among them is found in a few steps.
 */

const { clz32 } = Math;

export class IdSet {
  #low = new Uint32Array(1024);
  #middle = new Uint32Array(32);
  #top = new Uint32Array(1);
  #size = 0;
  #next = 0;

  get size(): number {
    return this.#size;
  }

  has(id: number): boolean {
    const word = id >>> 5;
    return word < this.#low.length && (this.#low[word]! & (1 << (id & 31))) !== 0;
  }

  /** True when the id was not in the set. */
  add(id: number): boolean {
    const word = id >>> 5;
    if (word >= this.#low.length) this.#grow(word);
    const bit = 1 << (id & 31);
    const old = this.#low[word]!;
    if ((old & bit) !== 0) return false;
    this.#fill(word, old | bit);
    this.#size++;
    return true;
  }

  /** Adds up to 32 ids at once: those whose bits are set, the lowest for id `32 * word`. */
  addWord(word: number, bits: number): void {
    if (bits === 0) return;
    if (word >= this.#low.length) this.#grow(word);
    const old = this.#low[word]!;
    for (let added = bits & ~old; added !== 0; added &= added - 1) this.#size++;
    this.#fill(word, old | bits);
  }

  addAll(other: IdSet): void {
    for (let word = 0; word < other.#low.length; word++) this.addWord(word, other.#low[word]!);
  }

  /** True when the id was in the set. */
  delete(id: number): boolean {
    const word = id >>> 5;
    if (word >= this.#low.length) return false;
    const bit = 1 << (id & 31);
    const old = this.#low[word]!;
    if ((old & bit) === 0) return false;
    this.#put(word, old & ~bit);
    this.#size--;
    return true;
  }

  /** Takes one id out of the set; -1 when it is empty. */
  take(): number {
    if (this.#size === 0) return -1;
    const found = this.#from(this.#next);
    const id = found >= 0 ? found : this.#from(0);
    this.delete(id);
    this.#next = id + 1;
    return id;
  }

  clear(): void {
    if (this.#size === 0) return;
    this.#low.fill(0);
    this.#middle.fill(0);
    this.#top.fill(0);
    this.#size = 0;
  }

  /** The lowest id of the set from `id` on, or -1. */
  #from(id: number): number {
    const word = id >>> 5;
    if (word >= this.#low.length) return -1;
    const here = this.#low[word]! & (-1 << (id & 31));
    if (here !== 0) return (word << 5) | lowestBit(here);
    const nextWord = word + 1;
    const group = nextWord >>> 5;
    if (group >= this.#middle.length) return -1;
    const words = this.#middle[group]! & (-1 << (nextWord & 31));
    if (words !== 0) return this.#firstOf((group << 5) | lowestBit(words));
    for (let at = group + 1; at >>> 5 < this.#top.length; at = ((at >>> 5) + 1) << 5) {
      const groups = this.#top[at >>> 5]! & (-1 << (at & 31));
      if (groups === 0) continue;
      const first = ((at >>> 5) << 5) | lowestBit(groups);
      return this.#firstOf((first << 5) | lowestBit(this.#middle[first]!));
    }
    return -1;
  }

  #firstOf(word: number): number {
    return (word << 5) | lowestBit(this.#low[word]!);
  }

  /** Writes a word that is not empty. */
  #fill(word: number, bits: number): void {
    this.#low[word] = bits;
    this.#middle[word >>> 5]! |= 1 << (word & 31);
    this.#top[word >>> 10]! |= 1 << ((word >>> 5) & 31);
  }

  #put(word: number, left: number): void {
    this.#low[word] = left;
    if (left !== 0) return;
    const group = word >>> 5;
    this.#middle[group]! &= ~(1 << (word & 31));
    if (this.#middle[group] === 0) this.#top[group >>> 5]! &= ~(1 << (group & 31));
  }

  // Doubling copies 125 kB at a million ids: nothing that a turn of the loop would notice.
  #grow(word: number): void {
    let length = this.#low.length;
    while (length <= word) length *= 2;
    this.#low = copyInto(new Uint32Array(length), this.#low);
    this.#middle = copyInto(new Uint32Array(length >>> 5), this.#middle);
    this.#top = copyInto(new Uint32Array((length + 1023) >>> 10), this.#top);
  }
}

function lowestBit(word: number): number {
  return 31 - clz32(word & -word);
}

function copyInto(to: Uint32Array<ArrayBuffer>, from: Uint32Array): Uint32Array<ArrayBuffer> {
  to.set(from);
  return to;
}
