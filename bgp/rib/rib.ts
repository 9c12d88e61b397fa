/**
 * Adj-RIB-In and Loc-RIB: paths come and go, prefixes are marked, and marked prefixes are decided
 * later, some at a time, so that ten peers announcing one prefix cost one decision.
 *
 * Whoever holds an attribute id holds a reference: a path for what was received and for what import
 * made of it, a prefix for what was chosen.
 */

import { PrefixTable } from 'net-ipaddr';
import type { Random } from '../../ports.ts';
import { AttributeStore, NO_ATTRIBUTES } from './attributes.ts';
import type { HashKey } from './hash.ts';
import { IdSet } from './id-set.ts';
import type { NextHops } from './nexthops.ts';
import { NO_PATH, Paths } from './paths.ts';
import { Routes } from './routes.ts';
import { Selection } from './select.ts';
import { LOCAL_SOURCE, Sources } from './sources.ts';

/**
 * Paths to one prefix that one source may give (RFC 7911). They are a list that is walked: without an
 * end, one peer could make every UPDATE slow.
 */
export const MAX_PATHS_OF_SOURCE = 256;

export class Rib {
  readonly prefixes: PrefixTable;
  readonly attributes: AttributeStore;
  readonly nextHops: NextHops;
  readonly sources = new Sources();
  readonly paths = new Paths();
  readonly routes = new Routes();
  readonly selection: Selection;
  /** Where in the array of the last `decide` the prefixes begin whose route stayed as it was. */
  unchangedFrom = 0;
  /** Prefixes to decide again. */
  readonly #marked = new IdSet();
  /**
   * Paths are sent with their numbers (RFC 7911). Then a cell whose path is gone stays with its prefix,
   * empty, for the prefix's next path or until nobody refers to the number any more.
   */
  keepsNumbers = false;
  /** Cells that became empty so, and are not looked at yet. */
  readonly emptied = new IdSet();
  /** Prefixes that were left without a path, and may be forgotten when nobody refers to them. */
  readonly buried = new IdSet();

  constructor(random: Random, nextHops: NextHops) {
    this.prefixes = new PrefixTable(randomWord(random));
    this.nextHops = nextHops;
    this.attributes = new AttributeStore(randomKey(random), nextHops);
    this.selection = new Selection(this.paths, this.attributes, nextHops, this.sources);
  }

  /** Prefixes that wait for `decide`. */
  get marked(): number {
    return this.#marked.size;
  }

  mark(prefix: number): void {
    this.#marked.add(prefix);
  }

  isMarked(prefix: number): boolean {
    return this.#marked.has(prefix);
  }

  /** The path of this source and path id, or NO_PATH. */
  find(prefix: number, source: number, pathId: number): number {
    if (prefix >= this.routes.top) return NO_PATH;
    let path = this.routes.head(prefix);
    while (path !== NO_PATH && !this.#isOf(path, source, pathId)) path = this.paths.next(path);
    return path;
  }

  /**
   * A path comes, or takes the place of the one that its source gave before. False: it was not taken,
   * since the source gave MAX_PATHS_OF_SOURCE of this prefix already.
   * @param imported what import made of `received`; NO_ATTRIBUTES: rejected
   */
  announce(
    prefix: number,
    source: number,
    pathId: number,
    received: number,
    imported: number,
  ): boolean {
    const { attributes, paths, routes, sources } = this;
    routes.reach(prefix);
    const path = this.find(prefix, source, pathId);
    // Path id 0 is what peers without ADD-PATH give: of those there is one.
    if (path === NO_PATH && pathId !== 0 && this.#count(prefix, source) === MAX_PATHS_OF_SOURCE)
      return false;
    attributes.retain(received);
    if (imported !== NO_ATTRIBUTES) {
      attributes.retain(imported);
      sources.accepted[source]!++;
    }
    const family = this.prefixes.family(prefix);
    const generation = sources.generation(source, family);
    if (path === NO_PATH) {
      const added = this.#add(prefix, source, pathId, received, imported);
      paths.setGeneration(added, generation);
      sources.received[source]!++;
      sources.held[family][source]!++;
      if (imported !== NO_ATTRIBUTES) this.mark(prefix);
      return true;
    }
    const before = paths.imported(path);
    const receivedBefore = paths.received(path);
    paths.setAttributes(path, received, imported);
    if (paths.generation(path) !== generation) {
      paths.setGeneration(path, generation);
      sources.stale[family][source]!--;
    }
    attributes.release(receivedBefore);
    if (before !== imported) this.mark(prefix);
    if (before === NO_ATTRIBUTES) return true;
    attributes.release(before);
    sources.accepted[source]!--;
    return true;
  }

  /** How many paths to the prefix the source gave. */
  #count(prefix: number, source: number): number {
    let count = 0;
    for (let path = this.routes.head(prefix); path !== NO_PATH; path = this.paths.next(path)) {
      if (this.paths.source(path) === source) count++;
    }
    return count;
  }

  /** Whether its source has begun to tell all again since the path came: see stale.ts. */
  isStale(path: number): boolean {
    const { paths, prefixes, sources } = this;
    const family = prefixes.family(paths.prefix(path));
    return paths.generation(path) !== sources.generation(paths.source(path), family);
  }

  /** A path goes; does nothing when there is none. */
  withdraw(prefix: number, source: number, pathId: number): void {
    const path = this.find(prefix, source, pathId);
    if (path !== NO_PATH) this.remove(path);
  }

  remove(path: number): void {
    const { attributes, paths, prefixes, routes, sources } = this;
    const prefix = paths.prefix(path);
    const source = paths.source(path);
    const family = prefixes.family(prefix);
    if (this.isStale(path)) sources.stale[family][source]!--;
    sources.held[family][source]!--;
    if (routes.best(prefix) === path) routes.setBest(prefix, NO_PATH);
    const imported = paths.imported(path);
    attributes.release(paths.received(path));
    attributes.release(imported);
    paths.empty(path);
    if (this.keepsNumbers) this.emptied.add(path);
    else this.#free(path);
    sources.received[source]!--;
    if (imported !== NO_ATTRIBUTES) sources.accepted[source]!--;
    // Also when the path could not be chosen: its prefix may have to be forgotten.
    this.mark(prefix);
  }

  /** Import judged the path anew. */
  reimport(path: number, imported: number): void {
    const { attributes, paths, sources } = this;
    const before = paths.imported(path);
    if (before === imported) return;
    const source = paths.source(path);
    if (imported !== NO_ATTRIBUTES) {
      attributes.retain(imported);
      sources.accepted[source]!++;
    }
    paths.setAttributes(path, paths.received(path), imported);
    if (before !== NO_ATTRIBUTES) sources.accepted[source]!--;
    attributes.release(before);
    this.mark(paths.prefix(path));
  }

  /**
   * Decides up to `out.length` marked prefixes and writes to the front of `out` those whose route is
   * another one now, to its end the others. How many the former are.
   */
  decide(out: Uint32Array): number {
    let changed = 0;
    this.unchangedFrom = out.length;
    for (let i = 0; i < out.length; i++) {
      const prefix = this.#marked.take();
      if (prefix < 0) break;
      if (this.#choose(prefix)) out[changed++] = prefix;
      else out[--this.unchangedFrom] = prefix;
    }
    return changed;
  }

  /** Gives an empty cell back; the caller knows that nobody refers to its number. */
  forgetPath(path: number): void {
    const prefix = this.paths.prefix(path);
    this.#free(path);
    // Its prefix may have to be forgotten, too.
    this.mark(prefix);
  }

  /** Forgets a prefix that has no path; the caller knows that nobody else refers to its id. */
  forget(prefix: number): void {
    this.prefixes.release(prefix);
  }

  #choose(prefix: number): boolean {
    const { attributes, paths, routes, sources, selection } = this;
    const head = routes.head(prefix);
    const best = selection.select(head, routes.best(prefix));
    const chosen = best === NO_PATH ? NO_ATTRIBUTES : paths.imported(best);
    const source = best === NO_PATH ? LOCAL_SOURCE : paths.source(best);
    routes.setBest(prefix, best);
    if (head === NO_PATH) this.buried.add(prefix);
    const before = routes.attributes(prefix);
    const sourceBefore = routes.source(prefix);
    const isSame =
      chosen === before &&
      source === sourceBefore &&
      selection.multipathMark === routes.multipath(prefix);
    if (isSame) return false;
    if (chosen !== NO_ATTRIBUTES) {
      attributes.retain(chosen);
      sources.chosen[source]!++;
    }
    if (before !== NO_ATTRIBUTES) sources.chosen[sourceBefore]!--;
    attributes.release(before);
    routes.setChoice(prefix, chosen, source, selection.multipathMark);
    return true;
  }

  #isOf(path: number, source: number, pathId: number): boolean {
    const { paths } = this;
    return paths.source(path) === source && paths.pathId(path) === pathId && paths.isUsed(path);
  }

  #add(prefix: number, source: number, pathId: number, received: number, imported: number): number {
    const { paths, routes } = this;
    const empty = this.keepsNumbers ? this.#emptyCell(prefix) : NO_PATH;
    if (empty !== NO_PATH) {
      paths.fill(empty, source, pathId, received, imported);
      this.emptied.delete(empty);
      return empty;
    }
    const added = paths.add(prefix, source, pathId, received, imported);
    paths.setNext(added, routes.head(prefix));
    routes.setHead(prefix, added);
    return added;
  }

  #emptyCell(prefix: number): number {
    let path = this.routes.head(prefix);
    while (path !== NO_PATH && this.paths.isUsed(path)) path = this.paths.next(path);
    return path;
  }

  #free(path: number): void {
    this.#unlink(this.paths.prefix(path), path);
    this.paths.free(path);
  }

  #unlink(prefix: number, path: number): void {
    const next = this.paths.next(path);
    let before = this.routes.head(prefix);
    if (before === path) {
      this.routes.setHead(prefix, next);
      return;
    }
    while (this.paths.next(before) !== path) before = this.paths.next(before);
    this.paths.setNext(before, next);
  }
}

export function randomKey(random: Random): HashKey {
  return { k0: randomWord(random), k1: randomWord(random) };
}

function randomWord(random: Random): number {
  return Math.floor(random() * 2 ** 32) | 0;
}
