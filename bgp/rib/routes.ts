/**
 * What is known of each prefix, by prefix id:
 *
 *   segment (4,096 prefixes)
 *     head        uint32   first path of the prefix's list; 0: none
 *     best        uint32   the path that was chosen; 0: none, or it was removed since
 *     attributes  uint32   what the choice was made of and told to others: attribute id; 0: no route
 *     source      uint16   … and its source
 *     multipath   uint32   Selection.multipathMark of the choice
 */

const SEGMENT_BITS = 12;
const SEGMENT_SIZE = 1 << SEGMENT_BITS;
const MASK = SEGMENT_SIZE - 1;

interface Segment {
  readonly head: Uint32Array;
  readonly best: Uint32Array;
  readonly attributes: Uint32Array;
  readonly source: Uint16Array;
  readonly multipath: Uint32Array;
}

export class Routes {
  readonly #segments: Segment[] = [];

  /** Ids from here on were never used. */
  get top(): number {
    return this.#segments.length * SEGMENT_SIZE;
  }

  /** Makes room for a prefix id; ids grow by one at most. */
  reach(prefix: number): void {
    while (prefix >= this.top) this.#segments.push(newSegment());
  }

  head(prefix: number): number {
    return this.#segments[prefix >>> SEGMENT_BITS]!.head[prefix & MASK]!;
  }

  setHead(prefix: number, path: number): void {
    this.#segments[prefix >>> SEGMENT_BITS]!.head[prefix & MASK] = path;
  }

  best(prefix: number): number {
    return this.#segments[prefix >>> SEGMENT_BITS]!.best[prefix & MASK]!;
  }

  setBest(prefix: number, path: number): void {
    this.#segments[prefix >>> SEGMENT_BITS]!.best[prefix & MASK] = path;
  }

  attributes(prefix: number): number {
    return this.#segments[prefix >>> SEGMENT_BITS]!.attributes[prefix & MASK]!;
  }

  source(prefix: number): number {
    return this.#segments[prefix >>> SEGMENT_BITS]!.source[prefix & MASK]!;
  }

  multipath(prefix: number): number {
    return this.#segments[prefix >>> SEGMENT_BITS]!.multipath[prefix & MASK]!;
  }

  setChoice(prefix: number, attributes: number, source: number, multipath: number): void {
    const segment = this.#segments[prefix >>> SEGMENT_BITS]!;
    segment.attributes[prefix & MASK] = attributes;
    segment.source[prefix & MASK] = source;
    segment.multipath[prefix & MASK] = multipath;
  }
}

function newSegment(): Segment {
  return {
    head: new Uint32Array(SEGMENT_SIZE),
    best: new Uint32Array(SEGMENT_SIZE),
    attributes: new Uint32Array(SEGMENT_SIZE),
    source: new Uint16Array(SEGMENT_SIZE),
    multipath: new Uint32Array(SEGMENT_SIZE),
  };
}
