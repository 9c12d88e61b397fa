/**
 * Gives back the numbers of prefixes without a path and of sessions that ended, once nothing refers
 * to them any more: a number given out again while an old chunk of a ring, a set or an Adj-RIB-Out
 * still means its last owner would send one route in another's place.
 *
 * Prefixes go in cohorts. A cohort waits until every ring has dropped the chunks that were in it when
 * the cohort was formed; then each prefix of it is looked at.
 */

import { NO_PATH } from '../rib/paths.ts';
import type { Rib } from '../rib/rib.ts';
import type { Sweep } from '../rib/sweep.ts';
import type { Group } from './group.ts';
import type { Groups } from './groups.ts';

/** Prefixes looked at in one step. */
const STEP = 1024;

interface Cohort {
  readonly prefixes: readonly number[];
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
  #cohort: Cohort | undefined;
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
    const releasedPrefixes = this.#releasePrefixes();
    return releasedSources || releasedPrefixes;
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
    this.#cohort ??= this.#newCohort();
    const cohort = this.#cohort;
    if (cohort === undefined || this.#isInRing(cohort)) return false;
    const { prefixes } = cohort;
    const end = Math.min(cohort.done + STEP, prefixes.length);
    let isProgress = false;
    for (; cohort.done < end; cohort.done++) {
      if (this.#release(prefixes[cohort.done]!)) isProgress = true;
    }
    if (cohort.done === prefixes.length) this.#cohort = undefined;
    // In the middle of a cohort the next step is another one, whatever this one came to.
    return isProgress || this.#cohort !== undefined;
  }

  /** True when the prefix is out of this room's hands: forgotten, or alive again. */
  #release(prefix: number): boolean {
    const { buried, routes } = this.#rib;
    if (routes.head(prefix) !== NO_PATH) {
      routes.setBuried(prefix, false);
      return true;
    }
    if (this.#rib.isMarked(prefix) || this.#groups.mentionsPrefix(prefix)) {
      buried.push(prefix);
      return false;
    }
    routes.setBuried(prefix, false);
    this.#rib.forget(prefix);
    return true;
  }

  #newCohort(): Cohort | undefined {
    const { buried } = this.#rib;
    if (buried.length === 0) return undefined;
    const chunks = new Map([...this.#groups].map((group) => [group, group.ring.next]));
    return { prefixes: buried.splice(0), done: 0, chunks };
  }

  #isInRing({ chunks }: Cohort): boolean {
    for (const [group, next] of chunks) if (group.ring.first < next) return true;
    return false;
  }
}
