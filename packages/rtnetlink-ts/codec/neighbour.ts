/** Neighbours (ARP, ND, proxy entries) and bridge forwarding entries: linux/neighbour.h. */

import type { Address, Family } from 'net-ipaddr';

export type NeighbourState =
  | 'none'
  | 'incomplete'
  | 'reachable'
  | 'stale'
  | 'delay'
  | 'probe'
  | 'failed'
  | 'noarp'
  | 'permanent';

/** A neighbour to add, replace or delete, and one as the kernel tells of it. */
export interface Neighbour {
  /** The interface's index. */
  readonly link: number;
  readonly address: Address;
  /** Absent in a proxy entry. */
  readonly mac?: string;
  /** @default 'permanent' */
  readonly state?: NeighbourState;
  /** The kernel answers for this address on the link (`ip neigh add proxy`). @default false */
  readonly proxy?: boolean;
  readonly protocol?: number;
}

/** A forwarding entry of a vxlan (or a bridge port), to add, replace, append or delete, and as told. */
export interface FdbEntry {
  /** The interface's index. */
  readonly link: number;
  /** All zero: where frames to unknown destinations go. */
  readonly mac: string;
  /** vxlan: the remote's underlay address. */
  readonly destination?: Address;
  /** vxlan: the remote's UDP port, where not the device's. */
  readonly port?: number;
  /** vxlan: the remote's VNI, where not the device's. */
  readonly id?: number;
  readonly vlan?: number;
  /** It is the bridge's (port) rather than the device's own. @default false */
  readonly master?: boolean;
  /** @default 'permanent' */
  readonly state?: NeighbourState;
}

export interface NeighbourFilter {
  readonly family?: Family;
  /** The interface's index. */
  readonly link?: number;
  /** The proxy entries, which an ordinary dump leaves out. @default false */
  readonly proxy?: boolean;
}
