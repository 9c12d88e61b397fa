/**
 * Validated ROA payloads of all caches in one table, and the validity of a route by them:
 *
 *   covering prefix ──▶ heads ──▶ row ──▶ row …      0: none
 *                                  │
 *   word  0  as
 *         1  next row of the prefix, or the next free row
 *         2  prefix: id in CoveringPrefixes
 *         3  │ maximum length + 1 │ holders │ wanted │   8 bits each; all 0: the row is free
 *                                   bit c: cache c says so
 *                                             bit c: cache c will have said so at its End of Data
 *
 * What a cache sends only shows once all of it has come: routes are never judged by half an answer.
 * A payload counts while any of the caches holds it (RFC 8210 §10).
 */

import type { PrefixTable } from 'net-ipaddr';
import type { Random } from '../../ports.ts';
import { CoveringPrefixes, type PrefixWords } from './covering.ts';
import { PDU_ERROR, type PduError, type PrefixPdu } from './pdu.ts';
import { Words } from './words.ts';

/** RFC 6811 §2. */
export type Validity = 'valid' | 'invalid' | 'not-found';

/** Caches are bits of 8. */
export const MAX_CACHES = 8;
/** Several times what all registries have published: a cache that sends more is broken. */
const MAX_VRPS = 4_194_304;

const AS = 0;
const NEXT = 1;
const PREFIX = 2;
const MARKS = 3;
const NO_ROW = 0;
const HOLDERS = 0xff00;
const WANTED = 0x00ff;
const HOLDERS_SHIFT = 8;
const MAX_LENGTH_SHIFT = 16;
const FREE = 0;
/** RFC 6811 §2: no route has the origin AS 0, so such a payload makes routes invalid and none valid. */
const AS_ZERO = 0;

/** With more changes than this, all routes are judged again: to look for each would take longer. */
const MAX_CHANGES = 1024;
/** Rows that nobody holds any more, removed by one commit; others wait for the next ones. */
const MAX_REMOVED = 1024;
const NOWHERE = { w0: 0, w1: 0, w2: 0, w3: 0, length: 0 };
const EVERYTHING: readonly PrefixWords[] = [
  { family: 4, ...NOWHERE },
  { family: 6, ...NOWHERE },
];

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
  /** By prefix id. */
  readonly #heads = new Words();
  readonly #rows = new Words();
  /** Row 0 is none. */
  #top = 1;
  #freeHead = NO_ROW;
  readonly #counts = new Uint32Array(MAX_CACHES);

  constructor(random: Random) {
    this.#seed = () => Math.floor(random() * 2 ** 32) | 0;
    this.#prefixes = new CoveringPrefixes(this.#seed());
    this.#rows.reach(4);
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
    const rows = this.#rows;
    const length = prefixes.length(id);
    let isCovered = false;
    for (let at = this.#prefixes.first(prefixes, id); at >= 0; at = this.#prefixes.next()) {
      let row = this.#heads.get(at);
      for (; row !== NO_ROW; row = rows.get(4 * row + NEXT)) {
        const marks = rows.get(4 * row + MARKS);
        if ((marks & HOLDERS) === 0) continue;
        isCovered = true;
        const allows = length < marks >>> MAX_LENGTH_SHIFT;
        if (allows && rows.get(4 * row + AS) === originAs && originAs !== AS_ZERO) return 'valid';
      }
    }
    return isCovered ? 'invalid' : 'not-found';
  }

  /** An answer of the cache begins: with everything, or with what has changed. */
  begin(cache: number, isEverything: boolean): void {
    const bit = 1 << cache;
    for (const segment of this.#rows.segments) {
      for (let at = MARKS; at < segment.length; at += 4) {
        const marks = segment[at]!;
        const kept = isEverything ? 0 : (marks >>> HOLDERS_SHIFT) & bit;
        segment[at] = (marks & ~bit) | kept;
      }
    }
  }

  /** One payload of the answer. What is returned was wrong with it, and the answer is void. */
  apply(cache: number, vrp: PrefixPdu): PduError | undefined {
    const bit = 1 << cache;
    let row = this.#find(vrp);
    const isKnown = row !== NO_ROW && (this.#rows.get(4 * row + MARKS) & bit) !== 0;
    if (isKnown === vrp.announces) return isKnown ? DUPLICATE : UNKNOWN;
    if (row === NO_ROW) row = this.#add(vrp);
    if (row === NO_ROW) return TOO_MANY;
    this.#rows.set(4 * row + MARKS, this.#rows.get(4 * row + MARKS) ^ bit);
    return undefined;
  }

  /** The answer is complete, and counts. The prefixes below which routes may be judged otherwise now. */
  commit(cache: number): CoveringPrefixes {
    const bit = 1 << cache;
    const held = bit << HOLDERS_SHIFT;
    const changed = new CoveringPrefixes(this.#seed());
    let changes = 0;
    let removed = 0;
    let count = 0;
    let base = 0;
    for (const segment of this.#rows.segments) {
      for (let at = MARKS; at < segment.length; at += 4) {
        const before = segment[at]!;
        if (before === FREE) continue;
        const after = (before & ~held) | ((before & bit) << HOLDERS_SHIFT);
        segment[at] = after;
        if ((after & bit) !== 0) count++;
        const hasChanged = ((before & HOLDERS) === 0) !== ((after & HOLDERS) === 0);
        if (hasChanged && ++changes <= MAX_CHANGES) {
          changed.add(this.#prefixes.words(segment[at - MARKS + PREFIX]!));
        }
        const isUnheld = (after & (HOLDERS | WANTED)) === 0;
        if (isUnheld && removed++ < MAX_REMOVED) this.#remove((base + at) >>> 2);
      }
      base += segment.length;
    }
    this.#counts[cache] = count;
    if (changes > MAX_CHANGES) for (const all of EVERYTHING) changed.add(all);
    return changed;
  }

  /** What the cache said counts no more. As `commit`. */
  flush(cache: number): CoveringPrefixes {
    this.begin(cache, true);
    return this.commit(cache);
  }

  #find({ maxLength, as, ...prefix }: PrefixPdu): number {
    const rows = this.#rows;
    const id = this.#prefixes.find(prefix);
    let row = id < 0 ? NO_ROW : this.#heads.get(id);
    while (row !== NO_ROW) {
      const isIt = rows.get(4 * row + MARKS) >>> MAX_LENGTH_SHIFT === maxLength + 1;
      if (isIt && rows.get(4 * row + AS) === as) break;
      row = rows.get(4 * row + NEXT);
    }
    return row;
  }

  /** NO_ROW: the table is full. */
  #add(vrp: PrefixPdu): number {
    const row = this.#takeRow();
    if (row === NO_ROW) return NO_ROW;
    const prefix = this.#prefixes.add(vrp);
    this.#heads.reach(prefix + 1);
    this.#rows.set(4 * row + AS, vrp.as);
    this.#rows.set(4 * row + NEXT, this.#heads.get(prefix));
    this.#rows.set(4 * row + PREFIX, prefix);
    this.#rows.set(4 * row + MARKS, (vrp.maxLength + 1) << MAX_LENGTH_SHIFT);
    this.#heads.set(prefix, row);
    return row;
  }

  #takeRow(): number {
    const free = this.#freeHead;
    if (free !== NO_ROW) {
      this.#freeHead = this.#rows.get(4 * free + NEXT);
      return free;
    }
    if (this.#top > MAX_VRPS) return NO_ROW;
    this.#rows.reach(4 * this.#top + 4);
    return this.#top++;
  }

  #remove(row: number): void {
    const rows = this.#rows;
    const prefix = rows.get(4 * row + PREFIX);
    const next = rows.get(4 * row + NEXT);
    let before = this.#heads.get(prefix);
    if (before === row) this.#heads.set(prefix, next);
    else {
      while (rows.get(4 * before + NEXT) !== row) before = rows.get(4 * before + NEXT);
      rows.set(4 * before + NEXT, next);
    }
    if (this.#heads.get(prefix) === NO_ROW) this.#prefixes.remove(prefix);
    rows.set(4 * row + MARKS, FREE);
    rows.set(4 * row + NEXT, this.#freeHead);
    this.#freeHead = row;
  }
}
