/**
 * The decision process in numbers: which path of a prefix is best. The same choice as decision.ts
 * makes row by row, without an object a path.
 *
 *   paths ──▶ usable ones in a scratch array ──▶ each step keeps the lowest, in place
 *             [ p0 p1 p2 … ]                     [ p0 p2 | … ]  `equal` of them after the interior cost
 */

import type { AttributeStore } from './attributes.ts';
import { compareBytes } from './decision.ts';
import type { NextHops } from './nexthops.ts';
import { NO_PATH, type Paths } from './paths.ts';
import { UNKNOWN_AS } from './scores.ts';
import { EXTERNAL, LOCAL, type Sources } from './sources.ts';

const { imul } = Math;

/** At least as much as any rank: taken off, it puts what is originated here before all that is learned. */
const LOCAL_ADVANTAGE = 2 ** 51;

export class Selection {
  readonly #paths: Paths;
  readonly #attributes: AttributeStore;
  readonly #nextHops: NextHops;
  readonly #sources: Sources;
  #left = new Uint32Array(64);
  /** How many paths are equal to the best up to the interior cost, the best among them. */
  equal = 0;
  /** Changes when the next hops of those paths change. 0: there are no two. */
  multipathMark = 0;
  /** Lowest MED by neighbouring AS, open addressing; a slot counts if its stamp is this round's. */
  #medAs = new Float64Array(128);
  #medLowest = new Float64Array(128);
  #medStamp = new Uint32Array(128);
  #medRound = 0;

  constructor(paths: Paths, attributes: AttributeStore, nextHops: NextHops, sources: Sources) {
    this.#paths = paths;
    this.#attributes = attributes;
    this.#nextHops = nextHops;
    this.#sources = sources;
  }

  /** The i-th of the `equal` paths, in no order. */
  equalPath(i: number): number {
    return this.#left[i]!;
  }

  /** Whether the path is among those. */
  isEqual(path: number): boolean {
    for (let i = 0; i < this.equal; i++) if (this.#left[i] === path) return true;
    return false;
  }

  /** Whether the path may be chosen: accepted by import, its session up, its next hop reachable. */
  isUsable(path: number): boolean {
    const attributes = this.#paths.imported(path);
    return (
      attributes !== 0 &&
      this.#sources.isLive(this.#paths.source(path)) &&
      this.#nextHops.isReachable(this.#attributes.nextHop(attributes))
    );
  }

  /**
   * The best of the list that begins with `head`, or NO_PATH.
   * @param current the best until now, NO_PATH if there was none: see RFC 5004
   */
  select(head: number, current: number): number {
    let count = 0;
    for (let path = head; path !== NO_PATH; path = this.#paths.next(path)) {
      if (!this.isUsable(path)) continue;
      if (count === this.#left.length) this.#left = grown(this.#left);
      this.#left[count++] = path;
    }
    this.equal = count;
    this.multipathMark = 0;
    if (count === 0) return NO_PATH;
    if (count === 1) return this.#left[0]!;
    this.equal = count = this.#preferences(count);
    if (count > 1) {
      this.#markMultipath(count);
      return this.#breakTie(count, current);
    }
    return this.#left[0]!;
  }

  /** Keeps what is equal up to the interior cost, at the front. How many. */
  #preferences(usable: number): number {
    let count = this.#keepLowest(usable, this.rank);
    if (count > 1) count = this.#keepLowestMed(count);
    if (count > 1) count = this.#keepLowest(count, this.#kind);
    if (count > 1) count = this.#keepLowest(count, this.#cost);
    return count;
  }

  #keepLowest(count: number, score: (path: number) => number): number {
    const left = this.#left;
    let lowest = score(left[0]!);
    let kept = 1;
    for (let i = 1; i < count; i++) {
      const path = left[i]!;
      const value = score(path);
      if (value > lowest) continue;
      if (value < lowest) {
        lowest = value;
        kept = 0;
      }
      left[kept++] = path;
    }
    return kept;
  }

  /** Of a usable path, lower is better: what is originated here, local preference, AS path length, origin. */
  readonly rank = (path: number): number => {
    const rank = this.#attributes.rank(this.#paths.imported(path));
    return this.#sources.kind(this.#paths.source(path)) === LOCAL ? rank - LOCAL_ADVANTAGE : rank;
  };

  /** EXTERNAL or not: clients of a reflector and other internal peers are the same here. */
  readonly #kind = (path: number): number => {
    const kind = this.#sources.kind(this.#paths.source(path));
    return kind <= EXTERNAL ? kind : EXTERNAL + 1;
  };

  readonly #cost = (path: number): number =>
    this.#nextHops.cost(this.#attributes.nextHop(this.#paths.imported(path)));

  /** RFC 4271 §9.1.2.2 c): within each neighbouring AS the lowest MED, in two passes. */
  #keepLowestMed(count: number): number {
    const left = this.#left;
    this.#startMedRound(count);
    for (let i = 0; i < count; i++) {
      const attributes = this.#paths.imported(left[i]!);
      const med = this.#attributes.med(attributes);
      const slot = this.#medSlot(this.#attributes.neighborAs(attributes));
      if (med < this.#medLowest[slot]!) this.#medLowest[slot] = med;
    }
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const path = left[i]!;
      const attributes = this.#paths.imported(path);
      const as = this.#attributes.neighborAs(attributes);
      const isLowest =
        as === UNKNOWN_AS ||
        this.#attributes.med(attributes) === this.#medLowest[this.#medSlot(as)];
      if (isLowest) left[kept++] = path;
    }
    return kept;
  }

  #startMedRound(count: number): void {
    if (this.#medAs.length < 2 * count) {
      const length = 2 ** Math.ceil(Math.log2(2 * count));
      this.#medAs = new Float64Array(length);
      this.#medLowest = new Float64Array(length);
      this.#medStamp = new Uint32Array(length);
      this.#medRound = 0;
    }
    this.#medRound = (this.#medRound + 1) >>> 0;
    if (this.#medRound !== 0) return;
    this.#medStamp.fill(0);
    this.#medRound = 1;
  }

  #medSlot(as: number): number {
    const mask = this.#medAs.length - 1;
    let slot = (imul(as, 0x9e3779b1) >>> 16) & mask;
    while (this.#medStamp[slot] === this.#medRound) {
      if (this.#medAs[slot] === as) return slot;
      slot = (slot + 1) & mask;
    }
    this.#medStamp[slot] = this.#medRound;
    this.#medAs[slot] = as;
    this.#medLowest[slot] = Number.POSITIVE_INFINITY;
    return slot;
  }

  /** A sum, so that the order of the list doesn't matter. */
  #markMultipath(count: number): void {
    let mark = 1;
    for (let i = 0; i < count; i++) {
      const hop = this.#attributes.nextHop(this.#paths.imported(this.#left[i]!));
      const mixed = imul(hop ^ (hop >>> 15), 0x85ebca6b);
      mark = (mark + (mixed ^ (mixed >>> 13))) | 0;
    }
    this.multipathMark = mark >>> 0 || 1;
  }

  /** The one of the first `count` that wins the remaining steps; leaves the array as it is. */
  #breakTie(count: number, current: number): number {
    const stays = this.#existingExternal(count, current);
    let best = stays !== NO_PATH ? stays : this.#left[0]!;
    for (let i = 0; i < count; i++) {
      const path = this.#left[i]!;
      // RFC 5004: against the existing external path only a parallel session of its router counts.
      if (stays !== NO_PATH && this.#routerId(path) !== this.#routerId(stays)) continue;
      if (path !== best && this.#compareTie(path, best) < 0) best = path;
    }
    return best;
  }

  #existingExternal(count: number, current: number): number {
    if (current === NO_PATH) return NO_PATH;
    for (let i = 0; i < count; i++) {
      if (this.#left[i] !== current) continue;
      const isExternal = this.#sources.kind(this.#paths.source(current)) === EXTERNAL;
      return isExternal ? current : NO_PATH;
    }
    return NO_PATH;
  }

  #routerId(path: number): number {
    return (
      this.#attributes.originatorId(this.#paths.imported(path)) ||
      this.#sources.routerId(this.#paths.source(path))
    );
  }

  #compareTie(a: number, b: number): number {
    const attributesA = this.#paths.imported(a);
    const attributesB = this.#paths.imported(b);
    const sourceA = this.#paths.source(a);
    const sourceB = this.#paths.source(b);
    return (
      this.#routerId(a) - this.#routerId(b) ||
      this.#attributes.clusterListLength(attributesA) -
        this.#attributes.clusterListLength(attributesB) ||
      compareBytes(this.#sources.address(sourceA), this.#sources.address(sourceB)) ||
      this.#paths.pathId(a) - this.#paths.pathId(b)
    );
  }
}

function grown(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
