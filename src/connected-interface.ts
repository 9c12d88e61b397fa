/** Which interface a neighbour's address is on, by the addresses that this host's interfaces have. */
import { networkInterfaces } from 'node:os';
import {
  type Address,
  containsAddress,
  type Prefix,
  parseInterfaceAddress,
  prefixOf,
} from 'net-ipaddr';
import type { Clock } from '../ports.ts';

/** Interfaces seldom change, and many may be asked for at once. */
const MAX_AGE_MS = 1000;

interface Network {
  readonly name: string;
  readonly prefix: Prefix;
}

export function connectedInterfaces(
  clock: Pick<Clock, 'monotonic'>,
): (address: Address) => string | undefined {
  let networks: Network[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  return (address) => {
    if (clock.monotonic() - readAt > MAX_AGE_MS) {
      readAt = clock.monotonic();
      networks = readNetworks();
    }
    return networks.find(({ prefix }) => containsAddress(prefix, address))?.name;
  };
}

/** The narrowest first. */
function readNetworks(): Network[] {
  return Object.entries(networkInterfaces())
    .flatMap(([name, addresses = []]) =>
      addresses.flatMap(({ cidr }) => {
        if (cidr === null) return [];
        const { address, length } = parseInterfaceAddress(cidr);
        return [{ name, prefix: prefixOf(address, length) }];
      }),
    )
    .sort((a, b) => b.prefix.length - a.prefix.length);
}
