/**
 * The decision process as the specifications list it: rows with names, in their order. Slow and
 * plain, for explaining a choice to people; select.ts makes the same choice with numbers, and the
 * two are tested against each other.
 *
 * Each row removes the candidates that another one still there beats. That makes the row for
 * MULTI_EXIT_DISC deterministic: it compares within a neighbouring AS only, so comparing two by two
 * would let the order of arrival decide (RFC 4271 §9.1.2.2 c).
 */

import { UNKNOWN_AS } from './scores.ts';

/** What a path is judged by. Numbers are unsigned. */
export interface Candidate {
  readonly isLocal: boolean;
  /** Marked with LLGR_STALE (RFC 9494). */
  readonly isLongLivedStale: boolean;
  readonly localPref: number;
  readonly pathLength: number;
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  readonly origin: number;
  readonly neighborAs: number;
  readonly med: number;
  readonly isExternal: boolean;
  readonly cost: number;
  /** The best path until now. */
  readonly isCurrent: boolean;
  /** ORIGINATOR_ID if the route has one (RFC 4456 §9), else the peer's BGP Identifier. */
  readonly routerId: number;
  readonly clusterListLength: number;
  /** 4 or 16 octets. */
  readonly peerAddress: Uint8Array;
  readonly pathId: number;
}

export interface Step {
  readonly name: string;
  /** Below zero: `a` wins. Zero: the step doesn't tell them apart. */
  readonly compare: (a: Candidate, b: Candidate) => number;
}

function step(name: string, compare: Step['compare']): Step {
  return { name, compare };
}

/** RFC 4271 §9.1.1, then §9.1.2.2 a) to e). Candidates that these leave over are equal for multipath. */
const preferences: readonly Step[] = [
  // No neighbour can take over what this node originates, whatever preference it claims.
  step('originated here', (a, b) => Number(b.isLocal) - Number(a.isLocal)),
  // RFC 9494 §4.3: "treated as the least preferred".
  step('not long-lived stale', (a, b) => Number(a.isLongLivedStale) - Number(b.isLongLivedStale)),
  step('higher local preference', (a, b) => b.localPref - a.localPref),
  step('shorter AS path', (a, b) => a.pathLength - b.pathLength),
  step('lower origin', (a, b) => a.origin - b.origin),
  step('lower MED', (a, b) => (comesFromSameAs(a, b) ? a.med - b.med : 0)),
  step('external over internal', (a, b) => Number(b.isExternal) - Number(a.isExternal)),
  step('lower interior cost', (a, b) => a.cost - b.cost),
];

/** RFC 5004, then RFC 4271 §9.1.2.2 f) and g) with what RFC 4456 §9 and RFC 7911 add. */
const tieBreaks: readonly Step[] = [
  step('existing external path', existingExternal),
  step('lower router id', (a, b) => a.routerId - b.routerId),
  step('shorter cluster list', (a, b) => a.clusterListLength - b.clusterListLength),
  step('lower peer address', (a, b) => compareBytes(a.peerAddress, b.peerAddress)),
  step('lower path id', (a, b) => a.pathId - b.pathId),
];

function comesFromSameAs(a: Candidate, b: Candidate): boolean {
  return a.neighborAs === b.neighborAs && a.neighborAs !== UNKNOWN_AS;
}

/**
 * RFC 5004 §3: between external paths of different routers the existing best path stays, as router
 * ids of another AS say nothing; parallel sessions with one router are told apart as ever.
 */
function existingExternal(a: Candidate, b: Candidate): number {
  if (!a.isExternal || !b.isExternal || a.routerId === b.routerId) return 0;
  return Number(b.isCurrent) - Number(a.isCurrent);
}

export interface Decision {
  /** Index of the best candidate; -1 without candidates. */
  readonly best: number;
  /** The step that decided for the best: where the last of the others fell. Undefined: no other was there. */
  readonly decidedBy: string | undefined;
  /** For each candidate the name of the step that removed it; undefined for the best. */
  readonly lostAt: readonly (string | undefined)[];
  /** Whether each candidate came as far as the best until the interior cost. */
  readonly isMultipath: readonly boolean[];
}

export function decide(candidates: readonly Candidate[]): Decision {
  const lostAt: (string | undefined)[] = candidates.map(() => undefined);
  let left = candidates.map((_, index) => index);
  let decidedBy: string | undefined;
  const remove = ({ name, compare }: Step) => {
    const beaten = left.filter((i) =>
      left.some((j) => compare(candidates[j]!, candidates[i]!) < 0),
    );
    for (const i of beaten) lostAt[i] = name;
    if (beaten.length > 0) decidedBy = name;
    left = left.filter((i) => lostAt[i] === undefined);
  };
  preferences.forEach(remove);
  const isMultipath = candidates.map((_, index) => left.includes(index));
  tieBreaks.forEach(remove);
  return { best: left[0] ?? -1, decidedBy, lostAt, isMultipath };
}

/** By octets; of different families the shorter (IPv4) first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}
