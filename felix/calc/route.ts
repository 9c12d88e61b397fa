/** What felix wants of the kernel for one prefix, in the node's own terms; table/ turns it into netlink's. */

import type { Address, Prefix, ZonedAddress } from 'net-ipaddr';
import type { Gateway, NextHopSet } from './next-hops.ts';

export type Target =
  /** A pod of this node, on its veth. */
  | { readonly kind: 'workload'; readonly hostInterface: string }
  /** A block of this node: what no pod of it has goes nowhere, least of all back to where it came from. */
  | { readonly kind: 'blackhole' }
  | RemoteTarget
  | LearnedTarget;

/** Another node, as the datastore says: by its own address, or by a tunnel. */
export interface RemoteTarget {
  readonly kind: 'remote';
  /** The other node's name. */
  readonly node: string;
  /** Undefined: the device finds the node by the packet's destination. */
  readonly gateway?: Address | undefined;
  /** The tunnel's, on which the gateway is though no address says so. Undefined: the host knows the way. */
  readonly device?: string | undefined;
  /** Until BGP has a route of this prefix. @default false */
  readonly yields?: boolean | undefined;
}

/** A route that BGP chose. Several next hops are an ECMP route; none means that the route is gone. */
export interface LearnedChange {
  readonly prefix: Prefix;
  readonly nextHops: readonly ZonedAddress[];
  /** 1 to 4294967295. @default 1024, as of all our routes */
  readonly metric?: number | undefined;
}

/** A host that is to be reached by this gateway, whatever other routes say: a BGP peer with `reachableBy`. */
export interface PeerRoute {
  readonly peer: Address;
  readonly gateway: Address;
}

/**
 * By one gateway, or by several that share the load: what BGP chose, or how the host reaches another node. Sorted,
 * without duplicates.
 */
export interface LearnedTarget {
  readonly kind: 'learned';
  readonly nextHops: readonly Gateway[];
  /** The route's metric, above 0; undefined: that of all our routes. */
  readonly metric?: number | undefined;
  /** All routes by the same next hops: they can be moved as one. */
  readonly set?: NextHopSet | undefined;
}

export interface DesiredRoute {
  readonly prefix: Prefix;
  readonly target: Target;
}

/** A route that is wanted by someone and will not be programmed, with the rule that forbids it. */
export interface Refusal {
  readonly prefix: Prefix;
  readonly rule: RefusalRule;
  /** A sentence for the admin. */
  readonly reason: string;
}

export type RefusalRule =
  | 'is no network to route to'
  | 'covers a node address'
  | 'displaces a connected route'
  | 'shadows a local block'
  | 'belongs to a local pod'
  | 'has an unusable next hop'
  | 'address of two pods';

/** What one prefix comes to. Neither field: nobody wants it. */
export interface Decision {
  readonly route?: DesiredRoute;
  readonly refusals: readonly Refusal[];
}

/** A route that the host has without us, as far as our guards must know it. */
export interface UnderlayRoute {
  readonly prefix: Prefix;
  /** On-link because an interface has an address in it; else it goes by a gateway, or is the host's own. */
  readonly isConnected: boolean;
}
