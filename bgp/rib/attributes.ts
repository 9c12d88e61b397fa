/**
 * The attribute store: one copy of each distinct set of path attributes, as the canonical bytes of
 * bgp-parser-ts, and beside it what the decision process reads of it, decoded once.
 *
 *   id ──▶ ByteStore: bytes, references
 *     └──▶ page (4096 ids)
 *          rank          float64  long-lived stale, local preference, AS path length, origin in one number
 *          med, neighborAs, originatorId, nextHop   uint32
 *          clusterListLength   uint16
 */

import { AttributeView } from 'bgp-parser-ts';
import { resolvedHop } from '../resolved-hop.ts';
import { ByteStore, PAGE_BITS, PAGE_MASK, PAGE_SIZE } from './byte-store.ts';
import type { HashKey } from './hash.ts';
import { type NextHops, NO_NEXT_HOP } from './nexthops.ts';
import { rankOf } from './scores.ts';

/** No set: import rejected it, or nothing was sent. */
export const NO_ATTRIBUTES = 0;

interface Page {
  readonly rank: Float64Array;
  readonly med: Uint32Array;
  readonly neighborAs: Uint32Array;
  readonly originatorId: Uint32Array;
  readonly nextHop: Uint32Array;
  readonly clusterListLength: Uint16Array;
}

export class AttributeStore extends ByteStore {
  readonly #nextHops: NextHops;
  readonly #pages: Page[] = [];
  readonly #view = new AttributeView();
  /** Whose string the view shows: its serial. */
  #viewed = 0;

  constructor(key: HashKey, nextHops: NextHops) {
    super(key);
    this.#nextHops = nextHops;
  }

  /** The set, to be read in place. One view for all: good until the next call of any method here. */
  view(id: number): AttributeView {
    // Import, the decision process and export ask for a set one after the other.
    const serial = this.serial(id);
    if (serial === this.#viewed) return this.#view;
    this.#viewed = serial;
    const start = this.start(id);
    this.#view.load(this.bytes(id), start, start + this.length(id));
    return this.#view;
  }

  /** Local preference, AS path length and origin, lower is better: see rankOf. */
  rank(id: number): number {
    return this.#pages[id >>> PAGE_BITS]!.rank[id & PAGE_MASK]!;
  }

  med(id: number): number {
    return this.#pages[id >>> PAGE_BITS]!.med[id & PAGE_MASK]!;
  }

  /** 0 for an empty AS path, UNKNOWN_AS for one that begins with a set. */
  neighborAs(id: number): number {
    return this.#pages[id >>> PAGE_BITS]!.neighborAs[id & PAGE_MASK]!;
  }

  /** 0: the set has no ORIGINATOR_ID. */
  originatorId(id: number): number {
    return this.#pages[id >>> PAGE_BITS]!.originatorId[id & PAGE_MASK]!;
  }

  clusterListLength(id: number): number {
    return this.#pages[id >>> PAGE_BITS]!.clusterListLength[id & PAGE_MASK]!;
  }

  /** Id in NextHops. */
  nextHop(id: number): number {
    return this.#pages[id >>> PAGE_BITS]!.nextHop[id & PAGE_MASK]!;
  }

  /** The interface that the next hop is reached by, where that is known. */
  interfaceOf(id: number): string | undefined {
    return this.#nextHops.interfaceOf(this.nextHop(id));
  }

  protected override onInsert(id: number): void {
    if (id >>> PAGE_BITS === this.#pages.length) this.#pages.push(newPage());
    const page = this.#pages[id >>> PAGE_BITS]!;
    const at = id & PAGE_MASK;
    const view = this.view(id);
    page.rank[at] = rankOf(view);
    page.med[at] = view.med;
    page.neighborAs[at] = view.firstAs; // AS_NONE (-1) becomes UNKNOWN_AS
    page.originatorId[at] = view.originatorId;
    page.clusterListLength[at] = view.clusterListLength;
    page.nextHop[at] = this.#useNextHop(view);
  }

  protected override onFree(id: number): void {
    this.#nextHops.release(this.nextHop(id));
  }

  #useNextHop(view: AttributeView): number {
    const { nextHopLength } = view;
    if (nextHopLength <= 0) return NO_NEXT_HOP;
    return this.#nextHops.use(view.bytes, resolvedHop(view), nextHopLength === 4 ? 4 : 16);
  }
}

function newPage(): Page {
  return {
    rank: new Float64Array(PAGE_SIZE),
    med: new Uint32Array(PAGE_SIZE),
    neighborAs: new Uint32Array(PAGE_SIZE),
    originatorId: new Uint32Array(PAGE_SIZE),
    nextHop: new Uint32Array(PAGE_SIZE),
    clusterListLength: new Uint16Array(PAGE_SIZE),
  };
}
