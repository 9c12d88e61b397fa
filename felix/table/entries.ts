/** All prefixes of the main table that somebody here wants, or that the kernel has of ours. */

import { type Prefix, PrefixTable } from 'net-ipaddr';
import type { RouteSpec } from 'rtnetlink-ts';
import type { Slot } from './difference.ts';
import { METRIC, sameRoute } from './kernel-route.ts';

export interface Entry extends Slot {
  readonly id: number;
  desired: RouteSpec | undefined;
  ours: readonly RouteSpec[];
  stranger: RouteSpec | undefined;
  /** Somebody here has had a say about this prefix: what the kernel has of it is not from before us. */
  isKnown: boolean;
  /** Monotonic time at which something unwanted was first seen here. */
  unwantedSince: number | undefined;
  attempts: number;
  /** In the queue of those to be looked at. */
  isQueued: boolean;
  /** Of a write by another thread; overtaken: something else was asked for, or heard, meanwhile. */
  flight: 'none' | 'under way' | 'overtaken';
  /** The resync during which we last wrote or were told of it, so that its dump may be older. */
  touchedDuring: number;
  /** The dump that last told of the prefix: of an earlier one the next two are worth nothing. */
  sightedIn: number;
  /** `ours` itself where nothing has changed, so that a dump of the same leaves no object behind. */
  sightedOurs: readonly RouteSpec[];
  sightedStranger: RouteSpec | undefined;
}

export const NO_ROUTES: readonly RouteSpec[] = [];

export function isAsDesired({ desired, ours }: Entry): boolean {
  if (desired === undefined) return ours.length === 0;
  return ours.length === 1 && sameRoute(ours[0]!, desired);
}

/** Where a route of ours to the prefix is, or would be: one metric is one place. */
export function metricOf({ desired }: Entry): number {
  return desired?.metric ?? METRIC;
}

/** Prefix → entry. Grows in small steps, however many there are: no map is ever rehashed as a whole. */
export class Entries {
  readonly #ids: PrefixTable;
  readonly #entries: (Entry | undefined)[] = [];

  constructor(seed: number) {
    this.#ids = new PrefixTable(seed);
  }

  /** One above the highest id in use. */
  get idLimit(): number {
    return this.#entries.length;
  }

  at(id: number): Entry | undefined {
    return this.#entries[id];
  }

  find(prefix: Prefix): Entry | undefined {
    const id = this.#ids.find(prefix);
    return id < 0 ? undefined : this.#entries[id];
  }

  findOrAdd(prefix: Prefix): Entry {
    const id = this.#ids.intern(prefix);
    const entry = this.#entries[id] ?? newEntry(id, prefix);
    this.#entries[id] = entry;
    return entry;
  }

  delete(entry: Entry): void {
    this.#ids.release(entry.id);
    this.#entries[entry.id] = undefined;
  }
}

function newEntry(id: number, prefix: Prefix): Entry {
  return {
    id,
    prefix,
    desired: undefined,
    ours: NO_ROUTES,
    stranger: undefined,
    isKnown: false,
    unwantedSince: undefined,
    attempts: 0,
    isQueued: false,
    flight: 'none',
    touchedDuring: 0,
    sightedIn: 0,
    sightedOurs: NO_ROUTES,
    sightedStranger: undefined,
  };
}
