/** What tunnelled packets travel over: the interface that has the node's address. */

import { type Address, equalAddresses } from 'net-ipaddr';
import type { AddressEntry, Link } from 'rtnetlink-ts';
import { isPodInterface, TUNNEL_DEVICES } from '../ours.ts';

export interface Underlay {
  /** Undefined where the address is on lo: then any interface may be the way out. */
  readonly index: number | undefined;
  /** The interfaces that may be the way out. */
  readonly names: readonly string[];
  readonly mtu: number;
}

/** @returns undefined when no interface has the address (any more, or yet). */
export function underlayOf(
  local: Address,
  links: readonly Link[],
  addresses: readonly AddressEntry[],
): Underlay | undefined {
  const entry = addresses.find(({ address }) => equalAddresses(address, local));
  const link = links.find(({ index }) => index === entry?.link);
  if (link === undefined) return undefined;
  if (!link.loopback) return { index: link.index, names: [link.name], mtu: link.mtu };
  const ways = links.filter((other) => other.up && !other.loopback && !isOurs(other.name));
  return ways.length === 0
    ? undefined
    : {
        index: undefined,
        names: ways.map(({ name }) => name),
        mtu: Math.min(...ways.map(({ mtu }) => mtu)),
      };
}

function isOurs(name: string): boolean {
  return isPodInterface(name) || TUNNEL_DEVICES.includes(name);
}
