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

import type { NextHopObject, NextHopShare, Operation } from 'rtnetlink-ts';
import { PROTOCOL } from '../ours.ts';

/** Our objects that the kernel has, by id. */
export type Objects = Map<number, NextHopObject>;

export type NextHopChange = Extract<Operation, { readonly nextHop: NextHopObject }>;

export interface WantedGroup {
  readonly id: number;
  /** Ids of members that are there. None: the group can't be made now, and stays as it is. */
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
  objects: Objects,
  unused: ReadonlySet<number>,
): Plan {
  const adds: NextHopObject[] = [];
  const moves: NextHopChange[] = [];
  const stale = staleMembers(wanted, objects, unused);
  for (const { id, members } of wanted) {
    if (members.length === 0) continue;
    const group = members.map((member) => ({ id: member }));
    const nextHop = { id, protocol: PROTOCOL, group };
    const actual = objects.get(id)?.group;
    if (actual === undefined) adds.push(nextHop);
    // Who is left when the dead have gone.
    else if (
      !isSame(
        actual.filter((share) => !stale.has(share.id)),
        members,
      )
    )
      moves.push({ action: 'replace', nextHop });
  }
  for (const id of unused) moves.push({ action: 'delete', nextHop: { id } });
  for (const id of stale) moves.push({ action: 'delete', nextHop: { id } });
  return { adds, moves };
}

/** Members of no group that is wanted, or that may have routes. */
function staleMembers(
  wanted: readonly WantedGroup[],
  objects: Objects,
  unused: ReadonlySet<number>,
): ReadonlySet<number> {
  const stale = new Set<number>();
  for (const { id, group } of objects.values()) if (group === undefined) stale.add(id);
  const changing = new Set(unused);
  for (const { id, members } of wanted) {
    if (members.length > 0) changing.add(id);
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

/** What the kernel has once it has done this. */
export function apply({ action, nextHop }: NextHopChange, objects: Objects): void {
  if (action === 'delete') remove(nextHop.id, objects);
  else objects.set(nextHop.id, nextHop);
}

/** With a next hop go its shares, and with the last of these a group. */
export function remove(id: number, objects: Objects): void {
  objects.delete(id);
  for (const nextHop of [...objects.values()]) {
    const group = nextHop.group?.filter((share) => share.id !== id);
    if (group === undefined || group.length === nextHop.group!.length) continue;
    if (group.length > 0) objects.set(nextHop.id, { ...nextHop, group });
    else objects.delete(nextHop.id);
  }
}
