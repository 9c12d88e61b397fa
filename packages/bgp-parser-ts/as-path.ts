/** What a decision process asks of an AS path, read from segments of 4-octet AS numbers in place. */

import { MAX_SEGMENT } from './attributes/as-path.ts';
import { copyBytes, readU32, writeU32 } from './bytes.ts';
import { AS_CONFED_SEQUENCE, AS_CONFED_SET, AS_SEQUENCE, AS_SET } from './constants.ts';

/** `firstAs` or `originAs` has no single answer: an AS_SET stands there. */
export const AS_NONE = -1;

/** RFC 4271 §9.1.2.2 a): an AS_SET counts 1; RFC 5065 §5.3: confederation segments count 0. */
export function asPathLength(bytes: Uint8Array, start: number, end: number): number {
  let length = 0;
  for (let at = start; at < end; at += 2 + bytes[at + 1]! * 4) {
    if (bytes[at] === AS_SEQUENCE) length += bytes[at + 1]!;
    else if (bytes[at] === AS_SET) length += 1;
  }
  return length;
}

/** The leftmost AS after any confederation segments; 0 for an empty path, AS_NONE for an AS_SET. */
export function firstAs(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at += 2 + bytes[at + 1]! * 4) {
    if (isConfed(bytes[at]!)) continue;
    return bytes[at] === AS_SEQUENCE ? readU32(bytes, at + 2) : AS_NONE;
  }
  return 0;
}

/**
 * RFC 6811 §2: the rightmost AS; AS_NONE when the last segment is a set; 0, the reader's own, for an
 * empty path and for one that ends within the confederation.
 */
export function originAs(bytes: Uint8Array, start: number, end: number): number {
  let origin = 0;
  for (let at = start; at < end; ) {
    const type = bytes[at];
    at += 2 + bytes[at + 1]! * 4;
    if (type === AS_SEQUENCE) origin = readU32(bytes, at - 4);
    else origin = type === AS_SET ? AS_NONE : 0;
  }
  return origin;
}

/** How often `as` stands in the path, in segments of any type: the loop check of RFC 4271 §9.1.2. */
export function countAs(bytes: Uint8Array, start: number, end: number, as: number): number {
  let found = 0;
  for (let at = start; at < end; ) {
    const segmentEnd = at + 2 + bytes[at + 1]! * 4;
    for (at += 2; at < segmentEnd; at += 4) if (readU32(bytes, at) === as) found++;
  }
  return found;
}

/** Whether the path begins with a sequence of these, left to right. */
export function startsWith(
  bytes: Uint8Array,
  start: number,
  end: number,
  prefix: readonly number[],
): boolean {
  let found = 0;
  for (let at = start; at < end && found < prefix.length; ) {
    if (bytes[at] !== AS_SEQUENCE) return false;
    const segmentEnd = at + 2 + bytes[at + 1]! * 4;
    for (at += 2; at < segmentEnd && found < prefix.length; at += 4) {
      if (readU32(bytes, at) !== prefix[found++]) return false;
    }
  }
  return found === prefix.length;
}

/**
 * Writes the path with `as` before it, the first of them leftmost. Returns the position after.
 * RFC 4271 §5.1.2 b): what does not fit into the first segment gets another one before it.
 */
export function writePrepended(
  bytes: Uint8Array,
  start: number,
  end: number,
  as: readonly number[],
  out: Uint8Array,
  at: number,
): number {
  const isSequence = start < end && bytes[start] === AS_SEQUENCE;
  const own = isSequence ? bytes[start + 1]! : MAX_SEGMENT;
  const joins = own + as.length <= MAX_SEGMENT;
  for (let i = 0; i < as.length; ) {
    const count = Math.min(as.length - i, MAX_SEGMENT);
    out[at] = AS_SEQUENCE;
    out[at + 1] = joins ? own + count : count;
    at += 2;
    for (const last = i + count; i < last; i++, at += 4) writeU32(out, at, as[i]!);
  }
  const from = joins && as.length > 0 ? start + 2 : start;
  copyBytes(bytes, from, end - from, out, at);
  return at + end - from;
}

/** Whether a confederation segment stands anywhere in the path. */
export function hasConfed(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 2 + bytes[at + 1]! * 4) {
    if (isConfed(bytes[at]!)) return true;
  }
  return false;
}

/**
 * Writes the path as it is seen outside of the confederation, and as AS4_PATH has it (RFC 6793
 * §4.2.2). Returns the position after.
 */
export function writeWithoutConfed(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  for (let from = start; from < end; ) {
    const length = 2 + bytes[from + 1]! * 4;
    if (!isConfed(bytes[from]!)) {
      copyBytes(bytes, from, length, out, at);
      at += length;
    }
    from += length;
  }
  return at;
}

export function isConfed(type: number): boolean {
  return type === AS_CONFED_SEQUENCE || type === AS_CONFED_SET;
}
