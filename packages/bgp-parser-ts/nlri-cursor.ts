/**
 * Reads the prefixes of one UPDATE from the up to four fields that hold some. Whoever fills the
 * fields has checked them with isNlriField.
 */

import { readU32 } from './bytes.ts';
import { PATH_ID_LENGTH, readWord } from './nlri.ts';

/** The order in which they are to be applied, RFC 4271 §4.3: what is withdrawn comes first. */
export const WITHDRAWN = 0;
export const UNREACH = 1;
export const REACH = 2;
export const NLRI = 3;
const FIELDS = 4;

export class NlriCursor {
  /** The family of what nextWithdrawn, nextSection or nextAnnounced came to. */
  family: 4 | 6 = 4;
  /** The prefix that nextWithdrawn or nextAnnounced came to: bits. */
  length = 0;
  /**
   * The address in network order, 32 bits each, host bits zero; IPv4 is w0 alone. Signed, so that
   * 192.0.2.0 is as cheap as 10.0.0.0 (see readWord): `>>> 0` makes them unsigned.
   */
  w0 = 0;
  w1 = 0;
  w2 = 0;
  w3 = 0;
  /** RFC 7911 path identifier, unsigned; 0 where ADD-PATH is not negotiated. */
  pathId = 0;

  protected bytes: Uint8Array = new Uint8Array(0);
  readonly #starts = new Uint32Array(FIELDS);
  readonly #ends = new Uint32Array(FIELDS);
  readonly #is6 = new Uint8Array(FIELDS);
  readonly #hasPathIds = new Uint8Array(FIELDS);
  /** The first so many fields are read as withdrawn. */
  #withdrawnFields = 0;
  #withdrawnField = 0;
  #withdrawnAt = 0;
  #section = FIELDS;
  #announcedAt = 0;

  /**
   * The next prefix that is no longer reachable: withdrawn, or announced with attributes that
   * RFC 7606 has treated as a withdraw. False: no more.
   */
  nextWithdrawn(): boolean {
    while (this.#withdrawnField < this.#withdrawnFields) {
      const field = this.#withdrawnField;
      if (this.#withdrawnAt < this.#ends[field]!) {
        this.#withdrawnAt = this.#read(field, this.#withdrawnAt);
        return true;
      }
      this.#withdrawnField = field + 1;
      if (field + 1 < FIELDS) this.#withdrawnAt = this.#starts[field + 1]!;
    }
    return false;
  }

  /** The next prefix of the section that nextSection came to. False: no more in this section. */
  nextAnnounced(): boolean {
    const section = this.#section;
    if (section >= FIELDS || this.#announcedAt >= this.#ends[section]!) return false;
    this.#announcedAt = this.#read(section, this.#announcedAt);
    return true;
  }

  /** REACH or NLRI, whichever is next and not empty; -1: no more. */
  protected enterSection(): number {
    while (this.#section < NLRI) {
      this.#section++;
      if (!this.hasNlri(this.#section)) continue;
      this.#announcedAt = this.#starts[this.#section]!;
      this.family = this.#is6[this.#section] === 1 ? 6 : 4;
      return this.#section;
    }
    this.#section = FIELDS;
    return -1;
  }

  /** No fields, nothing to read. */
  protected clearNlri(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.#starts.fill(0);
    this.#ends.fill(0);
    this.#withdrawnFields = 0;
    this.#withdrawnField = 0;
    this.#section = FIELDS;
  }

  protected setField(
    field: number,
    start: number,
    end: number,
    family: 4 | 6,
    addPath: boolean,
  ): void {
    this.#starts[field] = start;
    this.#ends[field] = end;
    this.#is6[field] = family === 6 ? 1 : 0;
    this.#hasPathIds[field] = addPath ? 1 : 0;
  }

  protected hasNlri(field: number): boolean {
    return this.#starts[field]! < this.#ends[field]!;
  }

  /** From now on there is something to read; `allWithdrawn`: also what was announced is withdrawn. */
  protected openNlri(allWithdrawn: boolean): void {
    this.#withdrawnFields = allWithdrawn ? FIELDS : REACH;
    this.#withdrawnAt = this.#starts[WITHDRAWN]!;
    this.#section = allWithdrawn ? FIELDS : UNREACH;
  }

  /** Sets the prefix from the octets at `at`; returns the position after them. */
  #read(field: number, at: number): number {
    const bytes = this.bytes;
    let from = at;
    if (this.#hasPathIds[field] === 1) {
      this.pathId = readU32(bytes, from);
      from += PATH_ID_LENGTH;
    } else {
      this.pathId = 0;
    }
    const bits = bytes[from]!;
    from++;
    this.length = bits;
    this.w0 = readWord(bytes, from, bits);
    if (this.#is6[field] === 1) {
      this.family = 6;
      this.w1 = readWord(bytes, from + 4, bits - 32);
      this.w2 = readWord(bytes, from + 8, bits - 64);
      this.w3 = readWord(bytes, from + 12, bits - 96);
    } else {
      this.family = 4;
      this.w1 = 0;
      this.w2 = 0;
      this.w3 = 0;
    }
    return from + ((bits + 7) >>> 3);
  }
}
