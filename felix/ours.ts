/** By what felix knows its own in the kernel: the names of interfaces, the table and protocol of routes. */

import { createHash } from 'node:crypto';
import type { Family } from 'net-ipaddr';

/** What all our host interfaces begin with; whatever is routed to one is ours. */
export const WORKLOAD_INTERFACE_PREFIX = 'cali';

export function isPodInterface(name: string): boolean {
  return name.startsWith(WORKLOAD_INTERFACE_PREFIX);
}

/** The host interface of a pod, as Calico names it: a cluster can move over with its veths in place. */
export function hostInterfaceOf(namespace: string, pod: string): string {
  const digest = createHash('sha1').update(`${namespace}.${pod}`).digest('hex');
  return WORKLOAD_INTERFACE_PREFIX + digest.slice(0, 11);
}

export type TunnelKind = 'vxlan' | 'ipip' | 'udp';

/** A tunnel's device: VXLAN's and IPIP's names are Calico's, and whatever has one of them is ours. */
export function deviceName(kind: TunnelKind, family: Family): string {
  if (kind === 'ipip') return 'tunl0';
  if (kind === 'udp') return 'udp.tortie';
  return family === 4 ? 'vxlan.calico' : 'vxlan-v6.calico';
}

/** What nodes call it among themselves: UDP's device is both families', and may be ready for one alone. */
export function tunnelName(kind: TunnelKind, family: Family): string {
  return kind === 'udp' && family === 6 ? 'udp-v6.tortie' : deviceName(kind, family);
}

/** In the order in which they are looked at. */
export const TUNNEL_DEVICES: readonly string[] = [
  deviceName('vxlan', 4),
  deviceName('vxlan', 6),
  deviceName('ipip', 4),
  deviceName('udp', 4),
];

/** The main routing table. */
export const TABLE = 254;

/** rtm_protocol of all that we write, as Calico's. */
export const PROTOCOL = 80;

/** The first octet of the ids of our next hop objects is our protocol. */
export const FIRST_NEXT_HOP_ID = PROTOCOL * 2 ** 24;
export const LAST_NEXT_HOP_ID = FIRST_NEXT_HOP_ID + 2 ** 24 - 1;

/** By both: another's object of such an id is left alone, and so is one of the protocol. */
export function isOurNextHop({ id, protocol }: { id: number; protocol?: number }): boolean {
  return protocol === PROTOCOL && id >= FIRST_NEXT_HOP_ID && id <= LAST_NEXT_HOP_ID;
}
