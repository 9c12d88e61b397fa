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
  /** Messages that enclose the sweep: End-of-RIB (RFC 4724) after it, or the marks of RFC 7313 around it. */
  before: Uint8Array | undefined;
  after: Uint8Array | undefined;
  /** The peer asked for all of it again, with RFC 7313 or without, during a sweep: that one is ended first. */
  refreshDue: 'marked' | 'plain' | undefined;

  /** In step: number of the ring's chunk, the span in it, and the position in its bytes. */
  chunk = 0;
  span = 0;
  at = 0;
  /** The last chunk that something was taken from; -1: none yet. */
  tookFrom = -1;

  constructor(peer: number, source: number, after: Uint8Array | undefined) {
    this.peer = peer;
    this.source = source;
    this.after = after;
  }
}
