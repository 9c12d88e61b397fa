/** Random BGP messages, mostly near the well-formed ones: what the fuzz loop feeds the decoders. */

import type { WireContext } from 'bgp-parser-ts';
import {
  AS_PATH,
  COMMUNITIES,
  hex,
  LOCAL_PREF,
  MED,
  MP_REACH,
  MP_UNREACH,
  message,
  NEXT_HOP,
  ORIGIN,
} from './wire.ts';

export type Random = () => number;

/** A seeded generator in [0, 1): splitmix32. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

export const below = (random: Random, limit: number) => Math.floor(random() * limit);
export const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!;

/** Attributes as they are on the wire; the context decides which paths are well-formed. */
const COMMON = [
  ORIGIN,
  NEXT_HOP,
  MED,
  LOCAL_PREF,
  COMMUNITIES,
  MP_REACH,
  MP_UNREACH,
  '40 06 00',
  '80 09 04 c0000209',
  '80 0a 08 0a000001 0a000002',
  'c0 10 10 0002fde900000001 4004fde900000002',
  'c0 20 0c 0000fde9 00000001 00000002',
  'c0 23 04 0000fde9',
  'c0 63 05 0102030405',
  '80 63 02 0102',
  '80 0e 2a 0002 01 20 20010db8000000000000000000000001 fe800000000000000000000000000001 00 20 20010db8',
  '80 0e 19 0001 01 10 20010db8000000000000000000000001 00 18 c63364',
  '80 0e 0d 0001 01 04 c0000201 00 18 c63364',
  '80 0e 1e 0002 01 10 20010db8000000000000000000000001 00 00000007 20 20010db8',
  '80 0f 08 0001 01 00000001 00',
  '80 0f 03 0002 01',
  '80 0e 05 0019 41 00 00',
].map(hex);

const WIDE = [
  AS_PATH,
  '40 02 00',
  '40 02 16 02 02 0000fde9 00000001 01 03 00000002 00000003 00011170',
  '40 02 0c 03 01 00000009 02 01 0000fde9',
  'c0 07 08 0000fde9 c0000201',
].map(hex);

const NARROW = [
  '40 02 06 02 02 fde9 5ba0',
  '40 02 0c 02 01 fde9 01 02 5ba0 0007 02 01',
  '40 02 0e 02 02 fde9 0003 01 02 5ba0 0007 02 01',
  '40 02 0e 02 01 fde9 01 02 5ba0 0007 02 01 0005',
  'c0 07 06 5ba0 c0000201',
  'c0 07 06 fde9 c0000201',
  'c0 11 0a 02 02 0000fde9 00011170',
  'c0 11 06 02 01 00011170',
  'c0 11 0c 03 01 00000009 02 01 00011170',
  'c0 12 08 00011170 c0000203',
].map(hex);

const OPENS = [
  '04 fde9 005a c0000201 00',
  '04 fde9 005a c0000201 2e 02 2c 01 04 0001 00 01 02 00 06 00 09 01 03 40 06 c078 0001 01 80 41 04 00011170 45 04 0001 01 03 46 00 49 04 01 61 01 62',
  '04 fde9 005a c0000201 ff ff 000b 02 0008 41 04 00011170 02 00',
].map(hex);

function prefixes(random: Random, addPath: boolean): number[] {
  const octets: number[] = [];
  for (let left = below(random, 4); left > 0; left--) {
    if (addPath) octets.push(0, 0, 0, below(random, 256));
    const bits = below(random, 33);
    octets.push(bits);
    for (let i = 0; i < (bits + 7) >> 3; i++) octets.push(below(random, 256));
  }
  return octets;
}

function attributes(random: Random, context: WireContext): number[] {
  const paths = context.as4 ? WIDE : NARROW;
  const chosen: Uint8Array[] = [];
  // Most of the time the mandatory ones, so that what is mutated would be accepted otherwise.
  if (random() < 0.9)
    chosen.push(COMMON[0]!, pick(random, paths.slice(0, context.as4 ? 3 : 1)), COMMON[1]!);
  for (let left = below(random, 5); left > 0; left--) {
    chosen.push(pick(random, random() < 0.3 ? paths : COMMON));
  }
  if (random() < 0.3) chosen.sort(() => random() - 0.5);
  return chosen.flatMap((one) => [...one]);
}

export function mutate(random: Random, octets: number[]): void {
  const at = below(random, octets.length + 1);
  switch (below(random, 8)) {
    case 0:
      if (at < octets.length) octets[at]! ^= 1 << below(random, 8);
      break;
    case 1:
      if (at < octets.length) octets[at] = pick(random, [0, 1, 2, 4, 14, 15, 127, 128, 254, 255]);
      break;
    case 2:
      if (at < octets.length) octets[at] = below(random, 256);
      break;
    case 3:
      octets.splice(at, 0, below(random, 256));
      break;
    case 4:
      octets.splice(at, 1 + below(random, 4));
      break;
    case 5:
      octets.length = at;
      break;
    case 6:
      octets.splice(at, 0, ...octets.slice(at, at + below(random, 16)));
      break;
    default:
      if (at < octets.length) octets[at] = (octets[at]! + pick(random, [1, 255])) & 0xff;
  }
}

/** With length fields that fit the mutated content in most cases, so that it is reached. */
export function randomMessage(random: Random, context: WireContext): Uint8Array {
  const kind = random();
  if (kind < 0.08) return otherMessage(random);
  const addPath = context.ipv4?.addPath === true;
  const withdrawn = random() < 0.3 ? prefixes(random, addPath) : [];
  const nlri = random() < 0.8 ? prefixes(random, addPath) : [];
  const list = random() < 0.95 ? attributes(random, context) : [];
  const inside = pick(random, [list, list, list, nlri, withdrawn]);
  for (let left = below(random, 3); left > 0; left--) mutate(random, inside);
  const length = (octets: number[]) => [octets.length >> 8, octets.length & 0xff];
  const body = [...length(withdrawn), ...withdrawn, ...length(list), ...list, ...nlri];
  if (random() < 0.1) mutate(random, body);
  return message(2, Uint8Array.from(body));
}

function otherMessage(random: Random): Uint8Array {
  const type = pick(random, [1, 1, 1, 1, 3, 5]);
  const body =
    type === 1 ? [...pick(random, OPENS)] : type === 3 ? [6, 2, 3, 97, 98, 99] : [0, 1, 0, 1];
  for (let left = below(random, 4); left > 0; left--) mutate(random, body);
  const bytes = message(type, Uint8Array.from(body));
  if (random() < 0.05) bytes[below(random, 19)] = below(random, 256);
  return bytes;
}
