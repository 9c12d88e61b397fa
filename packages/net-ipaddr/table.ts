/**
 * Prefix ⇄ id: every distinct prefix gets a small dense number, so that a RIB can keep what it
 * knows of a prefix in typed arrays instead of objects.
 *
 *                hash-index.ts     pages, 4096 ids each
 *                ┌──────────┐      ┌───────────────────────────────┐
 *                │          │      │ kinds  uint8   4: length      │
 *   hash ──────▶ │  …  id   │ ───▶ │                6: 64 + length │
 *                │          │      │ first  uint32  word 0         │
 *                └──────────┘      │ rest   uint32  words 1–3, only│
 *                                  │        where a page holds IPv6│
 *                                  └───────────────────────────────┘
 *
 * Growth moves no more than one part of the index, and ids come from one more page.
 *
 * The hash is simple tabulation: one random word for each (position, byte), all XORed. With linear
 * probing it keeps expected O(1) for any set of keys chosen without knowing the seed (Pătraşcu and
 * Thorup, 2012), so a peer cannot pick prefixes that collide. The last four bits of a /24 (a /48) are
 * taken as they are: the sixteen that make up a /20 (a /44) and come together lie in one cache line
 * of slots, and what a peer can crowd there on purpose is no more than these sixteen.
 *
 * A released id is the next one given out. A free id's `kind` is FREE, its `first` the next free
 * id + 1, so the free list costs no memory.
 */

import { type Address, type Family, familyBits } from './address.ts';
import { HashIndex } from './hash-index.ts';
import { formatPrefix, type Prefix } from './prefix.ts';

// Bound here because a global costs a look-up on every call inside a vm context.
const { imul } = Math;

/** The bits of an address that are not hashed: 20–23 of an IPv4 one, 44–47 of an IPv6 one. */
const NEAR = 15;

const PAGE_BITS = 12;
const PAGE_SIZE = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SIZE - 1;

/** Added to an IPv6 length, so that one byte tells family and length: 0–32 or 64–192. */
const V6 = 64;
const FREE = 255;

const KIND_ROW = 16 * 256;
const NO_WORDS = new Uint32Array(0);

interface Page {
  readonly kinds: Uint8Array;
  readonly first: Uint32Array;
  rest: Uint32Array;
}

/**
 * Words are the address in network order, 32 bits each (signed or unsigned is the same), with host
 * bits zero: the caller masks. An id is valid from the `intern` that gave it until its `release`.
 */
export class PrefixTable {
  readonly #random: Uint32Array;
  readonly #pages: Page[] = [];
  readonly #index = new HashIndex((id) => this.#hashOf(id));
  /** The id after the highest that was ever given. */
  #nextId = 0;
  /** Head of the free list: id + 1, or 0. */
  #freeHead = 0;
  #size = 0;

  /** @param seed 32 random bits that peers cannot know; the same seed gives the same layout. */
  constructor(seed: number) {
    this.#random = randomWords(seed, KIND_ROW + 256);
  }

  /** How many prefixes have an id now. */
  get size(): number {
    return this.#size;
  }

  /** The id of an IPv4 prefix, or -1. */
  idOf4(address: number, length: number): number {
    const word = address >>> 0;
    return this.#find4(this.#hash4(word, length), word, length);
  }

  /** The id of an IPv4 prefix, a new one if it has none. */
  intern4(address: number, length: number): number {
    const word = address >>> 0;
    const hash = this.#hash4(word, length);
    const id = this.#find4(hash, word, length);
    return id >= 0 ? id : this.#insert(hash, length, word, 0, 0, 0);
  }

  /** The id of an IPv6 prefix, or -1. */
  idOf6(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const hash = this.#hash6(w0, w1, w2, w3, V6 + length);
    return this.#find6(hash, w0 >>> 0, w1 >>> 0, w2 >>> 0, w3 >>> 0, V6 + length);
  }

  /** The id of an IPv6 prefix, a new one if it has none. */
  intern6(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const kind = V6 + length;
    const hash = this.#hash6(w0, w1, w2, w3, kind);
    const id = this.#find6(hash, w0 >>> 0, w1 >>> 0, w2 >>> 0, w3 >>> 0, kind);
    return id >= 0 ? id : this.#insert(hash, kind, w0, w1, w2, w3);
  }

  /** The id of `prefix`, or -1. */
  find(prefix: Prefix): number {
    const { bytes } = prefix.address;
    return prefix.address.family === 4
      ? this.idOf4(wordAt(bytes, 0), prefix.length)
      : this.idOf6(
          wordAt(bytes, 0),
          wordAt(bytes, 4),
          wordAt(bytes, 8),
          wordAt(bytes, 12),
          prefix.length,
        );
  }

  /** The id of `prefix`, a new one if it has none. */
  intern(prefix: Prefix): number {
    const { bytes } = prefix.address;
    return prefix.address.family === 4
      ? this.intern4(wordAt(bytes, 0), prefix.length)
      : this.intern6(
          wordAt(bytes, 0),
          wordAt(bytes, 4),
          wordAt(bytes, 8),
          wordAt(bytes, 12),
          prefix.length,
        );
  }

  /**
   * Forgets the prefix. Its id may be the very next one given out, so whoever keeps arrays by id
   * clears its cells first.
   * @throws RangeError when the id is not in use.
   */
  release(id: number): void {
    this.#kind(id);
    this.#index.remove(this.#hashOf(id), id);
    const page = this.#pages[id >>> PAGE_BITS]!;
    page.kinds[id & PAGE_MASK] = FREE;
    page.first[id & PAGE_MASK] = this.#freeHead;
    this.#freeHead = id + 1;
    this.#size--;
  }

  family(id: number): Family {
    return this.#kind(id) < V6 ? 4 : 6;
  }

  length(id: number): number {
    const kind = this.#kind(id);
    return kind < V6 ? kind : kind - V6;
  }

  /** 32 bits of the address, unsigned, the first the highest: 0 for IPv4, 0–3 for IPv6. The id is not checked. */
  word(id: number, index: 0 | 1 | 2 | 3): number {
    const page = this.#pages[id >>> PAGE_BITS]!;
    const offset = id & PAGE_MASK;
    if (index === 0) return page.first[offset]!;
    return page.kinds[offset]! < V6 ? 0 : page.rest[3 * offset + index - 1]!;
  }

  /** The prefix as a new value. @throws RangeError when the id is not in use. */
  prefix(id: number): Prefix {
    const family = this.family(id);
    const bytes = new Uint8Array(familyBits(family) >> 3);
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = this.word(id, (i >> 2) as 0 | 1 | 2 | 3) >>> (24 - 8 * (i & 3));
    }
    const address: Address = { family, bytes };
    return { address, length: this.length(id) };
  }

  /** Canonical text, `10.0.0.0/8`. @throws RangeError when the id is not in use. */
  text(id: number): string {
    return formatPrefix(this.prefix(id));
  }

  #find4(hash: number, word: number, kind: number): number {
    const index = this.#index;
    for (let id = index.first(hash); id >= 0; id = index.next()) {
      const page = this.#pages[id >>> PAGE_BITS]!;
      const offset = id & PAGE_MASK;
      if (page.first[offset] === word && page.kinds[offset] === kind) return id;
    }
    return -1;
  }

  #find6(hash: number, w0: number, w1: number, w2: number, w3: number, kind: number): number {
    const index = this.#index;
    for (let id = index.first(hash); id >= 0; id = index.next()) {
      const page = this.#pages[id >>> PAGE_BITS]!;
      const offset = id & PAGE_MASK;
      if (page.kinds[offset] !== kind || page.first[offset] !== w0) continue;
      const { rest } = page;
      const at1 = 3 * offset;
      if (rest[at1] === w1 && rest[at1 + 1] === w2 && rest[at1 + 2] === w3) return id;
    }
    return -1;
  }

  #insert(hash: number, kind: number, w0: number, w1: number, w2: number, w3: number): number {
    const id = this.#takeId();
    const page = this.#pages[id >>> PAGE_BITS]!;
    const offset = id & PAGE_MASK;
    page.kinds[offset] = kind;
    page.first[offset] = w0;
    if (kind >= V6) {
      if (page.rest === NO_WORDS) page.rest = new Uint32Array(3 * PAGE_SIZE);
      page.rest[3 * offset] = w1;
      page.rest[3 * offset + 1] = w2;
      page.rest[3 * offset + 2] = w3;
    }
    this.#index.add(hash, id);
    this.#size++;
    return id;
  }

  #takeId(): number {
    if (this.#freeHead !== 0) {
      const id = this.#freeHead - 1;
      this.#freeHead = this.#pages[id >>> PAGE_BITS]!.first[id & PAGE_MASK]!;
      return id;
    }
    if (this.#nextId === this.#pages.length << PAGE_BITS) {
      this.#pages.push({
        kinds: new Uint8Array(PAGE_SIZE).fill(FREE),
        first: new Uint32Array(PAGE_SIZE),
        rest: NO_WORDS,
      });
    }
    return this.#nextId++;
  }

  /** Family and length in one byte. @throws RangeError when the id is not in use. */
  #kind(id: number): number {
    const kind = this.#pages[id >>> PAGE_BITS]?.kinds[id & PAGE_MASK] ?? FREE;
    if (kind === FREE) throw new RangeError(`prefix id ${id} is not in use`);
    return kind;
  }

  #hashOf(id: number): number {
    const page = this.#pages[id >>> PAGE_BITS]!;
    const offset = id & PAGE_MASK;
    const kind = page.kinds[offset]!;
    if (kind < V6) return this.#hash4(page.first[offset]!, kind);
    const { rest } = page;
    const at = 3 * offset;
    return this.#hash6(page.first[offset]!, rest[at]!, rest[at + 1]!, rest[at + 2]!, kind);
  }

  #hash4(word: number, kind: number): number {
    const random = this.#random;
    const near = (word >>> 8) & NEAR;
    return (hashWord(random, 0, word ^ (near << 8)) ^ random[KIND_ROW + kind]! ^ near) >>> 0;
  }

  #hash6(w0: number, w1: number, w2: number, w3: number, kind: number): number {
    const random = this.#random;
    const near = (w1 >>> 16) & NEAR;
    return (
      (hashWord(random, 0, w0) ^
        hashWord(random, 1024, w1 ^ (near << 16)) ^
        hashWord(random, 2048, w2) ^
        hashWord(random, 3072, w3) ^
        random[KIND_ROW + kind]! ^
        near) >>>
      0
    );
  }
}

/** XOR of the four rows of `random`, from `row` on, that the bytes of `word` choose. */
function hashWord(random: Uint32Array, row: number, word: number): number {
  return (
    random[row + (word >>> 24)]! ^
    random[row + 256 + ((word >>> 16) & 0xff)]! ^
    random[row + 512 + ((word >>> 8) & 0xff)]! ^
    random[row + 768 + (word & 0xff)]!
  );
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** A stream of well-mixed words from a seed: a Weyl sequence through murmur3's finalizer. */
function randomWords(seed: number, count: number): Uint32Array {
  const words = new Uint32Array(count);
  let state = seed | 0;
  for (let i = 0; i < count; i++) {
    state = (state + 0x9e3779b9) | 0;
    let word = imul(state ^ (state >>> 16), 0x85ebca6b);
    word = imul(word ^ (word >>> 13), 0xc2b2ae35);
    words[i] = word ^ (word >>> 16);
  }
  return words;
}
