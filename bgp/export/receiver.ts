/**
 * One peer in one group. It is *in step*, a position in the group's ring, or *behind*: then it has no
 * messages at all, only a set of prefixes whose latest state it lacks.
 *
 *   behind:   sweepAt                        prefixes below: only those in `lacking`
 *                │                           prefixes from here on: all that is announced, and `lacking`
 *     ···◦··◦····▼▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
 */

import { IdSet } from '../rib/id-set.ts';

/** Nothing is left to be swept. */
export const SWEPT = Number.POSITIVE_INFINITY;

export class Receiver {
  readonly peer: number;
  /** What comes from this source is not sent back. */
  readonly source: number;
  isBehind = true;
  sweepAt = 0;
  /** The sweep is not the first one: the peer may hold what is still ahead of it. */
  isRefreshed = false;
  readonly lacking = new IdSet();
  /** RFC 4724: an End-of-RIB is due when the sweep is through. */
  owesEndOfRib: boolean;

  /** In step: number of the ring's chunk, the span in it, and the position in its bytes. */
  chunk = 0;
  span = 0;
  at = 0;
  /** The last chunk that something was taken from; -1: none yet. */
  tookFrom = -1;

  constructor(peer: number, source: number, owesEndOfRib: boolean) {
    this.peer = peer;
    this.source = source;
    this.owesEndOfRib = owesEndOfRib;
  }
}
