/**
 * What goes in and out of Routing, as plain data. Numbers are unsigned 32 bits unless said otherwise.
 */

import type { Outcome, WireContext } from 'bgp-parser-ts';
import type { Address, Family, Prefix, ZonedAddress } from 'net-ipaddr';
import type { Clock, Log, Random } from '../ports.ts';
import type { Policy } from './policy/policy.ts';
import type { PathDetail } from './rib/detail.ts';
import type { Reachability } from './rib/nexthops.ts';
import type { RouteReader } from './rib/reader.ts';
import type { Role } from './role.ts';

export interface RoutingOptions {
  /** Seeds the hash tables: peers choose what is hashed. */
  readonly random: Random;
  /** Read between slices of work, to keep to the budget. */
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Log;
  /** Four-octet AS number. */
  readonly localAs: number;
  /** BGP Identifier, unsigned 32 bits. */
  readonly routerId: number;
  /** RFC 4456 cluster id, unsigned 32 bits. @default routerId */
  readonly clusterId?: number;
  /**
   * Asked for each next hop once, when a route first brings it, and again by `reviewNextHops`. Must not
   * depend on routes that were learned here (RFC 4271 §9.1.2.1).
   * @default every next hop is reachable at cost 0
   */
  readonly resolve?: (nextHop: ZonedAddress) => Reachability;
  /**
   * The interface that a next hop is reached by, for policies that ask for it; asked when a route is
   * judged. Link-local ones have theirs. @default it is not known of any
   */
  readonly interfaceOf?: (nextHop: Address) => string | undefined;
}

export interface RoutingPeer {
  /** For logs and inspection. */
  readonly name: string;
  /** Equal to our own AS: an iBGP peer. `external`: any other. */
  readonly remoteAs: number | 'external';
  /**
   * RFC 7705: what our AS is to this peer, in OPEN and in AS paths, where it stands in the place of
   * the speaker's own. What the peer sends stays as it is. @default the speaker's
   */
  readonly localAs?: number;
  /**
   * `auto`: RFC 4271 §5.1.3, the own address to eBGP peers, unchanged to iBGP peers. `self`: the own
   * address always. `keep`: unchanged always. What is originated here always goes out with the own address.
   */
  readonly nextHopMode: 'auto' | 'self' | 'keep';
  /**
   * The own address that IPv4 (IPv6) routes are announced with. Without one the session's local
   * address is taken if it is of that family, and where RFC 8950 is negotiated IPv4 routes go with the
   * IPv6 one; else the family's routes are not announced.
   */
  readonly localAddress4?: Address;
  readonly localAddress6?: Address;
  /** RFC 9234: what we are to this eBGP peer. */
  readonly role?: Role | undefined;
  /**
   * RFC 7947: what other eBGP peers announce goes to this one as if they had sent it themselves: AS
   * path, MED and, unless `nextHopMode` is `self`, the next hop stay as they are. @default false
   */
  readonly routeServerClient?: boolean;
  /** RFC 8326: the session is about to be ended, so that others' routes should be taken. @default false */
  readonly isLeaving?: boolean;
  /** RFC 4456: this iBGP peer is our client. @default false */
  readonly routeReflectorClient?: boolean;
  /** How often the own AS may stand in a received AS path. @default 0 */
  readonly allowedLocalAs?: number;
  readonly importPolicy: Policy;
  readonly exportPolicy: Policy;
}

/** What OPEN settled and the transport told. */
export interface Negotiated {
  readonly families: readonly Family[];
  /** RFC 7911: families in which we send, and the peer sends, path identifiers. */
  readonly addPath: { readonly send: readonly Family[]; readonly receive: readonly Family[] };
  /** RFC 6793: both sides have the capability. */
  readonly fourOctetAs: boolean;
  /** RFC 8654: messages up to 65535 octets, else 4096. */
  readonly extendedMessage: boolean;
  /** RFC 8950: IPv4 routes may have IPv6 next hops. */
  readonly extendedNextHop: boolean;
  /** RFC 7313: marks enclose what a ROUTE-REFRESH is answered with. */
  readonly enhancedRouteRefresh: boolean;
  /** RFC 9494: the peer has the capability. Else long-lived stale routes are not for it. @default false */
  readonly knowsLongLivedStale?: boolean;
  /** The AS in the peer's OPEN. */
  readonly remoteAs: number;
  /** The peer's BGP Identifier, unsigned 32 bits. */
  readonly remoteRouterId: number;
  /** Its zone is that of the link-local next hops that the peer sends. */
  readonly localAddress: ZonedAddress;
  readonly remoteAddress: ZonedAddress;
}

/** The session is to be closed with this NOTIFICATION. */
export interface SessionReset {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
  /** For logs: what was wrong. */
  readonly text: string;
}

/** What is originated here. */
export interface Origination {
  /** @default 'igp' */
  readonly origin?: 'igp' | 'egp' | 'incomplete';
  /** Sent to iBGP peers. @default 100 */
  readonly localPref?: number;
  readonly med?: number;
  /** RFC 1997, unsigned 32 bits each. */
  readonly communities?: readonly number[];
}

/** `ids` is reused: only its first `count` cells count, and only during the call. */
export type RoutesListener = (ids: Uint32Array, count: number, reader: RouteReader) => void;

/** One UPDATE of a peer: `bytes[start, end)`, valid during the call, and what RFC 7606 made of it. */
export type UpdateListener = (
  peer: number,
  context: WireContext,
  outcome: Outcome,
  bytes: Uint8Array,
  start: number,
  end: number,
) => void;

export interface PeerCounts {
  /** Paths held from the peer, and how many of them passed import. */
  readonly received: number;
  readonly accepted: number;
  /** How many of them are left from before its session ended gracefully (RFC 4724). */
  readonly stale: number;
  /** Routes that the peer is announced, or will be when it has pulled all. */
  readonly advertised: number;
  /** Whether the peer waits for nothing: all it should know is pulled. */
  readonly inStep: boolean;
  /** RFC 7606, since the session came up: UPDATEs treated as withdraw, and UPDATEs of which attributes were discarded. */
  readonly treatedAsWithdraw: number;
  readonly attributesDiscarded: number;
}

export interface TableSizes {
  /** Prefixes that have an id, some of them without a route any more. */
  readonly prefixes: number;
  readonly paths: number;
  /** Distinct sets of attributes: received, and as sent. */
  readonly attributeSets: number;
  readonly exportedSets: number;
  /** Update groups, and what their rings hold for peers in step. */
  readonly groups: number;
  readonly ringBytes: number;
  readonly arenaBytes: number;
}

/** Everything known of one prefix. */
export interface RouteDetail {
  readonly prefix: Prefix;
  readonly paths: readonly PathDetail[];
  /** Ids of the peers that the route was sent to. */
  readonly sentTo: readonly number[];
  /** Why the others who are up were not sent the chosen route. */
  readonly notSentTo: readonly { readonly peer: number; readonly reason: string }[];
  /** For whom it was changed by rules of the export policy, and which. */
  readonly changedFor: readonly { readonly peer: number; readonly changedBy: readonly string[] }[];
}
