/** What the decision process reads of an attribute set, once a distinct set. */

import type { AttributeView } from 'bgp-parser-ts';
import { LLGR_STALE } from '../policy/long-lived-stale.ts';

/** RFC 4271 §9.1.1 leaves the preference of an external route to us; this is what all take. */
export const DEFAULT_LOCAL_PREF = 100;

/**
 * Stands for the neighbouring AS of a path that begins with a set, whose MED cannot be compared.
 * RFC 7300 reserves the number.
 */
export const UNKNOWN_AS = 0xffffffff;

const MAX_U32 = 0xffffffff;
const PATH_LENGTHS = 2 ** 16;
const ORIGINS = 4;
/** More than all other steps together. */
const LONG_LIVED_STALE = 2 ** 50;

/**
 * One number for the first four steps of the decision process, lower is better: long-lived stale
 * (RFC 9494 §4.3; 1 bit), local preference (32 bits, inverted), AS path length (16 bits), origin
 * (2 bits). Exact in a double.
 */
export function rankOf(view: AttributeView): number {
  const localPref = view.hasLocalPref ? view.localPref : DEFAULT_LOCAL_PREF;
  const rank = ((MAX_U32 - localPref) * PATH_LENGTHS + view.asPathLength) * ORIGINS + view.origin;
  return view.hasCommunity(LLGR_STALE) ? rank + LONG_LIVED_STALE : rank;
}

export function isLongLivedStaleRank(rank: number): boolean {
  return rank >= LONG_LIVED_STALE;
}

export function localPrefOfRank(rank: number): number {
  return MAX_U32 - Math.floor((rank % LONG_LIVED_STALE) / (PATH_LENGTHS * ORIGINS));
}

export function pathLengthOfRank(rank: number): number {
  return Math.floor(rank / ORIGINS) % PATH_LENGTHS;
}

export function originOfRank(rank: number): number {
  return rank % ORIGINS;
}
