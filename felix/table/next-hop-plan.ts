/**
 * What to tell the kernel so that its next hop objects become those that are wanted: a function.
 *
 *     route ─┐                     ┌→ member: a gateway on an interface
 *     route ─┼→ group of a set ────┤
 *     route ─┘                     └→ member, of other groups too
 *
 * Routes are by groups only, also where there is one gateway: the kernel makes no group of a single next
 * hop, nor the other way round. A member is never changed. A dead one is deleted, and thereby leaves all
 * its groups: one message, which costs the kernel nothing a route. Replacing a group costs about 1 µs for
 * each of its routes, of which the kernel tells its listeners.
 */

import type { NextHopObject, NextHopShare } from 'rtnetlink-ts';
import { PROTOCOL } from '../ours.ts';
import type { KnownNextHops, NextHopChange } from './known-next-hops.ts';

/** A group that can be made now: others stay as they are. */
export interface WantedGroup {
  readonly id: number;
  /** Ids of members that are there; at least one. */
  readonly members: readonly number[];
}

export interface Plan {
  /** Groups that nobody has routes by yet. */
  readonly adds: readonly NextHopObject[];
  /** By these routes go another way, and what nobody wants any more goes. In their order. */
  readonly moves: readonly NextHopChange[];
}

/** @param unused groups that no route is by, and none will be */
export function plan(
  wanted: readonly WantedGroup[],
  objects: KnownNextHops,
  unused: ReadonlySet<number>,
): Plan {
  const stale = staleMembers(wanted, objects, unused);
  const { adds, moves } = groupChanges(wanted, objects, stale);
  const deletes = [...unused, ...stale].map(
    (id): NextHopChange => ({ action: 'delete', nextHop: { id } }),
  );
  return { adds, moves: [...moves, ...deletes] };
}

/** Without a look at any other group. @param stale members that are about to go */
export function groupChanges(
  wanted: readonly WantedGroup[],
  objects: KnownNextHops,
  stale: ReadonlySet<number> = new Set(),
): Plan {
  const adds: NextHopObject[] = [];
  const moves: NextHopChange[] = [];
  for (const group of wanted) {
    const actual = objects.get(group.id)?.group;
    // Who is left when the dead have gone.
    const left = actual?.filter((share) => !stale.has(share.id));
    if (left === undefined) adds.push(groupOf(group));
    else if (!isSame(left, group.members))
      moves.push({ action: 'replace', nextHop: groupOf(group) });
  }
  return { adds, moves };
}

function groupOf({ id, members }: WantedGroup): NextHopObject {
  return { id, protocol: PROTOCOL, group: members.map((member) => ({ id: member })) };
}

/** Members of no group that is wanted, or that may have routes. */
function staleMembers(
  wanted: readonly WantedGroup[],
  objects: KnownNextHops,
  unused: ReadonlySet<number>,
): ReadonlySet<number> {
  const stale = new Set<number>();
  for (const { id, group } of objects.values()) if (group === undefined) stale.add(id);
  const changing = new Set(unused);
  for (const { id, members } of wanted) {
    changing.add(id);
    for (const member of members) stale.delete(member);
  }
  for (const { id, group = [] } of objects.values()) {
    if (!changing.has(id)) for (const share of group) stale.delete(share.id);
  }
  return stale;
}

function isSame(group: readonly NextHopShare[], members: readonly number[]): boolean {
  return (
    group.length === members.length &&
    group.every(({ id, weight = 1 }) => weight === 1 && members.includes(id))
  );
}
