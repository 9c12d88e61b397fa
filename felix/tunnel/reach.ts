/** Where packets can be sent by a tunnel that is in place. */

import { formatAddress, formatPrefix, type Prefix } from 'net-ipaddr';
import type { RemoteTarget } from '../calc/route.ts';
import type { Tunnel } from '../calc/tunnels.ts';

/** Gateways (VXLAN) or blocks (UDP), as text. IPIP's packets go to whichever node the route says. */
export type Reach = ReadonlySet<string> | 'any node';

/** @param tunnels of one device. */
export function reachOf(tunnels: readonly Tunnel[]): Reach {
  if (tunnels.some(({ kind }) => kind === 'ipip')) return 'any node';
  return new Set(
    tunnels.flatMap((tunnel) => {
      if (tunnel.kind === 'udp') return tunnel.ways.map(({ prefix }) => formatPrefix(prefix));
      if (tunnel.kind === 'vxlan') return tunnel.peers.map(({ address }) => formatAddress(address));
      return [];
    }),
  );
}

export function reaches(reach: Reach, block: Prefix, { gateway }: RemoteTarget): boolean {
  if (reach === 'any node') return true;
  return reach.has(gateway === undefined ? formatPrefix(block) : formatAddress(gateway));
}
