/**
 * Gives back the numbers of prefixes without a path, of cells without a path (where those are sent, see
 * Rib) and of sessions that ended, once nothing refers to them any more: a number given out again
 * while an old chunk of a ring, a set or an Adj-RIB-Out still means its last owner would send one
 * route in another's place.
 *
 * Prefixes and cells go in cohorts. A cohort waits until every ring has dropped the chunks that were
 * in it when the cohort was formed; then each number of it is looked at.
 */

import type { IdSet } from '../rib/id-set.ts';
import { NO_PATH } from '../rib/paths.ts';
import type { Rib } from '../rib/rib.ts';
import type { Sweep } from '../rib/sweep.ts';
import type { Group } from './group.ts';
import type { Groups } from './groups.ts';

/** Numbers taken into one cohort, and looked at in one step. */
const MAX_COHORT = 65536;
const STEP = 1024;

interface Cohort {
  readonly ids: readonly number[];
  /** How many of them were looked at. */
  done: number;
  /** For each group the number of the first chunk that came after. */
  readonly chunks: ReadonlyMap<Group, number>;
}

interface Leaving {
  readonly source: number;
  /** Of the sweep that removes its paths. */
  readonly ticket: number;
}

export class Reclaim {
  readonly #rib: Rib;
  readonly #groups: Groups;
  readonly #sweep: Sweep;
  #prefixes: Cohort | undefined;
  #cells: Cohort | undefined;
  #leaving: Leaving[] = [];

  constructor(rib: Rib, groups: Groups, sweep: Sweep) {
    this.#rib = rib;
    this.#groups = groups;
    this.#sweep = sweep;
  }

  /** A source whose session ended, and whose paths the sweep of this ticket removes. */
  leaves(source: number, ticket: number): void {
    this.#leaving.push({ source, ticket });
  }

  /** Whether a source of the peer is still on its way out. */
  isLeaving(peer: number): boolean {
    return this.#leaving.some(({ source }) => this.#rib.sources.peer(source) === peer);
  }

  /** One step. True when it got something done, so that another one may too. */
  step(): boolean {
    const releasedSources = this.#releaseSources();
    const releasedCells = this.#releaseCells();
    const releasedPrefixes = this.#releasePrefixes();
    return releasedSources || releasedCells || releasedPrefixes;
  }

  #releaseSources(): boolean {
    const { sources } = this.#rib;
    const staying = this.#leaving.filter(({ source, ticket }) => {
      const isUsed =
        !this.#sweep.isDone(ticket) ||
        sources.received[source]! > 0 ||
        sources.chosen[source]! > 0 ||
        this.#groups.mentionsSource(source);
      if (!isUsed) sources.release(source);
      return isUsed;
    });
    const isProgress = staying.length < this.#leaving.length;
    this.#leaving = staying;
    return isProgress;
  }

  #releasePrefixes(): boolean {
    this.#prefixes ??= this.#newCohort(takeSome(this.#rib.buried));
    const isProgress = this.#stepCohort(this.#prefixes, this.#releasePrefix);
    if (isDone(this.#prefixes)) this.#prefixes = undefined;
    return isProgress;
  }

  #releaseCells(): boolean {
    this.#cells ??= this.#newCohort(takeSome(this.#rib.emptied));
    const isProgress = this.#stepCohort(this.#cells, this.#releaseCell);
    if (isDone(this.#cells)) this.#cells = undefined;
    // Not before: what is freed at once must not be looked at here again.
    if (this.#cells === undefined && this.#rib.emptied.size === 0) {
      this.#rib.keepsNumbers = this.#groups.sendsNumbers;
    }
    return isProgress;
  }

  #stepCohort(cohort: Cohort | undefined, release: (id: number) => boolean): boolean {
    if (cohort === undefined || this.#isInRing(cohort)) return false;
    const end = Math.min(cohort.done + STEP, cohort.ids.length);
    let isProgress = false;
    for (; cohort.done < end; cohort.done++) {
      if (release(cohort.ids[cohort.done]!)) isProgress = true;
    }
    // In the middle of a cohort the next step is another one, whatever this one came to.
    return isProgress || !isDone(cohort);
  }

  /** True when the prefix is out of the cohort's hands: forgotten, alive again, or a later one's. */
  readonly #releasePrefix = (prefix: number): boolean => {
    const { buried, routes } = this.#rib;
    // Alive again, or once more buried since: then a later cohort has it.
    if (routes.head(prefix) !== NO_PATH || buried.has(prefix)) return true;
    if (this.#rib.isMarked(prefix) || this.#groups.mentionsPrefix(prefix)) {
      buried.add(prefix);
      return false;
    }
    this.#rib.forget(prefix);
    return true;
  };

  /** True when the cell is out of this room's hands: free, or in use again. */
  readonly #releaseCell = (path: number): boolean => {
    // In use again, or once more empty since: then a later cohort has it.
    if (this.#rib.paths.isUsed(path) || this.#rib.emptied.has(path)) return true;
    if (this.#groups.mentionsPath(path)) {
      this.#rib.emptied.add(path);
      return false;
    }
    this.#rib.forgetPath(path);
    return true;
  };

  #newCohort(ids: readonly number[]): Cohort | undefined {
    if (ids.length === 0) return undefined;
    const chunks = new Map([...this.#groups].map((group) => [group, group.ring.next]));
    return { ids, done: 0, chunks };
  }

  #isInRing({ chunks }: Cohort): boolean {
    for (const [group, next] of chunks) if (group.ring.first < next) return true;
    return false;
  }
}

function isDone(cohort: Cohort | undefined): boolean {
  return cohort === undefined || cohort.done === cohort.ids.length;
}

function takeSome(set: IdSet): number[] {
  const taken: number[] = [];
  while (taken.length < MAX_COHORT && set.size > 0) taken.push(set.take());
  return taken;
}
