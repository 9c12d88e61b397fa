/**
 * Stale paths: their source tells all of a family again, and has not come to them yet. It said so
 * (RFC 7313), or its session ended gracefully (RFC 4724 §4.2).
 *
 * Marking touches no path: each source counts generations, one for each family, and each path bears
 * the one in which it was last announced. Whose generation is not the source's is stale.
 */

import type { Family } from 'net-ipaddr';
import type { Rib } from './rib.ts';
import { forgetDone, type Sweep } from './sweep.ts';

export class Stale {
  readonly #rib: Rib;
  readonly #sweep: Sweep;
  /** Sources whose stale paths go, with the ticket of the sweep that removes them. */
  readonly #leaving: Record<Family, Map<number, number>> = { 4: new Map(), 6: new Map() };
  /** Sources whose stale paths are long-lived ones (RFC 9494). */
  readonly #longLived: Record<Family, Set<number>> = { 4: new Set(), 6: new Set() };

  constructor(rib: Rib, sweep: Sweep) {
    this.#rib = rib;
    this.#sweep = sweep;
  }

  /** All that the source announced until now is stale, until it is announced again. */
  begin(source: number, family: Family): void {
    this.#leaving[family].delete(source);
    this.#rib.sources.beginGeneration(source, family);
  }

  /** What is stale now goes, in the time of the sweep. */
  end(source: number, family: Family): void {
    this.#longLived[family].delete(source);
    if (this.#rib.sources.stale[family][source] === 0) return;
    this.#leaving[family].set(source, this.#sweep.request());
  }

  /** The source's number may be given to another one. */
  forget(source: number): void {
    for (const family of [4, 6] as const) {
      this.#leaving[family].delete(source);
      this.#longLived[family].delete(source);
    }
  }

  /** What is stale now stays for long; it is to be imported anew. */
  longLive(source: number, family: Family): void {
    this.#longLived[family].add(source);
  }

  isLongLived(path: number): boolean {
    const { paths, prefixes } = this.#rib;
    const sources = this.#longLived[prefixes.family(paths.prefix(path))];
    return sources.size > 0 && sources.has(paths.source(path)) && this.#rib.isStale(path);
  }

  /** To be asked of each path in a sweep: whether it is to be removed. */
  isLeaving(path: number): boolean {
    const { paths, prefixes } = this.#rib;
    const leaving = this.#leaving[prefixes.family(paths.prefix(path))];
    return leaving.size > 0 && leaving.has(paths.source(path)) && this.#rib.isStale(path);
  }

  /** To be called after each step of the sweep. */
  swept(): void {
    for (const leaving of Object.values(this.#leaving)) forgetDone(leaving, this.#sweep);
  }
}
