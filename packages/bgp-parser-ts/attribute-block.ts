/**
 * From the canonical attributes of a route to the octets that a peer is sent (RFC 4271 §5, RFC 4456
 * §8, RFC 6793 §4.2.2): read once, written once, with the changes made on the way.
 */

import { hasConfed, writePrepended, writeWithoutConfed } from './as-path.ts';
import {
  as4PathLength,
  MAX_VALUE_LENGTH,
  narrowLength,
  needsAs4Path,
  writeNarrowPath,
} from './as4.ts';
import type { AttributeView } from './attribute-view.ts';
import { MAX_SEGMENT } from './attributes/as-path.ts';
import {
  EXTENDED_COMMUNITY_LENGTH,
  NON_TRANSITIVE_COMMUNITY,
} from './attributes/extended-communities.ts';
import { copyBytes, readU32, writeU16, writeU32 } from './bytes.ts';
import { MAX_CANONICAL_LENGTH, writeAttributeHead } from './canonical.ts';
import {
  AS_TRANS,
  ATTRIBUTE,
  FLAG_EXTENDED_LENGTH,
  FLAG_OPTIONAL,
  FLAG_TRANSITIVE,
  MAX_TWO_OCTET_AS,
} from './constants.ts';

/** What is changed on the way out. A property left out leaves the attribute as it is. */
export interface AttributeChanges {
  /** The peer takes 4-octet AS numbers. Else AS_TRANS, AS4_PATH and AS4_AGGREGATOR stand in. */
  readonly as4: boolean;
  /**
   * The peer is in another AS: LOCAL_PREF, ORIGINATOR_ID, CLUSTER_LIST, extended communities that are
   * not transitive (RFC 4360 §6) and confederation segments (RFC 5065 §4) are left out. MED is `med`'s
   * to say.
   */
  readonly external: boolean;
  /** 4, 16 or 32 octets as in the canonical form, which also says where the routes go: see `isMp`. */
  readonly nextHop?: Uint8Array | undefined;
  /** Put before the AS path, the first of them leftmost: RFC 4271 §5.1.2. A few. */
  readonly prepend?: readonly number[] | undefined;
  /** Set. Without effect when `external`. */
  readonly localPref?: number | undefined;
  /** Set, or null: removed. */
  readonly med?: number | null | undefined;
  /** Added when the route has none, RFC 4456 §8. */
  readonly originatorId?: number | undefined;
  /** Put before CLUSTER_LIST, RFC 4456 §8. */
  readonly clusterId?: number | undefined;
}

/** No message has room for more attributes than this: RFC 8654's length, less header and length fields. */
const MAX_BLOCK_LENGTH = 65535 - 23;

const OPTIONAL_TRANSITIVE = FLAG_OPTIONAL | FLAG_TRANSITIVE;

/** What `build` may add, change or leave out, ascending; all else goes out as it is. */
const CHANGEABLE = [
  ATTRIBUTE.AS_PATH,
  ATTRIBUTE.NEXT_HOP,
  ATTRIBUTE.MULTI_EXIT_DISC,
  ATTRIBUTE.LOCAL_PREF,
  ATTRIBUTE.AGGREGATOR,
  ATTRIBUTE.ORIGINATOR_ID,
  ATTRIBUTE.CLUSTER_LIST,
  ATTRIBUTE.EXTENDED_COMMUNITIES,
  ATTRIBUTE.AS4_PATH,
  ATTRIBUTE.AS4_AGGREGATOR,
] as const;

/** Reused: `build` overwrites what it held. Keeps about 330 kB, so have one, not one a route. */
export class AttributeBlock {
  /** `bytes[0, length)` are the attributes, ascending by code, without MP_REACH_NLRI. */
  readonly bytes = new Uint8Array(MAX_CANONICAL_LENGTH + MAX_VALUE_LENGTH);
  length = 0;
  /** What MP_REACH_NLRI takes: the first `nextHopLength` octets. 4 octets stand in NEXT_HOP instead. */
  readonly nextHop = new Uint8Array(32);
  nextHopLength = 0;
  /** The AS path as it goes out, in 4 octets: in the view's bytes, in #outside or in #prepended. */
  #path: Uint8Array = this.bytes;
  #pathStart = 0;
  #pathEnd = 0;
  /** Without what is the confederation's. */
  readonly #outside = new Uint8Array(MAX_VALUE_LENGTH);
  /** More than a value may take, so that what is too long is noticed. */
  readonly #prepended = new Uint8Array(MAX_VALUE_LENGTH + 2 + MAX_SEGMENT * 4);

  /** The routes go into MP_REACH_NLRI: the next hop is an IPv6 address. */
  get isMp(): boolean {
    return this.nextHopLength !== 4;
  }

  /**
   * Builds the block from a view of canonical bytes. False: what comes out exceeds every message,
   * or there is no next hop; the route cannot be announced.
   */
  build(view: AttributeView, changes: AttributeChanges): boolean {
    this.length = 0;
    this.#takePath(view, changes);
    if (!this.#takeNextHop(view, changes.nextHop)) return false;
    if (this.#pathEnd - this.#pathStart > MAX_VALUE_LENGTH) return false;
    let next = 0;
    for (const code of CHANGEABLE) {
      for (; next < view.count && view.codes[next]! < code; next++) {
        this.#keep(view, view.codes[next]!);
      }
      if (next < view.count && view.codes[next] === code) next++;
      this.#write(view, code, changes);
    }
    for (; next < view.count; next++) this.#keep(view, view.codes[next]!);
    return this.length <= MAX_BLOCK_LENGTH;
  }

  #takeNextHop(view: AttributeView, replacement: Uint8Array | undefined): boolean {
    const from = replacement ?? view.bytes;
    const length = replacement === undefined ? view.nextHopLength : replacement.length;
    if (length !== 4 && length !== 16 && length !== 32) return false;
    copyBytes(from, replacement ? 0 : view.start(ATTRIBUTE.NEXT_HOP), length, this.nextHop, 0);
    this.nextHopLength = length;
    return true;
  }

  #takePath(view: AttributeView, { external, prepend }: AttributeChanges): void {
    this.#path = view.asPathBytes;
    this.#pathStart = view.asPathStart;
    this.#pathEnd = view.asPathEnd;
    if (external && hasConfed(this.#path, this.#pathStart, this.#pathEnd)) {
      const out = this.#outside;
      this.#pathEnd = writeWithoutConfed(this.#path, this.#pathStart, this.#pathEnd, out, 0);
      this.#path = out;
      this.#pathStart = 0;
    }
    if (prepend !== undefined) {
      const out = this.#prepended;
      this.#pathEnd = writePrepended(this.#path, this.#pathStart, this.#pathEnd, prepend, out, 0);
      this.#path = out;
      this.#pathStart = 0;
    }
  }

  /** Writes one of CHANGEABLE, or leaves it out. */
  #write(view: AttributeView, code: number, changes: AttributeChanges): void {
    switch (code) {
      case ATTRIBUTE.AS_PATH:
        this.#writePath(changes.as4);
        break;
      case ATTRIBUTE.NEXT_HOP:
        this.#writeNextHop();
        break;
      case ATTRIBUTE.MULTI_EXIT_DISC:
        if (changes.med !== null) this.#writeNumber(view, FLAG_OPTIONAL, code, changes.med);
        break;
      case ATTRIBUTE.LOCAL_PREF:
        if (!changes.external) this.#writeNumber(view, FLAG_TRANSITIVE, code, changes.localPref);
        break;
      case ATTRIBUTE.AGGREGATOR:
        if (changes.as4) this.#keep(view, code);
        else this.#writeNarrowAggregator(view);
        break;
      case ATTRIBUTE.ORIGINATOR_ID:
        if (!changes.external) this.#writeOriginatorId(view, changes.originatorId);
        break;
      case ATTRIBUTE.CLUSTER_LIST:
        if (!changes.external) this.#writeClusterList(view, changes.clusterId);
        break;
      case ATTRIBUTE.EXTENDED_COMMUNITIES:
        if (changes.external) this.#writeTransitiveOnly(view);
        else this.#keep(view, code);
        break;
      case ATTRIBUTE.AS4_PATH:
        if (!changes.as4) this.#writeWithoutConfed();
        break;
      default:
        if (!changes.as4) this.#writeAs4Aggregator(view);
    }
  }

  /** Writes flags, code and length, makes room for the value, and says where it goes. */
  #head(flags: number, code: number, length: number): number {
    const value = writeAttributeHead(this.bytes, this.length, flags, code, length);
    this.length = value + length;
    return value;
  }

  #keep(view: AttributeView, code: number): void {
    const length = view.length(code);
    if (length < 0) return;
    const flags = view.flags(code) & ~FLAG_EXTENDED_LENGTH;
    copyBytes(view.bytes, view.start(code), length, this.bytes, this.#head(flags, code, length));
  }

  #writeNumber(view: AttributeView, flags: number, code: number, value: number | undefined): void {
    if (value === undefined) this.#keep(view, code);
    else writeU32(this.bytes, this.#head(flags, code, 4), value);
  }

  #writeNextHop(): void {
    if (this.nextHopLength !== 4) return;
    const value = this.#head(FLAG_TRANSITIVE, ATTRIBUTE.NEXT_HOP, 4);
    copyBytes(this.nextHop, 0, 4, this.bytes, value);
  }

  /** The first reflector's word stands, RFC 4456 §8. */
  #writeOriginatorId(view: AttributeView, originatorId: number | undefined): void {
    const kept = view.hasOriginatorId ? undefined : originatorId;
    this.#writeNumber(view, FLAG_OPTIONAL, ATTRIBUTE.ORIGINATOR_ID, kept);
  }

  /** Well-known mandatory: written also when empty. */
  #writePath(as4: boolean): void {
    const length = this.#pathEnd - this.#pathStart;
    if (as4) {
      const value = this.#head(FLAG_TRANSITIVE, ATTRIBUTE.AS_PATH, length);
      copyBytes(this.#path, this.#pathStart, length, this.bytes, value);
    } else {
      const narrow = narrowLength(this.#path, this.#pathStart, this.#pathEnd);
      const value = this.#head(FLAG_TRANSITIVE, ATTRIBUTE.AS_PATH, narrow);
      writeNarrowPath(this.#path, this.#pathStart, this.#pathEnd, this.bytes, value);
    }
  }

  /** RFC 6793 §4.2.2: only where AS_PATH alone would lose something. */
  #writeWithoutConfed(): void {
    if (!needsAs4Path(this.#path, this.#pathStart, this.#pathEnd)) return;
    const length = as4PathLength(this.#path, this.#pathStart, this.#pathEnd);
    const value = this.#head(OPTIONAL_TRANSITIVE, ATTRIBUTE.AS4_PATH, length);
    writeWithoutConfed(this.#path, this.#pathStart, this.#pathEnd, this.bytes, value);
  }

  #writeNarrowAggregator(view: AttributeView): void {
    const code = ATTRIBUTE.AGGREGATOR;
    if (!view.has(code)) return;
    const as = readU32(view.bytes, view.start(code));
    const value = this.#head(view.flags(code) & ~FLAG_EXTENDED_LENGTH, code, 6);
    writeU16(this.bytes, value, as > MAX_TWO_OCTET_AS ? AS_TRANS : as);
    copyBytes(view.bytes, view.start(code) + 4, 4, this.bytes, value + 2);
  }

  #writeAs4Aggregator(view: AttributeView): void {
    if (!view.has(ATTRIBUTE.AGGREGATOR)) return;
    const from = view.start(ATTRIBUTE.AGGREGATOR);
    if (readU32(view.bytes, from) <= MAX_TWO_OCTET_AS) return;
    const value = this.#head(OPTIONAL_TRANSITIVE, ATTRIBUTE.AS4_AGGREGATOR, 8);
    copyBytes(view.bytes, from, 8, this.bytes, value);
  }

  #writeClusterList(view: AttributeView, clusterId: number | undefined): void {
    const code = ATTRIBUTE.CLUSTER_LIST;
    if (clusterId === undefined) {
      this.#keep(view, code);
      return;
    }
    const length = Math.max(view.length(code), 0);
    const value = this.#head(FLAG_OPTIONAL, code, 4 + length);
    writeU32(this.bytes, value, clusterId);
    copyBytes(view.bytes, view.start(code), length, this.bytes, value + 4);
  }

  /** EXTENDED COMMUNITIES without those that must not leave the AS, RFC 4360 §6. */
  #writeTransitiveOnly(view: AttributeView): void {
    const code = ATTRIBUTE.EXTENDED_COMMUNITIES;
    const start = view.start(code);
    const end = start + view.length(code);
    let kept = 0;
    for (let at = start; at < end; at += EXTENDED_COMMUNITY_LENGTH) {
      if (isTransitive(view.bytes, at)) kept += EXTENDED_COMMUNITY_LENGTH;
    }
    if (kept === 0) return;
    let to = this.#head(view.flags(code) & ~FLAG_EXTENDED_LENGTH, code, kept);
    for (let at = start; at < end; at += EXTENDED_COMMUNITY_LENGTH) {
      if (!isTransitive(view.bytes, at)) continue;
      copyBytes(view.bytes, at, EXTENDED_COMMUNITY_LENGTH, this.bytes, to);
      to += EXTENDED_COMMUNITY_LENGTH;
    }
  }
}

function isTransitive(bytes: Uint8Array, at: number): boolean {
  return (bytes[at]! & NON_TRANSITIVE_COMMUNITY) === 0;
}
