/**
 * Adj-RIB-In of all peers in one struct of arrays, a path a cell:
 *
 *   segment (16,384 paths)
 *     prefix    uint32   prefix id
 *     next      uint32   the next path of the same prefix, or the next free one; 0: none
 *     received  uint32   attribute id as received; 0: the cell is free, or its path is gone
 *     imported  uint32   attribute id after import; 0: import rejected it
 *     source    uint16
 *     generation  uint8  of its source when the path came, or came again: see Sources
 *     pathId    uint32   RFC 7911; without any in the segment all segments share one array of zeros
 *
 * Growing adds a segment: nothing is copied. Path 0 is never used, so that 0 can mean none.
 */

const SEGMENT_BITS = 14;
const SEGMENT_SIZE = 1 << SEGMENT_BITS;
const MASK = SEGMENT_SIZE - 1;

interface Segment {
  readonly prefix: Uint32Array;
  readonly next: Uint32Array;
  readonly received: Uint32Array;
  readonly imported: Uint32Array;
  readonly source: Uint16Array;
  readonly generation: Uint8Array;
  pathId: Uint32Array;
}

const NO_PATH_IDS = new Uint32Array(SEGMENT_SIZE);

export const NO_PATH = 0;

export class Paths {
  readonly #segments: Segment[] = [];
  #top = 1;
  #freeHead = NO_PATH;

  /** One more than the highest path there ever was. */
  get top(): number {
    return this.#top;
  }

  /** A new path, to be linked by the caller. */
  add(prefix: number, source: number, pathId: number, received: number, imported: number): number {
    let path = this.#freeHead;
    if (path !== NO_PATH) {
      this.#freeHead = this.next(path);
    } else {
      path = this.#top++;
      if (path >>> SEGMENT_BITS === this.#segments.length) this.#segments.push(newSegment());
    }
    const segment = this.#segments[path >>> SEGMENT_BITS]!;
    segment.prefix[path & MASK] = prefix;
    segment.next[path & MASK] = NO_PATH;
    this.fill(path, source, pathId, received, imported);
    return path;
  }

  /** Puts another path into the cell of one, for the same prefix. */
  fill(path: number, source: number, pathId: number, received: number, imported: number): void {
    const segment = this.#segments[path >>> SEGMENT_BITS]!;
    const at = path & MASK;
    segment.received[at] = received;
    segment.imported[at] = imported;
    segment.source[at] = source;
    if (segment.pathId[at] !== pathId) {
      if (segment.pathId === NO_PATH_IDS) segment.pathId = new Uint32Array(SEGMENT_SIZE);
      segment.pathId[at] = pathId;
    }
  }

  /** Leaves the cell where it is in its prefix's list, without a path. */
  empty(path: number): void {
    this.setAttributes(path, 0, 0);
  }

  /** Frees an unlinked path. */
  free(path: number): void {
    const segment = this.#segments[path >>> SEGMENT_BITS]!;
    segment.received[path & MASK] = 0;
    segment.next[path & MASK] = this.#freeHead;
    this.#freeHead = path;
  }

  /** False for a cell that is free or empty. */
  isUsed(path: number): boolean {
    return this.#segments[path >>> SEGMENT_BITS]!.received[path & MASK] !== 0;
  }

  prefix(path: number): number {
    return this.#segments[path >>> SEGMENT_BITS]!.prefix[path & MASK]!;
  }

  next(path: number): number {
    return this.#segments[path >>> SEGMENT_BITS]!.next[path & MASK]!;
  }

  setNext(path: number, next: number): void {
    this.#segments[path >>> SEGMENT_BITS]!.next[path & MASK] = next;
  }

  received(path: number): number {
    return this.#segments[path >>> SEGMENT_BITS]!.received[path & MASK]!;
  }

  imported(path: number): number {
    return this.#segments[path >>> SEGMENT_BITS]!.imported[path & MASK]!;
  }

  setAttributes(path: number, received: number, imported: number): void {
    const segment = this.#segments[path >>> SEGMENT_BITS]!;
    segment.received[path & MASK] = received;
    segment.imported[path & MASK] = imported;
  }

  source(path: number): number {
    return this.#segments[path >>> SEGMENT_BITS]!.source[path & MASK]!;
  }

  generation(path: number): number {
    return this.#segments[path >>> SEGMENT_BITS]!.generation[path & MASK]!;
  }

  setGeneration(path: number, generation: number): void {
    this.#segments[path >>> SEGMENT_BITS]!.generation[path & MASK] = generation;
  }

  pathId(path: number): number {
    return this.#segments[path >>> SEGMENT_BITS]!.pathId[path & MASK]!;
  }
}

function newSegment(): Segment {
  return {
    prefix: new Uint32Array(SEGMENT_SIZE),
    next: new Uint32Array(SEGMENT_SIZE),
    received: new Uint32Array(SEGMENT_SIZE),
    imported: new Uint32Array(SEGMENT_SIZE),
    source: new Uint16Array(SEGMENT_SIZE),
    generation: new Uint8Array(SEGMENT_SIZE),
    pathId: NO_PATH_IDS,
  };
}
