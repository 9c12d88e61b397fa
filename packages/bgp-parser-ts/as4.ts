/**
 * Speakers of 2-octet AS numbers, RFC 6793 §4.2: their AS_PATH is widened and AS4_PATH merged in,
 * ours is narrowed and AS4_PATH made. Segments are well-formed where they come in here.
 */

import { asPathLength, isConfed } from './as-path.ts';
import type { AttributeView } from './attribute-view.ts';
import { MAX_SEGMENT } from './attributes/as-path.ts';
import { copyBytes, readU16, readU32, writeU16, writeU32 } from './bytes.ts';
import { AS_SEQUENCE, AS_SET, AS_TRANS, ATTRIBUTE, MAX_TWO_OCTET_AS } from './constants.ts';

/** Octets of the longest attribute value. */
export const MAX_VALUE_LENGTH = 65535;
/** The path is longer than an attribute can be. */
export const TOO_LONG = -1;

/** As asPathLength, of 2-octet segments. */
function narrowPathLength(bytes: Uint8Array, start: number, end: number): number {
  let length = 0;
  for (let at = start; at < end; at += 2 + bytes[at + 1]! * 2) {
    if (bytes[at] === AS_SEQUENCE) length += bytes[at + 1]!;
    else if (bytes[at] === AS_SET) length += 1;
  }
  return length;
}

/**
 * Writes the path of 4-octet AS numbers that a view's 2-octet AS_PATH and its AS4_PATH tell together
 * to the front of `out`, which holds MAX_VALUE_LENGTH octets. Returns its length, or TOO_LONG.
 */
export function mergeAs4(view: AttributeView, out: Uint8Array): number {
  const start = view.start(ATTRIBUTE.AS_PATH);
  const end = start + view.length(ATTRIBUTE.AS_PATH);
  if (!view.has(ATTRIBUTE.AS4_PATH) || isAggregatedSince(view)) {
    return mergePaths(view.bytes, start, end, 0, 0, out);
  }
  const start4 = view.start(ATTRIBUTE.AS4_PATH);
  const end4 = start4 + view.length(ATTRIBUTE.AS4_PATH);
  return mergePaths(view.bytes, start, end, start4, end4, out);
}

/** RFC 6793 §4.2.3: a 2-octet speaker has aggregated, so that both AS4 attributes are stale. */
function isAggregatedSince(view: AttributeView): boolean {
  return (
    view.has(ATTRIBUTE.AGGREGATOR) &&
    view.has(ATTRIBUTE.AS4_AGGREGATOR) &&
    readU16(view.bytes, view.start(ATTRIBUTE.AGGREGATOR)) !== AS_TRANS
  );
}

/**
 * Writes the path of 4-octet AS numbers that a 2-octet AS_PATH `[start, end)` and an AS4_PATH
 * `[start4, end4)` (empty: none) tell together.
 */
function mergePaths(
  bytes: Uint8Array,
  start: number,
  end: number,
  start4: number,
  end4: number,
  out: Uint8Array,
): number {
  const has4 = end4 > start4;
  const missing = has4
    ? narrowPathLength(bytes, start, end) - asPathLength(bytes, start4, end4)
    : 0;
  // RFC 6793 §4.2.3: an AS4_PATH longer than the path that it came along is ignored.
  const uses4 = has4 && missing >= 0;
  let room = uses4 ? missing : Number.POSITIVE_INFINITY;
  let length = 0;
  /** Where the last segment begins, to join sequences. */
  let last = -1;
  for (let at = start; at < end; ) {
    const type = bytes[at]!;
    const count = bytes[at + 1]!;
    // "A valid AS_CONFED segment SHALL be prepended if it is either the leading path segment or is
    // adjacent to a path segment that is prepended": those reached here are.
    const taken = isConfed(type)
      ? count
      : type === AS_SET
        ? room > 0
          ? count
          : 0
        : Math.min(room, count);
    if (taken === 0) break;
    if (length + 2 + taken * 4 > MAX_VALUE_LENGTH) return TOO_LONG;
    last = length;
    out[length] = type;
    out[length + 1] = taken;
    length += 2;
    for (let i = 0; i < taken; i++, length += 4) {
      writeU32(out, length, readU16(bytes, at + 2 + i * 2));
    }
    if (!isConfed(type)) room -= type === AS_SET ? 1 : taken;
    if (taken < count) break;
    at += 2 + count * 2;
  }
  if (!uses4) return length;
  for (let at = start4; at < end4; at += 2 + bytes[at + 1]! * 4) {
    const type = bytes[at]!;
    const count = bytes[at + 1]!;
    // RFC 6793 §6: confederation segments in AS4_PATH are dropped, the rest of it is used.
    if (isConfed(type)) continue;
    // What was cut apart is put together again, so that the merged path equals the original one.
    const joins =
      last >= 0 &&
      type === AS_SEQUENCE &&
      out[last] === AS_SEQUENCE &&
      out[last + 1]! + count <= MAX_SEGMENT;
    const octets = count * 4;
    if (length + (joins ? 0 : 2) + octets > MAX_VALUE_LENGTH) return TOO_LONG;
    if (joins) {
      out[last + 1] = out[last + 1]! + count;
    } else {
      last = length;
      out[length] = type;
      out[length + 1] = count;
      length += 2;
    }
    copyBytes(bytes, at + 2, octets, out, length);
    length += octets;
  }
  return length;
}

/** Whether the path has an AS number that two octets cannot hold. */
export function needsAs4Path(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; ) {
    const segmentEnd = at + 2 + bytes[at + 1]! * 4;
    const counts = !isConfed(bytes[at]!);
    for (at += 2; at < segmentEnd; at += 4) {
      if (counts && readU32(bytes, at) > MAX_TWO_OCTET_AS) return true;
    }
  }
  return false;
}

/** Octets that writeNarrowPath writes. */
export function narrowLength(bytes: Uint8Array, start: number, end: number): number {
  let length = 0;
  for (let at = start; at < end; at += 2 + bytes[at + 1]! * 4) length += 2 + bytes[at + 1]! * 2;
  return length;
}

/** Octets of AS4_PATH: what writeWithoutConfed writes. */
export function as4PathLength(bytes: Uint8Array, start: number, end: number): number {
  let length = 0;
  for (let at = start; at < end; at += 2 + bytes[at + 1]! * 4) {
    if (!isConfed(bytes[at]!)) length += 2 + bytes[at + 1]! * 4;
  }
  return length;
}

/** Writes the path in 2-octet AS numbers, AS_TRANS for the larger ones. Returns the position after. */
export function writeNarrowPath(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  for (let from = start; from < end; ) {
    const segmentEnd = from + 2 + bytes[from + 1]! * 4;
    out[at] = bytes[from]!;
    out[at + 1] = bytes[from + 1]!;
    at += 2;
    for (from += 2; from < segmentEnd; from += 4, at += 2) {
      const as = readU32(bytes, from);
      writeU16(out, at, as > MAX_TWO_OCTET_AS ? AS_TRANS : as);
    }
  }
  return at;
}
