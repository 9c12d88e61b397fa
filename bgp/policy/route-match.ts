/** Whether a route meets a rule's conditions on all but its prefix. */

import type { AttributeView } from 'bgp-parser-ts';
import type { RouteMatch } from './policy.ts';
import { priorityOf } from './priority.ts';

export function matchesRoute(match: RouteMatch, view: AttributeView, isLearned: boolean): boolean {
  const { community, largeCommunity, asPathPrefix, priority } = match;
  if (match.isLearned && !isLearned) return false;
  if (community !== undefined && !view.hasCommunity(community)) return false;
  if (largeCommunity !== undefined && !view.hasLargeCommunity(largeCommunity)) return false;
  if (asPathPrefix !== undefined && !view.pathStartsWith(asPathPrefix)) return false;
  return priority === undefined || (priorityOf(view) ?? noPriority(priority)) === priority.is;
}

function noPriority({ is, orNone }: NonNullable<RouteMatch['priority']>): number | undefined {
  return orNone ? is : undefined;
}
