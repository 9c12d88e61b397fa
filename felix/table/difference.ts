/**
 * What to tell the kernel so that what is becomes what should be: prefix by prefix, a function.
 *
 * A route is never replaced where a stranger's has the same prefix and metric: NLM_F_REPLACE takes the
 * first of them, whoever owns it. Adding never overwrites (NLM_F_EXCL), and a removal names the route
 * in full, since one without a gateway takes all IPv6 next hops of the prefix, a stranger's too.
 */

import type { Prefix } from 'net-ipaddr';
import type { RouteSpec } from 'rtnetlink-ts';
import { sameRoute } from './kernel-route.ts';

/** All that is known of one prefix in the main table. */
export interface Slot {
  readonly prefix: Prefix;
  readonly desired: RouteSpec | undefined;
  /** Our routes of this prefix, whatever their metric. Mostly none or one. */
  readonly ours: readonly RouteSpec[];
  /** A route that is not ours where ours is to be: of the same metric. */
  readonly stranger: RouteSpec | undefined;
}

export interface Step<S extends Slot> {
  readonly action: 'add' | 'replace' | 'delete';
  readonly slot: S;
  readonly route: RouteSpec;
}

export interface Plan<S extends Slot> {
  /** In the order in which they are sent. */
  readonly steps: readonly Step<S>[];
  /** What a stranger's route keeps us from. */
  readonly blocked: readonly S[];
}

/** @param mayRemove whether a route of ours that nobody wants may go yet. */
export function difference<S extends Slot>(
  slots: Iterable<S>,
  mayRemove: (slot: S, route: RouteSpec) => boolean,
): Plan<S> {
  const writes: Step<S>[] = [];
  const deletes: Step<S>[] = [];
  const blocked: S[] = [];
  for (const slot of slots) {
    const { desired, ours, stranger } = slot;
    if (desired === undefined) {
      for (const route of ours) {
        if (mayRemove(slot, route)) deletes.push({ action: 'delete', slot, route });
      }
      continue;
    }
    const present = ours.find((route) => sameRoute(route, desired));
    // What has the same metric is in the way of what is wanted, and only that can be replaced.
    const inPlace = ours.filter((route) => route.metric === desired.metric);
    const isReplaced = present === undefined && stranger === undefined && inPlace.length === 1;
    for (const route of ours) {
      const stays = route === present || (isReplaced && route === inPlace[0]);
      if (!stays) deletes.push({ action: 'delete', slot, route });
    }
    if (present !== undefined) continue;
    if (stranger !== undefined) blocked.push(slot);
    else if (isReplaced) writes.push({ action: 'replace', slot, route: desired });
    // Of two in one place the kernel would replace either: both go, and the next pass adds.
    else if (inPlace.length === 0) writes.push({ action: 'add', slot, route: desired });
  }
  // What comes is there before what it comes instead of goes.
  return { steps: [...writes, ...deletes], blocked };
}
