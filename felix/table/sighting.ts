/** What a dump tells of an entry, kept apart from what is known of it until the dump is whole. */

import type { Family } from 'net-ipaddr';
import type { Route } from 'rtnetlink-ts';
import { type Entry, NO_ROUTES } from './entries.ts';
import { sameRoute } from './kernel-route.ts';

/** Told of every route in the main table that is not ours. */
export interface StrangerListener {
  /** Forget what was told of this family: its dump begins (again). */
  begin(family: Family): void;
  see(route: Route): void;
}

/** `dump` tells that the kernel has this route of ours. */
export function sightOurs(entry: Entry, dump: number, route: Route): void {
  begin(entry, dump);
  const { ours, sightedOurs } = entry;
  const isSame = ours.length === 1 && sightedOurs.length === 0 && sameRoute(route, ours[0]!);
  entry.sightedOurs = isSame ? ours : [...sightedOurs, route];
}

/** `dump` tells of a stranger's route in the place of ours. */
export function sightStranger(entry: Entry, dump: number, route: Route): void {
  begin(entry, dump);
  entry.sightedStranger = route;
}

/** The dump is whole: what it told, be it nothing, is what is. */
export function believe(entry: Entry, dump: number): void {
  begin(entry, dump);
  entry.ours = entry.sightedOurs;
  entry.stranger = entry.sightedStranger;
  entry.sightedStranger = undefined;
}

/** Forgets what an earlier dump told. */
function begin(entry: Entry, dump: number): void {
  if (entry.sightedIn === dump) return;
  entry.sightedIn = dump;
  entry.sightedOurs = NO_ROUTES;
  entry.sightedStranger = undefined;
}
