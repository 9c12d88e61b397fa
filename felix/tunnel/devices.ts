/** The tunnel devices: VXLAN's and IPIP's names are Calico's, and whatever has one of them is ours. */

import type { Family } from 'net-ipaddr';

export type TunnelKind = 'vxlan' | 'ipip' | 'udp';

/** Where datagrams of the UDP tunnel come from and go to: Flannel's. */
export const UDP_TUNNEL_PORT = 8285;

/** What the kernel calls a device of that kind. */
export const LINK_KIND = { vxlan: 'vxlan', ipip: 'ipip', udp: 'tun' } as const;

export function deviceName(kind: TunnelKind, family: Family): string {
  if (kind === 'ipip') return 'tunl0';
  if (kind === 'udp') return 'udp.tortie';
  return family === 4 ? 'vxlan.calico' : 'vxlan-v6.calico';
}

/** In the order in which they are looked at. */
export const TUNNEL_DEVICES: readonly string[] = [
  deviceName('vxlan', 4),
  deviceName('vxlan', 6),
  deviceName('ipip', 4),
  deviceName('udp', 4),
];

/** Between the outer and the inner IP header: UDP (8), and for VXLAN its own (8) and the inner Ethernet header (14). */
const BETWEEN = { vxlan: 30, ipip: 0, udp: 8 };

/** What a tunnel takes of each packet, in bytes. */
export function overheadOf(kind: TunnelKind, family: Family): number {
  return (family === 4 ? 20 : 40) + BETWEEN[kind];
}
