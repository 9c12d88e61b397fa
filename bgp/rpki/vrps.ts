/**
 * Validated ROA payloads of all caches in one table, and the validity of a route by them:
 *
 *   covering prefix ──▶ heads uint32 ──▶ row ──▶ next uint32 ──▶ row …      0: none
 *                                        as         uint32
 *                                        prefix     uint32   id in CoveringPrefixes
 *                                        maxLength  uint8
 *                                        holders    uint8    bit c: cache c says so
 *                                        wanted     uint8    bit c: cache c will have said so at its End of Data
 *
 * What a cache sends only shows once all of it has come: routes are never judged by half an answer
 * (RFC 8210 §10: a payload counts while any of the caches holds it).
 */

import type { PrefixTable } from 'net-ipaddr';
import type { Random } from '../../ports.ts';
import { CoveringPrefixes } from './covering.ts';
import { PDU_ERROR, type PduError, type PrefixPdu } from './pdu.ts';

/** RFC 6811 §2. */
export type Validity = 'valid' | 'invalid' | 'not-found';

/** Caches are bits of a byte. */
export const MAX_CACHES = 8;
/** Several times what all registries have published: a cache that sends more is broken. */
const MAX_VRPS = 4_194_304;

const NO_ROW = 0;
/** In place of a maximum length: the row is free. */
const FREE = 255;
/** RFC 6811 §2: no route has the origin AS 0, so such a payload makes routes invalid and none valid. */
const AS_ZERO = 0;

const DUPLICATE: PduError = {
  code: PDU_ERROR.DUPLICATE_ANNOUNCEMENT_RECEIVED,
  text: 'the prefix, maximum length and AS are announced already',
};
const UNKNOWN: PduError = {
  code: PDU_ERROR.WITHDRAWAL_OF_UNKNOWN_RECORD,
  text: 'the prefix, maximum length and AS are not announced',
};
const TOO_MANY: PduError = {
  code: PDU_ERROR.INTERNAL_ERROR,
  text: `no more than ${MAX_VRPS} payloads are taken`,
};

export class VrpTable {
  readonly #seed: () => number;
  readonly #prefixes: CoveringPrefixes;
  #heads = new Uint32Array(1024);
  #next = new Uint32Array(1024);
  #prefix = new Uint32Array(1024);
  #as = new Uint32Array(1024);
  #maxLength = new Uint8Array(1024);
  #holders = new Uint8Array(1024);
  #wanted = new Uint8Array(1024);
  /** Row 0 is none. */
  #top = 1;
  #freeHead = NO_ROW;
  readonly #counts = new Uint32Array(MAX_CACHES);

  constructor(random: Random) {
    this.#seed = () => Math.floor(random() * 2 ** 32) | 0;
    this.#prefixes = new CoveringPrefixes(this.#seed());
  }

  /** Payloads that a cache holds. */
  count(cache: number): number {
    return this.#counts[cache]!;
  }

  /**
   * Of the route to the prefix with this id in `prefixes`.
   * @param originAs negative where the AS path has none: it ends with an AS_SET
   */
  validity(prefixes: PrefixTable, id: number, originAs: number): Validity {
    const length = prefixes.length(id);
    let isCovered = false;
    for (let at = this.#prefixes.first(prefixes, id); at >= 0; at = this.#prefixes.next()) {
      for (let row = this.#heads[at]!; row !== NO_ROW; row = this.#next[row]!) {
        if (this.#holders[row] === 0) continue;
        isCovered = true;
        const matches = this.#as[row] === originAs && length <= this.#maxLength[row]!;
        if (matches && originAs !== AS_ZERO) return 'valid';
      }
    }
    return isCovered ? 'invalid' : 'not-found';
  }

  /** An answer of the cache begins: with everything, or with what has changed. */
  begin(cache: number, isEverything: boolean): void {
    const bit = 1 << cache;
    for (let row = 1; row < this.#top; row++) {
      const kept = isEverything ? 0 : this.#holders[row]! & bit;
      this.#wanted[row] = (this.#wanted[row]! & ~bit) | kept;
    }
  }

  /** One payload of the answer. What is returned was wrong with it, and the answer is void. */
  apply(cache: number, vrp: PrefixPdu): PduError | undefined {
    const bit = 1 << cache;
    let row = this.#find(vrp);
    const isKnown = (this.#wanted[row]! & bit) !== 0;
    if (isKnown === vrp.announces) return isKnown ? DUPLICATE : UNKNOWN;
    if (row === NO_ROW) row = this.#add(vrp);
    if (row === NO_ROW) return TOO_MANY;
    this.#wanted[row]! ^= bit;
    return undefined;
  }

  /** The answer is complete, and counts. The prefixes below which routes may be judged otherwise now. */
  commit(cache: number): CoveringPrefixes {
    const bit = 1 << cache;
    const changed = new CoveringPrefixes(this.#seed());
    let count = 0;
    for (let row = 1; row < this.#top; row++) {
      if (this.#maxLength[row] === FREE) continue;
      const before = this.#holders[row]!;
      const after = (before & ~bit) | (this.#wanted[row]! & bit);
      this.#holders[row] = after;
      if ((after & bit) !== 0) count++;
      if ((before === 0) !== (after === 0)) {
        changed.add(this.#prefixes.words(this.#prefix[row]!));
      }
      if (after === 0 && this.#wanted[row] === 0) this.#remove(row);
    }
    this.#counts[cache] = count;
    return changed;
  }

  /** What the cache said counts no more. As `commit`. */
  flush(cache: number): CoveringPrefixes {
    this.begin(cache, true);
    return this.commit(cache);
  }

  #find({ maxLength, as, ...prefix }: PrefixPdu): number {
    const id = this.#prefixes.find(prefix);
    let row = id < 0 ? NO_ROW : this.#heads[id]!;
    while (row !== NO_ROW && !(this.#as[row] === as && this.#maxLength[row] === maxLength)) {
      row = this.#next[row]!;
    }
    return row;
  }

  /** NO_ROW: the table is full. */
  #add(vrp: PrefixPdu): number {
    const row = this.#takeRow();
    if (row === NO_ROW) return NO_ROW;
    const prefix = this.#prefixes.add(vrp);
    if (prefix >= this.#heads.length) this.#heads = larger(this.#heads);
    this.#next[row] = this.#heads[prefix]!;
    this.#heads[prefix] = row;
    this.#prefix[row] = prefix;
    this.#as[row] = vrp.as;
    this.#maxLength[row] = vrp.maxLength;
    return row;
  }

  #takeRow(): number {
    const free = this.#freeHead;
    if (free !== NO_ROW) {
      this.#freeHead = this.#next[free]!;
      return free;
    }
    if (this.#top > MAX_VRPS) return NO_ROW;
    if (this.#top === this.#next.length) this.#grow();
    return this.#top++;
  }

  #remove(row: number): void {
    const prefix = this.#prefix[row]!;
    const next = this.#next[row]!;
    if (this.#heads[prefix] === row) this.#heads[prefix] = next;
    else {
      let before = this.#heads[prefix]!;
      while (this.#next[before] !== row) before = this.#next[before]!;
      this.#next[before] = next;
    }
    if (this.#heads[prefix] === NO_ROW) this.#prefixes.remove(prefix);
    this.#maxLength[row] = FREE;
    this.#next[row] = this.#freeHead;
    this.#freeHead = row;
  }

  #grow(): void {
    this.#next = larger(this.#next);
    this.#prefix = larger(this.#prefix);
    this.#as = larger(this.#as);
    this.#maxLength = larger(this.#maxLength);
    this.#holders = larger(this.#holders);
    this.#wanted = larger(this.#wanted);
  }
}

function larger<T extends Uint8Array | Uint32Array>(array: T): T {
  const grown = new (array.constructor as new (length: number) => T)(array.length * 2);
  grown.set(array);
  return grown;
}
