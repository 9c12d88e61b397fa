/** Network interfaces: RTM_NEWLINK and its kin, rtnetlink(7) and linux/if_link.h. */

import type { Address } from 'net-ipaddr';

/** An interface by its index or its name. */
export type LinkRef = number | string;

/** A network namespace: a path such as `/var/run/netns/x` or `/proc/123/ns/net`, or a descriptor of one. */
export type Namespace = string | number;

export interface Veth {
  readonly kind: 'veth';
  /** Needed to create one; absent in what the kernel tells, where `Link.peerIndex` has it. */
  readonly peer?: {
    readonly name: string;
    /** Where the peer is created; by default beside the first end. Moving it later costs 16 ms. */
    readonly namespace?: Namespace;
    readonly mac?: string;
    readonly mtu?: number;
  };
}

export interface Bridge {
  readonly kind: 'bridge';
}

export interface Vxlan {
  readonly kind: 'vxlan';
  /** VNI, 0–16777215. */
  readonly id: number;
  /** Source address of the outer packets; its family is the underlay's. */
  readonly local?: Address;
  /** Index of the underlay's interface. */
  readonly device?: number;
  /** UDP destination port. @default 4789 (the kernel's own default is 8472) */
  readonly port?: number;
  /** Learn remote addresses from traffic. @default false (the kernel's own default is true) */
  readonly learning?: boolean;
}

export interface Ipip {
  readonly kind: 'ipip';
  readonly local?: Address;
  readonly remote?: Address;
  /** Outer TTL; 0 copies the inner one. @default 0 */
  readonly ttl?: number;
  /** Set DF on outer packets. Kernel: must be true unless ttl is 0. @default true */
  readonly pathMtuDiscovery?: boolean;
}

/** Told by the kernel only: rtnetlink cannot create one, `createTun` does. */
export interface Tun {
  readonly kind: 'tun';
  readonly mode: 'tun' | 'tap';
  readonly persistent: boolean;
  readonly packetInformation: boolean;
  readonly vnetHeader: boolean;
  readonly multiQueue: boolean;
}

export type LinkKind = Veth | Bridge | Vxlan | Ipip | Tun;

/** An interface as the kernel tells of it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** 'veth', 'bridge', …, also kinds that this library cannot create; undefined for lo and hardware. */
  readonly kind?: string;
  /** What is particular to the kind, for those of `LinkKind`. */
  readonly details?: LinkKind;
  /** Administratively up (IFF_UP). */
  readonly up: boolean;
  /** It has carrier (IFF_LOWER_UP). */
  readonly hasCarrier: boolean;
  readonly loopback: boolean;
  /** 'up', 'down', 'unknown' (as for lo and tun), 'lowerlayerdown', … RFC 2863. */
  readonly operState: string;
  readonly mtu: number;
  /** `02:00:00:00:00:01`, in lower case; undefined where the link layer has none (ipip, tun). */
  readonly mac?: string;
  readonly txQueueLength: number;
  /** Index of the bridge (or the like) that it is a port of. */
  readonly master?: number;
  readonly group: number;
  /** IFLA_LINK: a veth's other end, or a tunnel's underlay device. Its namespace is `peerNamespaceId`'s. */
  readonly peerIndex?: number;
  /** IFLA_LINK_NETNSID: set when `peerIndex` is an index in another namespace. */
  readonly peerNamespaceId?: number;
}

/**
 * An interface to add, change or delete.
 *
 * `add` needs `name` and `kind`. `change` and `delete` find the interface by `index`, or by `name`
 * when there is no index; a change with both gives it `name` as its new name. What is absent stays
 * as it is, or gets the kernel's default.
 */
export interface LinkSpec {
  readonly index?: number;
  readonly name?: string;
  readonly kind?: Veth | Bridge | Vxlan | Ipip;
  readonly up?: boolean;
  readonly mtu?: number;
  readonly mac?: string;
  readonly txQueueLength?: number;
  /** Index of the bridge to be a port of; 0 takes it out. */
  readonly master?: number;
  readonly group?: number;
  /** Where it is created, or moved to. A move blocks for 15–40 ms: do it off the loop. */
  readonly namespace?: Namespace;
}
