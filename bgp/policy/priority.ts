/**
 * A route's priority in Calico's sense: lower is better, and in the kernel it is the route's metric.
 * Between nodes it travels as LOCAL_PREF 2147483647 − priority. LOCAL_PREFs below 2^30 are what
 * operators choose themselves (100, 200, …) and say nothing of it: such a route has no priority of
 * its own.
 */

import type { AttributeView } from 'bgp-parser-ts';

const CARRIED_AS = 2147483647;
const LEAST_CARRIED = 2 ** 30;

export function localPrefOfPriority(priority: number): number {
  return CARRIED_AS - priority;
}

/** Undefined: the route has none of its own. */
export function priorityOf(view: AttributeView): number | undefined {
  const { localPref } = view;
  return localPref >= LEAST_CARRIED && localPref < CARRIED_AS ? CARRIED_AS - localPref : undefined;
}
