/** Routes: RTM_NEWROUTE and its kin, rtnetlink(7) and linux/rtnetlink.h. */

import type { Address, Family, Prefix } from 'net-ipaddr';

export type Scope = 'global' | 'site' | 'link' | 'host' | 'nowhere' | number;

export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw';

export interface NextHop {
  /** Of IPv6 also for an IPv4 route (RTA_VIA). */
  readonly gateway?: Address;
  /** The interface's index. */
  readonly oif?: number;
  /** The gateway is on the link even though no address says so. */
  readonly onlink?: boolean;
  /** 1–256. @default 1 */
  readonly weight?: number;
}

/**
 * A route to add, replace or delete. A `Route` is one too.
 *
 * A deletion matches what is given: without protocol, metric, scope or next hop, any will do.
 */
export interface RouteSpec {
  readonly destination: Prefix;
  /** @default 254 (main) */
  readonly table?: number;
  /** Who made it: 2 kernel, 3 boot, 4 static, 80 ours. @default 3; in a deletion: any */
  readonly protocol?: number;
  /** @default 'unicast'; in a deletion: any */
  readonly type?: RouteType;
  /** IPv4 only. @default as ip(8) has it: link without a gateway, host for local routes, else global */
  readonly scope?: Scope;
  /** Lower is better. @default 0; for IPv6 the kernel turns 0 into 1024 */
  readonly metric?: number;
  /** Of IPv6 also for an IPv4 route (RTA_VIA). */
  readonly gateway?: Address;
  /** The interface's index. */
  readonly oif?: number;
  /** The gateway is on the link even though no address says so. @default false */
  readonly onlink?: boolean;
  /** Several next hops, in place of gateway, oif and onlink. */
  readonly multipath?: readonly NextHop[];
  readonly preferredSource?: Address;
}

/** A route as the kernel tells of it. */
export interface Route extends RouteSpec {
  readonly family: Family;
  readonly table: number;
  readonly protocol: number;
  readonly type: RouteType;
  readonly scope: Scope;
  readonly metric: number;
  /** The next hop cannot be used: its link is down (RTNH_F_DEAD or RTNH_F_LINKDOWN). */
  readonly linkDown: boolean;
}

/** Which routes a dump tells of: all of the given must hold. The kernel filters. */
export interface RouteFilter {
  readonly family?: Family;
  readonly table?: number;
  readonly protocol?: number;
  readonly type?: RouteType;
  readonly oif?: number;
}
