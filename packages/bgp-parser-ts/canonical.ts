/**
 * The canonical form of a route's attributes: what a RIB interns, one block of bytes for all routes
 * whose attributes mean the same.
 *
 * It is a list of attributes as RFC 4271 §4.3 frames them (flags, code, length, value), and
 *  - ascending by code, each code once, with the Extended Length bit only above 255 octets;
 *  - known attributes carry their specified flags, optional transitive ones also Partial as received;
 *  - AS_PATH and AGGREGATOR have 4-octet AS numbers, AS4_PATH and AS4_AGGREGATOR are merged in;
 *  - NEXT_HOP (3) has the route's next hop whatever its family: 4 octets, 16, or 32 with the
 *    link-local address behind the global one. MP_REACH_NLRI and MP_UNREACH_NLRI are left out;
 *  - a link-local next hop has its zone in it, as zone.ts describes;
 *  - unknown optional transitive attributes keep their value byte for byte and get the Partial bit
 *    (RFC 4271 §9); unknown non-transitive ones are left out, and so is what RFC 7606 discards.
 *
 * AttributeView.load reads it, AttributeBlock turns it into what is sent.
 */

import type { AttributeView } from './attribute-view.ts';
import type { AttributeCodec } from './attributes/attribute.ts';
import { CODECS, type PathAttributes, type RawAttribute, RULES } from './attributes/list.ts';
import { copyBytes, copyOf, readU16, writeU16, writeU32 } from './bytes.ts';
import {
  AS_TRANS,
  ATTRIBUTE,
  FLAG_EXTENDED_LENGTH,
  FLAG_OPTIONAL,
  FLAG_PARTIAL,
  FLAG_TRANSITIVE,
} from './constants.ts';
import type { WireContext } from './context.ts';
import { isLinkLocal, setZone } from './zone.ts';

/**
 * No canonical form is longer. Only AS_PATH grows (at most to twice its octets, and to 65535), so a
 * message of 65535 octets stays well below.
 */
export const MAX_CANONICAL_LENGTH = 131072;

const TRANSITIVE_OPTIONAL = FLAG_OPTIONAL | FLAG_TRANSITIVE;
/** By code; the key's type is what CODECS knows and a loop forgets. */
const OBJECT_CODECS = CODECS as unknown as readonly AttributeCodec<string, unknown>[];
const KNOWN = new Set<number>(CODECS.map(({ code }) => code));

/** How codecs encode. */
const ENCODED: WireContext = {
  as4: true,
  ebgp: false,
  extendedMessage: true,
  ipv4: undefined,
  ipv6: undefined,
};

/** Writes flags, code and length; returns where the value goes. */
export function writeAttributeHead(
  out: Uint8Array,
  at: number,
  flags: number,
  code: number,
  length: number,
): number {
  out[at + 1] = code;
  if (length > 255) {
    out[at] = flags | FLAG_EXTENDED_LENGTH;
    writeU16(out, at + 2, length);
    return at + 4;
  }
  out[at] = flags;
  out[at + 2] = length;
  return at + 3;
}

/** Octets of an attribute with a value of this length. */
function attributeLength(valueLength: number): number {
  return valueLength + (valueLength > 255 ? 4 : 3);
}

/**
 * Writes the canonical form of what a cursor found, with the next hop that lies at `hopStart` in the
 * view's bytes. Returns the position after.
 *
 * @param as4 whether AGGREGATOR holds a 4-octet AS number.
 */
export function writeCanonical(
  view: AttributeView,
  as4: boolean,
  hopStart: number,
  hopLength: number,
  zone: number,
  out: Uint8Array,
  at: number,
): number {
  let isHopDue = true;
  for (let i = 0; i < view.count; i++) {
    const code = view.codes[i]!;
    if (isHopDue && code >= ATTRIBUTE.NEXT_HOP) {
      at = writeNextHop(view, hopStart, hopLength, zone, out, at);
      isHopDue = false;
    }
    switch (code) {
      case ATTRIBUTE.NEXT_HOP:
      case ATTRIBUTE.MP_REACH_NLRI:
      case ATTRIBUTE.MP_UNREACH_NLRI:
      case ATTRIBUTE.AS4_PATH:
      case ATTRIBUTE.AS4_AGGREGATOR:
        break;
      case ATTRIBUTE.AS_PATH: {
        const length = view.asPathEnd - view.asPathStart;
        at = writeAttributeHead(out, at, FLAG_TRANSITIVE, code, length);
        copyBytes(view.asPathBytes, view.asPathStart, length, out, at);
        at += length;
        break;
      }
      case ATTRIBUTE.AGGREGATOR:
        at = as4 ? writeAsIs(view, code, out, at) : writeWideAggregator(view, out, at);
        break;
      default:
        at = writeAsIs(view, code, out, at);
    }
  }
  return isHopDue ? writeNextHop(view, hopStart, hopLength, zone, out, at) : at;
}

function writeNextHop(
  view: AttributeView,
  hopStart: number,
  hopLength: number,
  zone: number,
  out: Uint8Array,
  at: number,
): number {
  const value = writeAttributeHead(out, at, FLAG_TRANSITIVE, ATTRIBUTE.NEXT_HOP, hopLength);
  copyBytes(view.bytes, hopStart, hopLength, out, value);
  const end = value + hopLength;
  for (let hop = value; hop + 16 <= end; hop += 16) {
    if (isLinkLocal(out, hop)) setZone(out, hop, zone);
  }
  return end;
}

function writeAsIs(view: AttributeView, code: number, out: Uint8Array, at: number): number {
  const length = view.length(code);
  const value = writeAttributeHead(out, at, canonicalFlags(code, view.flags(code)), code, length);
  copyBytes(view.bytes, view.start(code), length, out, value);
  return value + length;
}

function canonicalFlags(code: number, flags: number): number {
  const rule = RULES[code];
  if (rule === undefined) return TRANSITIVE_OPTIONAL | FLAG_PARTIAL;
  // RFC 4271 §5: Partial is 0 but on optional transitive attributes, where it is never cleared.
  return rule.flags === TRANSITIVE_OPTIONAL ? rule.flags | (flags & FLAG_PARTIAL) : rule.flags;
}

/** AGGREGATOR of a 2-octet speaker, RFC 6793 §4.2.3. */
function writeWideAggregator(view: AttributeView, out: Uint8Array, at: number): number {
  const code = ATTRIBUTE.AGGREGATOR;
  const from = view.start(code);
  const as = readU16(view.bytes, from);
  const value = writeAttributeHead(out, at, canonicalFlags(code, view.flags(code)), code, 8);
  if (as === AS_TRANS && view.has(ATTRIBUTE.AS4_AGGREGATOR)) {
    copyBytes(view.bytes, view.start(ATTRIBUTE.AS4_AGGREGATOR), 8, out, value);
  } else {
    writeU32(out, value, as);
    copyBytes(view.bytes, from + 2, 4, out, value + 4);
  }
  return value + 8;
}

/**
 * The canonical form of a route that is made here. What has no value, or an empty list of values, is
 * left out; nothing is added.
 *
 * @throws RangeError when a value has no form on the wire.
 */
export function encodeAttributes(attributes: PathAttributes): Uint8Array {
  const values = attributes as Readonly<Record<string, unknown>>;
  const list: RawAttribute[] = [];
  for (const codec of OBJECT_CODECS) {
    const value = values[codec.key];
    if (value === undefined) continue;
    const octets = codec.encode(value);
    // An empty list says what no attribute says, and as an attribute it would be malformed.
    if (octets.length === 0 && codec.check(octets, 0, 0, ENCODED) !== 0) continue;
    const { code } = codec;
    const partial = attributes.partial?.includes(code) ? FLAG_PARTIAL : 0;
    list.push({ code, flags: canonicalFlags(code, codec.flags | partial), value: octets });
  }
  for (const { code, flags, value } of attributes.others ?? []) {
    if (RULES[code] !== undefined) {
      throw new RangeError(`attribute ${code} (${RULES[code].name}) is not one of the others`);
    }
    const kept = flags & (TRANSITIVE_OPTIONAL | FLAG_PARTIAL);
    list.push({ code, flags: kept, value });
  }
  list.sort((a, b) => a.code - b.code);
  const out = new Uint8Array(
    list.reduce((sum, { value }) => sum + attributeLength(value.length), 0),
  );
  let at = 0;
  for (const { code, flags, value } of list) {
    if (value.length > 65535) {
      throw new RangeError(`attribute ${code}: ${value.length} octets, the most is 65535`);
    }
    at = writeAttributeHead(out, at, flags, code, value.length);
    out.set(value, at);
    at += value.length;
  }
  return out;
}

/** The attributes of a view that was loaded with canonical bytes, as objects of their own. */
export function decodeAttributes(view: AttributeView): PathAttributes {
  const found: Record<string, unknown> = {};
  const partial: number[] = [];
  for (const codec of OBJECT_CODECS) {
    if (!view.has(codec.code)) continue;
    found[codec.key] = codec.decode(view.bytes, view.start(codec.code), view.length(codec.code));
    if ((view.flags(codec.code) & FLAG_PARTIAL) !== 0) partial.push(codec.code);
  }
  const others: RawAttribute[] = [];
  for (let i = 0; i < view.count; i++) {
    const code = view.codes[i]!;
    if (KNOWN.has(code)) continue;
    const start = view.start(code);
    const value = copyOf(view.bytes, start, start + view.length(code));
    // The Extended Length bit is the encoding's.
    others.push({ code, flags: view.flags(code) & ~FLAG_EXTENDED_LENGTH, value });
  }
  if (others.length > 0) found.others = others;
  if (partial.length > 0) found.partial = partial;
  return found as PathAttributes;
}
