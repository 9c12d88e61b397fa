/**
 * Which of many rules match a prefix: one hash look-up for each distinct length among them, whatever
 * their number. Only rules that say `not` are looked at one by one.
 *
 *   10.60.0.0/16 ──▶ rule id ──▶ [ { index, minLength, maxLength }, … ] ascending by index
 */

import { type Family, PrefixTable } from 'net-ipaddr';
import type { PrefixMatch } from './policy.ts';

/** No rule: after every index. */
export const NO_RULE = 0xffffffff;

interface Entry {
  readonly index: number;
  readonly minLength: number;
  readonly maxLength: number;
}

interface Complement extends Entry {
  readonly family: Family;
  readonly within: number;
  readonly length: number;
}

export class PrefixRules {
  readonly #within = new PrefixTable(0);
  readonly #entries: Entry[][] = [];
  readonly #lengths4: number[] = [];
  readonly #lengths6: number[] = [];
  readonly #complements: Complement[] = [];

  /** Indices ascend from one call to the next. */
  add({ within, minLength, maxLength, not }: PrefixMatch, index: number): void {
    const id = this.#within.intern(within);
    if (id === this.#entries.length) this.#entries.push([]);
    const { family } = within.address;
    const { length } = within;
    if (not) {
      this.#complements.push({ index, minLength, maxLength, family, within: id, length });
      return;
    }
    this.#entries[id]!.push({ index, minLength, maxLength });
    const lengths = family === 4 ? this.#lengths4 : this.#lengths6;
    if (!lengths.includes(length)) lengths.push(length);
  }

  /** The lowest index whose rule matches the prefix, given by its id in `prefixes`; or NO_RULE. */
  first(prefixes: PrefixTable, id: number): number {
    const length = prefixes.length(id);
    let lowest = NO_RULE;
    for (const ruleLength of this.#lengthsFor(prefixes, id)) {
      const found = this.#around(prefixes, id, ruleLength);
      if (found < 0) continue;
      for (const entry of this.#entries[found]!) {
        if (entry.index >= lowest) break;
        if (holdsLength(entry, length)) lowest = entry.index;
      }
    }
    for (const complement of this.#complements) {
      if (complement.index >= lowest) break;
      if (this.#isOutside(complement, prefixes, id)) lowest = complement.index;
    }
    return lowest;
  }

  /** Writes the indices of all rules that match to `out`, ascending. */
  all(prefixes: PrefixTable, id: number, out: number[]): void {
    out.length = 0;
    const length = prefixes.length(id);
    for (const ruleLength of this.#lengthsFor(prefixes, id)) {
      const found = this.#around(prefixes, id, ruleLength);
      if (found < 0) continue;
      for (const entry of this.#entries[found]!) {
        if (holdsLength(entry, length)) out.push(entry.index);
      }
    }
    for (const complement of this.#complements) {
      if (this.#isOutside(complement, prefixes, id)) out.push(complement.index);
    }
    if (out.length > 1) out.sort((a, b) => a - b);
  }

  #lengthsFor(prefixes: PrefixTable, id: number): readonly number[] {
    return prefixes.family(id) === 4 ? this.#lengths4 : this.#lengths6;
  }

  #isOutside(complement: Complement, prefixes: PrefixTable, id: number): boolean {
    if (complement.family !== prefixes.family(id)) return false;
    const isWithin = this.#around(prefixes, id, complement.length) === complement.within;
    return !isWithin || !holdsLength(complement, prefixes.length(id));
  }

  /** The rules' prefix of this length around the given one, or -1. */
  #around(prefixes: PrefixTable, id: number, length: number): number {
    if (length > prefixes.length(id)) return -1;
    return prefixes.family(id) === 4
      ? this.#within.idOf4(masked(prefixes.word(id, 0), length), length)
      : this.#within.idOf6(
          masked(prefixes.word(id, 0), length),
          masked(prefixes.word(id, 1), length - 32),
          masked(prefixes.word(id, 2), length - 64),
          masked(prefixes.word(id, 3), length - 96),
          length,
        );
  }
}

function holdsLength({ minLength, maxLength }: Entry, length: number): boolean {
  return length >= minLength && length <= maxLength;
}

/** The first `bits` bits of a word; none for zero and below, all from 32 on. */
function masked(word: number, bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? word : word & (-1 << (32 - bits));
}
