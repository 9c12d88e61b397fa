/**
 * Our next hop objects that the kernel has, as far as it is known: found by their ids, members by where they
 * lead, and the groups of a member, so that nothing that is done to one of them looks at all the others.
 */

import { type Address, formatAddress } from 'net-ipaddr';
import type { NextHopObject, Operation } from 'rtnetlink-ts';

/** What a member is: it never becomes another. */
export interface Hop {
  readonly gateway: Address;
  readonly oif: number;
}

export type NextHopChange = Extract<Operation, { readonly nextHop: NextHopObject }>;

export class KnownNextHops {
  readonly #byId = new Map<number, NextHopObject>();
  /** By `keyOf`. */
  readonly #memberByHop = new Map<string, number>();
  readonly #groupsOf = new Map<number, Set<number>>();

  constructor(objects: Iterable<NextHopObject> = []) {
    for (const object of objects) this.#put(object);
  }

  get(id: number): NextHopObject | undefined {
    return this.#byId.get(id);
  }

  values(): Iterable<NextHopObject> {
    return this.#byId.values();
  }

  /** The id of the member that leads there. */
  memberTo(hop: Hop): number | undefined {
    return this.#memberByHop.get(keyOf(hop));
  }

  /** Where a group leads, as text, in whatever order its members are. */
  whereTo({ group = [] }: NextHopObject): string {
    const members = group.map(({ id }) => this.#byId.get(id));
    return keyOfAll(members.flatMap((member) => (isHop(member) ? member : [])));
  }

  /** What the kernel has once it has done this. */
  apply({ action, nextHop }: NextHopChange): void {
    if (action === 'delete') this.remove(nextHop.id);
    else this.#put(nextHop);
  }

  /** With a next hop go its shares, and with the last of these a group. */
  remove(id: number): void {
    this.#forget(id);
    for (const groupId of this.#groupsOf.get(id) ?? []) {
      const nextHop = this.#byId.get(groupId)!;
      const group = nextHop.group!.filter((share) => share.id !== id);
      if (group.length > 0) this.#put({ ...nextHop, group });
      else this.#forget(groupId);
    }
  }

  #put(object: NextHopObject): void {
    this.#forget(object.id);
    this.#byId.set(object.id, object);
    if (isHop(object)) this.#memberByHop.set(keyOf(object), object.id);
    for (const { id } of object.group ?? []) {
      const groups = this.#groupsOf.get(id) ?? new Set();
      this.#groupsOf.set(id, groups.add(object.id));
    }
  }

  #forget(id: number): void {
    const object = this.#byId.get(id);
    if (object === undefined) return;
    this.#byId.delete(id);
    if (isHop(object) && this.memberTo(object) === id) this.#memberByHop.delete(keyOf(object));
    for (const share of object.group ?? []) {
      const groups = this.#groupsOf.get(share.id);
      groups?.delete(id);
      if (groups?.size === 0) this.#groupsOf.delete(share.id);
    }
  }
}

export function keyOf({ gateway, oif }: Hop): string {
  return `${formatAddress(gateway)}@${oif}`;
}

export function keyOfAll(hops: readonly Hop[]): string {
  return hops.map(keyOf).toSorted().join(' ');
}

function isHop(object: NextHopObject | undefined): object is NextHopObject & Hop {
  return object?.gateway !== undefined && object.oif !== undefined && !object.onlink;
}
