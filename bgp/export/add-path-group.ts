/**
 * An update group whose peers take several paths of a prefix (RFC 7911): an NLRI is a path, by the
 * number of its cell in `Paths`, which is its path identifier too. A path keeps its cell whatever
 * becomes of others, so that nothing else changes its identifier; and a cell whose path is gone stays
 * with its prefix until nothing here refers to it (see Rib), so that a withdraw finds what to name.
 *
 * Peers are told the paths that could be chosen, not only those that are equal to the best: what is
 * equal at a reflector need not be so where its client stands, and a next best path is at hand
 * when the best one goes. Of more than MAX_PATHS the best are told, those for multipath before others.
 */

import type { Paths } from '../rib/paths.ts';
import { NO_PATH } from '../rib/paths.ts';
import { NO_BLOCK } from './blocks.ts';
import { Group } from './group.ts';

/** Of a prefix. As many go and come in one batch at most, and each for two audiences: see Batch. */
export const MAX_PATHS = 16;

export class AddPathGroup extends Group {
  /** Paths of the prefix at hand that may be announced, the first `#count` cells, and their blocks. */
  #candidates = new Uint32Array(MAX_PATHS);
  #blocks = new Uint32Array(MAX_PATHS);
  #count = 0;

  override mentions(prefix: number): boolean {
    return this.pending.has(prefix);
  }

  override mentionsPath(path: number): boolean {
    return this.knows(path);
  }

  protected override get paths(): Paths {
    return this.rib.paths;
  }

  protected override nlriOf(prefix: number): number {
    return this.rib.routes.best(prefix);
  }

  protected override update(prefix: number): void {
    const { paths, routes } = this.rib;
    this.#collect(prefix);
    if (this.#count > MAX_PATHS) this.#keepBest(prefix);
    for (let path = routes.head(prefix); path !== NO_PATH; path = paths.next(path)) {
      if (!this.#isCandidate(path)) this.bring(path, NO_BLOCK, 0);
    }
    for (let i = 0; i < this.#count; i++) {
      const path = this.#candidates[i]!;
      this.bring(path, this.#blocks[i]!, paths.source(path));
    }
  }

  #collect(prefix: number): void {
    const { paths, routes } = this.rib;
    this.#count = 0;
    for (let path = routes.head(prefix); path !== NO_PATH; path = paths.next(path)) {
      const block = this.exporter.pathBlock(path);
      if (block === NO_BLOCK) continue;
      if (this.#count === this.#candidates.length) this.#grow();
      this.#candidates[this.#count] = path;
      this.#blocks[this.#count++] = block;
    }
  }

  #isCandidate(path: number): boolean {
    for (let i = 0; i < this.#count; i++) if (this.#candidates[i] === path) return true;
    return false;
  }

  /** Brings the best MAX_PATHS to the front and forgets the others. */
  #keepBest(prefix: number): void {
    const { routes, selection } = this.rib;
    const best = selection.select(routes.head(prefix), routes.best(prefix));
    for (let kept = 0; kept < MAX_PATHS; kept++) {
      let next = kept;
      for (let i = kept + 1; i < this.#count; i++) {
        if (this.#comesBefore(this.#candidates[i]!, this.#candidates[next]!, best)) next = i;
      }
      swap(this.#candidates, kept, next);
      swap(this.#blocks, kept, next);
    }
    this.#count = MAX_PATHS;
  }

  #comesBefore(a: number, b: number, best: number): boolean {
    const { selection } = this.rib;
    if (a === best || b === best) return a === best;
    if (selection.isEqual(a) !== selection.isEqual(b)) return selection.isEqual(a);
    const ranks = selection.rank(a) - selection.rank(b);
    return ranks < 0 || (ranks === 0 && a < b);
  }

  #grow(): void {
    const length = this.#candidates.length * 2;
    const candidates = new Uint32Array(length);
    const blocks = new Uint32Array(length);
    candidates.set(this.#candidates);
    blocks.set(this.#blocks);
    this.#candidates = candidates;
    this.#blocks = blocks;
  }
}

function swap(array: Uint32Array, a: number, b: number): void {
  const held = array[a]!;
  array[a] = array[b]!;
  array[b] = held;
}
