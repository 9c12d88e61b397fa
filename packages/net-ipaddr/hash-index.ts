/**
 * From a hash to the ids that have it. Extendible hashing, so that growth never moves more than one
 * part, whatever the table holds; rehashing a million entries at once would stall the loop for 60–240 ms:
 *
 *   hash (32 bits):   [ top bits: which part ........ | low 12 bits: first slot to look at ]
 *
 *   directory ──▶ part: 4096 slots, each 0 (empty) or id + 1; split in two on the next top bit of
 *                 the hash when half of the slots are taken
 *
 * Whoever owns the ids keeps their hashes and their contents, and compares.
 */

const SLOT_BITS = 12;
const SLOTS = 1 << SLOT_BITS;
const SLOT_MASK = SLOTS - 1;
const MAX_TAKEN = SLOTS / 2;
const MAX_DEPTH = 32 - SLOT_BITS;

interface Part {
  readonly slots: Uint32Array;
  /** How many leading bits of the hash all entries share. */
  depth: number;
  taken: number;
}

/** The slots of a part that is being split. */
const splitSlots = new Uint32Array(SLOTS);

export class HashIndex {
  readonly #hashOf: (id: number) => number;
  // At least one bit, as a shift by 32 is one by 0.
  #depth = 1;
  #directory: Part[] = [newPart(1), newPart(1)];
  #slots: Uint32Array = this.#directory[0]!.slots;
  #at = 0;

  /** @param hashOf the hash, any 32 bits, that an id was added with. */
  constructor(hashOf: (id: number) => number) {
    this.#hashOf = hashOf;
  }

  /** The first id that may have this hash, or -1. Continue with `next` until it is -1. */
  first(hash: number): number {
    this.#slots = this.#directory[hash >>> (32 - this.#depth)]!.slots;
    this.#at = hash & SLOT_MASK;
    return this.#slots[this.#at]! - 1;
  }

  next(): number {
    this.#at = (this.#at + 1) & SLOT_MASK;
    return this.#slots[this.#at]! - 1;
  }

  /** @throws RangeError past about a billion entries. */
  add(hash: number, id: number): void {
    let part = this.#directory[hash >>> (32 - this.#depth)]!;
    while (part.taken >= MAX_TAKEN) {
      this.#split(part, hash);
      part = this.#directory[hash >>> (32 - this.#depth)]!;
    }
    place(part, hash, id);
  }

  /** `id` must have been added with this hash. */
  remove(hash: number, id: number): void {
    const part = this.#directory[hash >>> (32 - this.#depth)]!;
    const { slots } = part;
    let hole = hash & SLOT_MASK;
    while (slots[hole] !== id + 1) hole = (hole + 1) & SLOT_MASK;
    // Backward-shift deletion (Knuth, 6.4 R): no tombstones, so probes never get longer with age.
    for (let next = (hole + 1) & SLOT_MASK; slots[next] !== 0; next = (next + 1) & SLOT_MASK) {
      const home = this.#hashOf(slots[next]! - 1) & SLOT_MASK;
      if (((next - home) & SLOT_MASK) < ((next - hole) & SLOT_MASK)) continue;
      slots[hole] = slots[next]!;
      hole = next;
    }
    slots[hole] = 0;
    part.taken--;
  }

  #split(part: Part, hash: number): void {
    if (part.depth === this.#depth) {
      if (this.#depth === MAX_DEPTH) throw new RangeError('the hash index is full');
      this.#directory = this.#directory.flatMap((each) => [each, each]);
      this.#depth++;
    }
    // Every directory cell whose leading `part.depth` bits are the hash's points at this part.
    const cells = 1 << (this.#depth - part.depth);
    const first = (hash >>> (32 - part.depth)) * cells;
    part.depth++;
    const high = newPart(part.depth);
    this.#directory.fill(high, first + cells / 2, first + cells);
    splitSlots.set(part.slots);
    part.slots.fill(0);
    part.taken = 0;
    for (const slot of splitSlots) {
      if (slot === 0) continue;
      const moved = this.#hashOf(slot - 1);
      place((moved >>> (32 - part.depth)) & 1 ? high : part, moved, slot - 1);
    }
  }
}

function newPart(depth: number): Part {
  return { slots: new Uint32Array(SLOTS), depth, taken: 0 };
}

function place(part: Part, hash: number, id: number): void {
  const { slots } = part;
  let at = hash & SLOT_MASK;
  while (slots[at] !== 0) at = (at + 1) & SLOT_MASK;
  slots[at] = id + 1;
  part.taken++;
}
