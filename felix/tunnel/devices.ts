/** The tunnel devices: their names are Calico's, and whatever has one of them is ours. */

import type { Family } from 'net-ipaddr';

export type TunnelKind = 'vxlan' | 'ipip';

export function deviceName(kind: TunnelKind, family: Family): string {
  if (kind === 'ipip') return 'tunl0';
  return family === 4 ? 'vxlan.calico' : 'vxlan-v6.calico';
}

/** In the order in which they are looked at. */
export const TUNNEL_DEVICES: readonly string[] = [
  deviceName('vxlan', 4),
  deviceName('vxlan', 6),
  deviceName('ipip', 4),
];

/**
 * What a tunnel takes of each packet: the outer IP header (20 or 40 bytes), and for VXLAN UDP (8), VXLAN
 * (8) and the inner Ethernet header (14).
 */
export function overheadOf(kind: TunnelKind, family: Family): number {
  if (kind === 'ipip') return 20;
  return family === 4 ? 50 : 70;
}
