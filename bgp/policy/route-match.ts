/** Whether a route meets a rule's conditions on all but its prefix. */

import type { AttributeView } from 'bgp-parser-ts';
import type { RouteMatch } from './policy.ts';
import { priorityOf } from './priority.ts';

/** By its attributes, and by where it came from. */
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

/** `*` stands for any characters, `?` for one. What has no name matches no pattern. */
export function matchesWildcards(pattern: string, name: string | undefined): boolean {
  if (name === undefined) return false;
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return name.length === pattern.length && startsLike(name, first);
  if (!startsLike(name, first)) return false;
  // Of what a star stands for the shortest will do, but for the last: that reaches to the end.
  const last = rest.pop()!;
  let at = first.length;
  for (const piece of rest) {
    while (at + piece.length <= name.length && !startsLike(name.slice(at), piece)) at++;
    at += piece.length;
  }
  return at + last.length <= name.length && startsLike(name.slice(name.length - last.length), last);
}

function startsLike(name: string, piece: string): boolean {
  return (
    name.length >= piece.length &&
    [...piece].every((character, index) => character === '?' || character === name[index])
  );
}
