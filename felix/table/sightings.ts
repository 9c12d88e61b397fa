/** What a dump tells of entries, kept apart from what is known of them until the dump is whole. */

import type { Family } from 'net-ipaddr';
import type { LentRoute, Route, RouteSpec } from 'rtnetlink-ts';
import type { Netlink } from '../kernel.ts';
import { TABLE } from '../ours.ts';
import { type Entries, type Entry, metricOf, NO_ROUTES } from './entries.ts';
import { type InterfaceNames, isOurs, METRIC, sameRoute } from './kernel-route.ts';

const FAMILIES: readonly Family[] = [4, 6];

/** Told of every route in the main table that is not ours. */
export interface StrangerListener {
  /** Forget what was told of this family: its dump begins (again). */
  begin(family: Family): void;
  see(route: Route): void;
}

export interface SightingsOptions {
  netlink: Pick<Netlink, 'eachRoute'>;
  names: InterfaceNames;
  protocols: ReadonlySet<number>;
}

export class Sightings {
  readonly #options: SightingsOptions;
  readonly #entries: Entries;
  /** Counts dumps, those that began again too. */
  #dump = 0;
  /** The newest of each family. */
  readonly #dumpOf = { 4: 0, 6: 0 };

  constructor(options: SightingsOptions, entries: Entries) {
    this.#options = options;
    this.#entries = entries;
  }

  /** The number of the last dump, or of the one under way. */
  get last(): number {
    return this.#dump;
  }

  /** Dumps the whole table. @returns the number that `last` has had at least since it began. @throws NetlinkError */
  async read(strangers: readonly StrangerListener[]): Promise<number> {
    const first = ++this.#dump;
    for (const family of FAMILIES) await this.#readFamily(family, strangers);
    return first;
  }

  /** The dump is whole: what it told, be it nothing, is what is. */
  believe(entry: Entry): void {
    begin(entry, this.#dumpOf[entry.prefix.address.family]);
    entry.ours = entry.sightedOurs;
    entry.stranger = entry.sightedStranger;
    entry.sightedStranger = undefined;
  }

  #readFamily(family: Family, strangers: readonly StrangerListener[]): Promise<void> {
    const { names, netlink, protocols } = this.#options;
    const entries = this.#entries;
    let dump = 0;
    const start = () => {
      dump = this.#dumpOf[family] = ++this.#dump;
      for (const listener of strangers) listener.begin(family);
      return (route: Route) => {
        const { destination, metric } = route;
        if (isOurs(route, names, protocols)) {
          sightOurs(entries.findOrAdd(destination), dump, route);
          return;
        }
        const entry =
          metric === METRIC ? entries.findOrAdd(destination) : entries.find(destination);
        if (entry && metric === metricOf(entry)) sightStranger(entry, dump, route);
        for (const listener of strangers) listener.see(route);
      };
    };
    const isKnown = (route: LentRoute) => {
      if (!protocols.has(route.protocol)) return false;
      const entry = entries.find(route.destination);
      return entry !== undefined && sightKnown(entry, dump, route);
    };
    return netlink.eachRoute({ family, table: TABLE }, start, isKnown);
  }
}

/** `dump` tells that the kernel has this route of ours. */
function sightOurs(entry: Entry, dump: number, route: Route): void {
  if (!sightKnown(entry, dump, route)) entry.sightedOurs = [...entry.sightedOurs, route];
}

/** The same, if it is the one that is known. @returns whether it is; else nothing was told. */
function sightKnown(entry: Entry, dump: number, route: RouteSpec): boolean {
  begin(entry, dump);
  const { ours, sightedOurs } = entry;
  const isKnown = ours.length === 1 && sightedOurs.length === 0 && sameRoute(route, ours[0]!);
  if (isKnown) entry.sightedOurs = ours;
  return isKnown;
}

/** `dump` tells of a stranger's route in the place of ours. */
function sightStranger(entry: Entry, dump: number, route: Route): void {
  begin(entry, dump);
  entry.sightedStranger = route;
}

/** Forgets what an earlier dump told. */
function begin(entry: Entry, dump: number): void {
  if (entry.sightedIn === dump) return;
  entry.sightedIn = dump;
  entry.sightedOurs = NO_ROUTES;
  entry.sightedStranger = undefined;
}
