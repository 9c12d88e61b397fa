/**
 * One attribute set, read in place. Two sources fill it: `load` with canonical bytes, and the cursor
 * with an UPDATE. Nothing here allocates; positions are good as long as the bytes under them.
 *
 *     codes    [ 1, 2, 3, 5, 8 ]              ascending, `count` of them
 *     starts   [ code → where its value begins in `bytes` ]
 *     lengths  [ code → octets of its value, -1: absent ]
 */

import { asPathLength, countAs, firstAs, originAs, startsWith } from './as-path.ts';
import type { LargeCommunity } from './attributes/large-communities.ts';
import { readU16, readU32 } from './bytes.ts';
import { ATTRIBUTE, FLAG_EXTENDED_LENGTH } from './constants.ts';

export class AttributeView {
  bytes: Uint8Array = new Uint8Array(0);
  /** Attributes present, ascending; only the first `count` cells count. */
  readonly codes = new Uint8Array(256);
  count = 0;
  readonly #starts = new Uint32Array(256);
  readonly #lengths = new Int32Array(256).fill(-1);
  readonly #flags = new Uint8Array(256);
  /** AS_PATH as 4-octet segments: in `bytes`, or in the cursor's own buffer after a conversion. */
  asPathBytes: Uint8Array = this.bytes;
  asPathStart = 0;
  asPathEnd = 0;

  /**
   * Reads canonical attributes `bytes[start, end)`, as canonicalAttributes and encodeAttributes
   * write them. Bytes of a peer go through UpdateCursor: this checks nothing.
   */
  load(bytes: Uint8Array, start: number, end: number): void {
    this.clear(bytes);
    for (let at = start; at < end; ) {
      const flags = bytes[at]!;
      const code = bytes[at + 1]!;
      const isExtended = (flags & FLAG_EXTENDED_LENGTH) !== 0;
      const length = isExtended ? readU16(bytes, at + 2) : bytes[at + 2]!;
      at += isExtended ? 4 : 3;
      this.add(code, flags, at, length);
      at += length;
    }
    this.setAsPath(bytes, this.start(ATTRIBUTE.AS_PATH), this.length(ATTRIBUTE.AS_PATH));
  }

  /** Empties the view; the next `add`s are positions in `bytes`. For whoever fills it. */
  clear(bytes: Uint8Array): void {
    for (let i = 0; i < this.count; i++) this.#lengths[this.codes[i]!] = -1;
    this.count = 0;
    this.bytes = bytes;
    this.setAsPath(bytes, 0, 0);
  }

  /** For whoever fills the view. A code comes once. */
  add(code: number, flags: number, start: number, length: number): void {
    this.#starts[code] = start;
    this.#lengths[code] = length;
    this.#flags[code] = flags;
    // Speakers send attributes in order (RFC 4271 §5 SHOULD), so this hardly ever moves anything.
    let i = this.count++;
    for (; i > 0 && this.codes[i - 1]! > code; i--) this.codes[i] = this.codes[i - 1]!;
    this.codes[i] = code;
  }

  setAsPath(bytes: Uint8Array, start: number, length: number): void {
    this.asPathBytes = bytes;
    this.asPathStart = start;
    this.asPathEnd = start + Math.max(length, 0);
  }

  has(code: number): boolean {
    return this.#lengths[code]! >= 0;
  }

  /** Where the value begins in `bytes`; means nothing when absent. */
  start(code: number): number {
    return this.#starts[code]!;
  }

  /** Octets of the value; -1 when absent. */
  length(code: number): number {
    return this.#lengths[code]!;
  }

  flags(code: number): number {
    return this.#flags[code]!;
  }

  /** 0 IGP, 1 EGP, 2 INCOMPLETE; 2 when absent. */
  get origin(): number {
    return this.has(ATTRIBUTE.ORIGIN) ? this.bytes[this.#starts[ATTRIBUTE.ORIGIN]!]! : 2;
  }

  /** An AS_SET counts 1, confederation segments 0. */
  get asPathLength(): number {
    return asPathLength(this.asPathBytes, this.asPathStart, this.asPathEnd);
  }

  /** The neighbouring AS: 0 for an empty path, AS_NONE when the path begins with an AS_SET. */
  get firstAs(): number {
    return firstAs(this.asPathBytes, this.asPathStart, this.asPathEnd);
  }

  /** The originating AS (RFC 6811 §2): 0 for our own, AS_NONE when the path ends with an AS_SET. */
  get originAs(): number {
    return originAs(this.asPathBytes, this.asPathStart, this.asPathEnd);
  }

  /** How often `as` stands in AS_PATH, sets and confederation segments included. */
  countAs(as: number): number {
    return countAs(this.asPathBytes, this.asPathStart, this.asPathEnd, as);
  }

  containsAs(as: number): boolean {
    return this.countAs(as) > 0;
  }

  /** Whether AS_PATH begins with a sequence of these, left to right. */
  pathStartsWith(prefix: readonly number[]): boolean {
    return startsWith(this.asPathBytes, this.asPathStart, this.asPathEnd, prefix);
  }

  get hasLocalPref(): boolean {
    return this.has(ATTRIBUTE.LOCAL_PREF);
  }

  /** 0 when absent: look at `hasLocalPref`. */
  get localPref(): number {
    return this.#u32(ATTRIBUTE.LOCAL_PREF);
  }

  get hasMed(): boolean {
    return this.has(ATTRIBUTE.MULTI_EXIT_DISC);
  }

  /** 0 when absent, which is also how RFC 4271 §9.1.2.2 c) compares it. */
  get med(): number {
    return this.#u32(ATTRIBUTE.MULTI_EXIT_DISC);
  }

  get hasOriginatorId(): boolean {
    return this.has(ATTRIBUTE.ORIGINATOR_ID);
  }

  /** Unsigned; 0 when absent, and 0 is no BGP Identifier. */
  get originatorId(): number {
    return this.#u32(ATTRIBUTE.ORIGINATOR_ID);
  }

  /** Clusters that the route came through. */
  get clusterListLength(): number {
    return Math.max(this.#lengths[ATTRIBUTE.CLUSTER_LIST]!, 0) / 4;
  }

  clusterListContains(clusterId: number): boolean {
    return this.#listContains(ATTRIBUTE.CLUSTER_LIST, clusterId);
  }

  /** `community` is unsigned 32 bits, the first half of its text above the second. */
  hasCommunity(community: number): boolean {
    return this.#listContains(ATTRIBUTE.COMMUNITIES, community);
  }

  hasLargeCommunity({ global, local1, local2 }: LargeCommunity): boolean {
    const { bytes } = this;
    const start = this.#starts[ATTRIBUTE.LARGE_COMMUNITIES]!;
    const end = start + this.#lengths[ATTRIBUTE.LARGE_COMMUNITIES]!;
    for (let at = start; at < end; at += 12) {
      if (readU32(bytes, at) !== global || readU32(bytes, at + 4) !== local1) continue;
      if (readU32(bytes, at + 8) === local2) return true;
    }
    return false;
  }

  get hasOnlyToCustomer(): boolean {
    return this.has(ATTRIBUTE.ONLY_TO_CUSTOMER);
  }

  /** RFC 9234; 0 when absent. */
  get onlyToCustomer(): number {
    return this.#u32(ATTRIBUTE.ONLY_TO_CUSTOMER);
  }

  /**
   * Octets of the next hop: 4, 16, or 32 with a link-local address behind the global one; -1 when
   * absent. It begins at `start(ATTRIBUTE.NEXT_HOP)`. Of an UPDATE's cursor this is the NEXT_HOP
   * attribute alone; its sections have a next hop each.
   */
  get nextHopLength(): number {
    return this.#lengths[ATTRIBUTE.NEXT_HOP]!;
  }

  #u32(code: number): number {
    return this.has(code) ? readU32(this.bytes, this.#starts[code]!) : 0;
  }

  #listContains(code: number, value: number): boolean {
    const start = this.#starts[code]!;
    const end = start + this.#lengths[code]!;
    for (let at = start; at < end; at += 4) if (readU32(this.bytes, at) === value) return true;
    return false;
  }
}
