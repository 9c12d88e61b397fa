/** Whether a route meets a rule's conditions on all but its prefix. */

import type { AttributeView } from 'bgp-parser-ts';
import type { RouteMatch } from './policy.ts';

export function matchesRoute(match: RouteMatch, view: AttributeView, isLearned: boolean): boolean {
  const { community, largeCommunity, asPathPrefix } = match;
  if (match.isLearned && !isLearned) return false;
  if (community !== undefined && !view.hasCommunity(community)) return false;
  if (largeCommunity !== undefined && !view.hasLargeCommunity(largeCommunity)) return false;
  return asPathPrefix === undefined || view.pathStartsWith(asPathPrefix);
}
