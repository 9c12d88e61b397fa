/**
 * Adj-RIB-Out of a group: per NLRI (a prefix, or a path: see batch.ts) what was last sent, and whose
 * path that was.
 *
 *   segment (4,096 NLRIs): block uint32 (0: nothing), source uint16; made when first written to
 */

import type { IdSet } from '../rib/id-set.ts';
import { type Blocks, NO_BLOCK } from './blocks.ts';

const SEGMENT_BITS = 12;
const SEGMENT_SIZE = 1 << SEGMENT_BITS;
const MASK = SEGMENT_SIZE - 1;

interface Segment {
  readonly block: Uint32Array;
  readonly source: Uint16Array;
}

export class AdjRibOut {
  readonly #blocks: Blocks;
  readonly #segments: (Segment | undefined)[] = [];
  #size = 0;
  readonly #bySource: number[] = [];

  constructor(blocks: Blocks) {
    this.#blocks = blocks;
  }

  /** NLRIs announced. */
  get size(): number {
    return this.#size;
  }

  /** Ids from here on are not announced. */
  get top(): number {
    return this.#segments.length * SEGMENT_SIZE;
  }

  /** How many of them are paths of this source. */
  countOf(source: number): number {
    return this.#bySource[source] ?? 0;
  }

  block(nlri: number): number {
    return this.#segments[nlri >>> SEGMENT_BITS]?.block[nlri & MASK] ?? NO_BLOCK;
  }

  /** Means nothing where nothing is announced. */
  source(nlri: number): number {
    return this.#segments[nlri >>> SEGMENT_BITS]?.source[nlri & MASK] ?? 0;
  }

  set(nlri: number, block: number, source: number): void {
    const index = nlri >>> SEGMENT_BITS;
    const segment = this.#segments[index] ?? this.#add(index);
    const at = nlri & MASK;
    const before = segment.block[at]!;
    if (before !== NO_BLOCK) this.#count(segment.source[at]!, -1);
    if (block !== NO_BLOCK) {
      this.#blocks.retain(block);
      this.#count(source, 1);
    }
    this.#blocks.release(before);
    segment.block[at] = block;
    segment.source[at] = source;
  }

  /** The first id from `nlri` on that may be announced: jumps over what was never written to. */
  skipEmpty(nlri: number): number {
    let index = nlri >>> SEGMENT_BITS;
    if (this.#segments[index] !== undefined) return nlri;
    while (index < this.#segments.length && this.#segments[index] === undefined) index++;
    return index << SEGMENT_BITS;
  }

  /** Adds to `into` all that is announced but the paths of `source`: a million in some milliseconds. */
  addAllBut(source: number, into: IdSet): void {
    for (let index = 0; index < this.#segments.length; index++) {
      const segment = this.#segments[index];
      if (segment === undefined) continue;
      for (let at = 0; at < SEGMENT_SIZE; at += 32) {
        let bits = 0;
        for (let i = 0; i < 32; i++) {
          const isHeld = segment.block[at + i] !== NO_BLOCK && segment.source[at + i] !== source;
          if (isHeld) bits |= 1 << i;
        }
        into.addWord((index * SEGMENT_SIZE + at) >>> 5, bits);
      }
    }
  }

  /** Gives up what the last segment holds, so that the whole can go in steps. False: nothing is left. */
  dropSegment(): boolean {
    const segment = this.#segments.pop();
    if (segment !== undefined) for (const block of segment.block) this.#blocks.release(block);
    return this.#segments.length > 0;
  }

  #count(source: number, change: number): void {
    this.#size += change;
    this.#bySource[source] = this.countOf(source) + change;
  }

  #add(index: number): Segment {
    while (this.#segments.length < index) this.#segments.push(undefined);
    const segment = {
      block: new Uint32Array(SEGMENT_SIZE),
      source: new Uint16Array(SEGMENT_SIZE),
    };
    this.#segments[index] = segment;
    return segment;
  }
}
