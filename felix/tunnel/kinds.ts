/** What kinds of device the tunnels are, and what they add to a packet. */

import type { Family } from 'net-ipaddr';
import type { TunnelKind } from '../ours.ts';

/** Where datagrams of the UDP tunnel come from and go to: Flannel's. */
export const UDP_TUNNEL_PORT = 8285;

/** What the kernel calls a device of that kind. */
export const LINK_KIND = { vxlan: 'vxlan', ipip: 'ipip', udp: 'tun' } as const;

/** Between the outer and the inner IP header: UDP (8), and for VXLAN its own (8) and the inner Ethernet header (14). */
const BETWEEN = { vxlan: 30, ipip: 0, udp: 8 };

/** What a tunnel takes of each packet, in bytes. */
export function overheadOf(kind: TunnelKind, family: Family): number {
  return (family === 4 ? 20 : 40) + BETWEEN[kind];
}
