/**
 * HalfSipHash-1-3 (Aumasson and Bernstein): a 32-bit hash under a 64-bit key. What is hashed comes
 * from peers, and without the key nobody can choose attribute sets that collide.
 */

export interface HashKey {
  readonly k0: number;
  readonly k1: number;
}

/** The hash of `bytes[start, end)`, signed 32 bits. */
export function hashBytes(key: HashKey, bytes: Uint8Array, start: number, end: number): number {
  let v0 = key.k0;
  let v1 = key.k1;
  let v2 = key.k0 ^ 0x6c796765;
  let v3 = key.k1 ^ 0x74656462;
  let at = start;
  // The last word holds what is left over and the length, as the last of the loop's rounds.
  for (let left = end - start; ; left -= 4) {
    let word: number;
    if (left >= 4) {
      word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      at += 4;
    } else {
      word = (end - start) << 24;
      if (left > 2) word |= bytes[at + 2]! << 16;
      if (left > 1) word |= bytes[at + 1]! << 8;
      if (left > 0) word |= bytes[at]!;
    }
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
    if (left < 4) break;
  }
  v2 ^= 0xff;
  for (let round = 0; round < 3; round++) {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
  }
  return v1 ^ v3;
}
