/** Prefixes on the wire, RFC 4271 §4.3: bits, then as many octets as hold them; RFC 7911 puts a path id before. */

import type { Prefix } from 'net-ipaddr';
import { writeU32 } from './bytes.ts';

export interface Nlri {
  readonly prefix: Prefix;
  /** Unsigned 32 bits, where ADD-PATH is negotiated. */
  readonly pathId?: number;
}

export const PATH_ID_LENGTH = 4;

/** RFC 7606 §5.3: no prefix longer than its family's addresses, the last one ends where the field ends. */
export function isNlriField(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxBits: number,
  addPath: boolean,
): boolean {
  const before = addPath ? PATH_ID_LENGTH : 0;
  let at = start;
  while (at < end) {
    at += before;
    if (at >= end) return false;
    const bits = bytes[at]!;
    if (bits > maxBits) return false;
    at += 1 + ((bits + 7) >>> 3);
  }
  return at === end;
}

/**
 * The first `bits` bits at `at` as a 32-bit word, the others zero: RFC 4271 §4.3 has the trailing
 * bits of a prefix mean nothing. Reads no octet that `bits` does not reach into.
 *
 * Signed: V8 keeps any such number in place, while those from 2^31 on would be an object each.
 */
export function readWord(bytes: Uint8Array, at: number, bits: number): number {
  if (bits <= 0) return 0;
  let word = bytes[at]! << 24;
  if (bits > 8) word |= bytes[at + 1]! << 16;
  if (bits > 16) word |= bytes[at + 2]! << 8;
  if (bits > 24) word |= bytes[at + 3]!;
  return bits >= 32 ? word : word & (-1 << (32 - bits));
}

/** Octets that a prefix of `bits` bits takes, its length octet included. */
export function nlriLength(bits: number, addPath: boolean): number {
  return 1 + ((bits + 7) >>> 3) + (addPath ? PATH_ID_LENGTH : 0);
}

/** Writes up to 32 bits of a prefix: only the octets that `bits` reaches into. Returns the position after. */
export function writeWord(bytes: Uint8Array, at: number, word: number, bits: number): number {
  if (bits <= 0) return at;
  bytes[at] = word >>> 24;
  if (bits <= 8) return at + 1;
  bytes[at + 1] = word >>> 16;
  if (bits <= 16) return at + 2;
  bytes[at + 2] = word >>> 8;
  if (bits <= 24) return at + 3;
  bytes[at + 3] = word;
  return at + 4;
}

export function prefixOfWords(
  family: 4 | 6,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  length: number,
): Prefix {
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  writeU32(bytes, 0, w0);
  if (family === 6) {
    writeU32(bytes, 4, w1);
    writeU32(bytes, 8, w2);
    writeU32(bytes, 12, w3);
  }
  return { address: { family, bytes }, length };
}
