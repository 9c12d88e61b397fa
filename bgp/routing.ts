/**
 * The speaker's routes behind one face: what peers announced (Adj-RIB-In), what was chosen
 * (Loc-RIB), what each peer is to be told (Adj-RIB-Out). No sockets and no timers: sessions hand
 * UPDATE bytes in and pull encoded bytes out, and whoever owns the event loop calls `work`.
 */

import type { Address, Family, Prefix } from 'net-ipaddr';
import type { Clock, Log, Random } from '../ports.ts';
import type { Policy } from './policy/prefixes.ts';

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
   * Asked once for each next hop when a route first brings it; `setReachability` tells of changes.
   * @default every next hop is reachable at cost 0
   */
  readonly resolve?: (nextHop: Address) => Reachability;
}

export interface Reachability {
  readonly reachable: boolean;
  /** The interior cost of RFC 4271 §9.1.2.2 e), unsigned 32 bits. */
  readonly cost: number;
}

export interface RoutingPeer {
  /** For logs and inspection. */
  readonly name: string;
  /** Equal to the speaker's own AS: an iBGP peer. */
  readonly remoteAs: number;
  /**
   * `auto`: RFC 4271 §5.1.3, the own address to eBGP peers, unchanged to iBGP peers. `self`: the own
   * address always. `keep`: unchanged always. What is originated here always goes out with the own address.
   */
  readonly nextHopMode: 'auto' | 'self' | 'keep';
  /**
   * The own address that IPv4 (IPv6) routes are announced with. Without one the session's local
   * address is taken if it is of that family; else the family's routes are not announced.
   */
  readonly localAddress4?: Address;
  readonly localAddress6?: Address;
  /** RFC 4456: this iBGP peer is our client. @default false */
  readonly routeReflectorClient?: boolean;
  readonly importPolicy: Policy;
  readonly exportPolicy: Policy;
}

/** What OPEN settled and the transport told. */
export interface Negotiated {
  readonly families: readonly Family[];
  /** RFC 6793: both sides have the capability. */
  readonly fourOctetAs: boolean;
  /** RFC 8654: messages up to 65535 octets, else 4096. */
  readonly extendedMessage: boolean;
  /** The peer's BGP Identifier, unsigned 32 bits. */
  readonly remoteRouterId: number;
  readonly localAddress: Address;
  readonly remoteAddress: Address;
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

/**
 * Reads the Loc-RIB by prefix id. Good inside an `onRoutes` call, for the ids that it names; an id
 * whose route is gone may stand for another prefix after the call.
 */
export interface RouteReader {
  prefix(id: number): Prefix;
  /** False: no route to the prefix is left. The methods below then return nothing of use. */
  hasRoute(id: number): boolean;
  /** The best path was originated here. */
  isLocal(id: number): boolean;
  /** The id of the peer that the best path came from, or -1 when it is local. */
  sourcePeer(id: number): number;
  /** The best path was learned from an eBGP peer. */
  isExternal(id: number): boolean;
  /** Next hops of the best path and of those equal to it up to the interior cost, ascending, without repeats. Empty when local. */
  nextHops(id: number): Address[];
}

/** `ids` is reused: only its first `count` cells count, and only during the call. */
export type RoutesListener = (ids: Uint32Array, count: number, reader: RouteReader) => void;

export interface PeerCounts {
  /** Paths held from the peer, and how many of them passed import. */
  readonly received: number;
  readonly accepted: number;
  /** Prefixes announced to the peer now. */
  readonly advertised: number;
  /** Whether the peer waits for nothing: all it should know is pulled. */
  readonly inStep: boolean;
  /** UPDATEs treated as withdraw (RFC 7606) since the session came up. */
  readonly treatedAsWithdraw: number;
}

/** Everything known of one prefix. */
export interface RouteDetail {
  readonly prefix: Prefix;
  readonly paths: readonly PathDetail[];
  /** Ids of the peers that the route was sent to. */
  readonly sentTo: readonly number[];
}

export interface PathDetail {
  /** Peer id, or -1: originated here. */
  readonly peer: number;
  readonly state: 'best' | 'multipath' | 'lost' | 'rejected';
  /** The step that decided for or against it, or why import rejected it. */
  readonly reason: string;
  readonly nextHop: Address | undefined;
  /** Attributes as received. */
  readonly attributes: readonly unknown[];
}

export class Routing {
  constructor(options: RoutingOptions) {
    this.#options = options;
  }
  readonly #options: RoutingOptions;

  /** A dense id, reused after `removePeer`. The peer is down at first. */
  addPeer(_config: RoutingPeer): number {
    return this.#options.localAs;
  }

  /** Takes effect without the session's help: what was received is judged again, what was sent is compared. */
  changePeer(_id: number, _config: RoutingPeer): void {}

  /** As peerDown, and the id is given up. */
  removePeer(_id: number): void {}

  /** The session is Established. The initial table, then End-of-RIB, can be pulled. */
  peerUp(_id: number, _negotiated: Negotiated): void {}

  /** The session is gone. Its paths stop counting at once and are freed by `work`. */
  peerDown(_id: number): void {}

  /**
   * One UPDATE message, its header included: `bytes[start, end)`, valid only during the call.
   * Returns undefined, or why the session must be reset.
   */
  update(_id: number, _bytes: Uint8Array, _start: number, _end: number): SessionReset | undefined {
    return undefined;
  }

  /** The peer asked for its routes again (RFC 2918). */
  refresh(_id: number, _afi: number, _safi: number): void {}

  /**
   * Up to about `maxBytes` of whole UPDATEs, at least one if there is any. The buffers are shared
   * and must not be written to. Empty: nothing to send now.
   */
  pull(_id: number, _maxBytes: number): Uint8Array[] {
    return [];
  }

  /** `listener` hears of each peer that has something to pull after it had nothing. Never inside `pull`. */
  onReadable(_listener: (peerId: number) => void): void {}

  /** `listener` is called when there is something for `work` to do after there was nothing. */
  onWork(_listener: () => void): void {}

  onRoutes(_listener: RoutesListener): void {}

  /** Announces a route of our own. The same prefix again replaces it. */
  originate(_prefix: Prefix, _attributes: Origination): void {}

  withdrawOrigin(_prefix: Prefix): void {}

  /** Tells that a next hop can(not) be reached now, and at which cost. Routes are chosen again by `work`. */
  setReachability(_nextHop: Address, _reachability: Reachability): void {}

  /** The node's own addresses: a next hop among them is refused (RFC 4271 §5.1.3). */
  setLocalAddresses(_addresses: readonly Address[]): void {}

  /** Chooses, exports and cleans up for about `budgetMs`. True while more is left to do. */
  work(_budgetMs: number): boolean {
    return false;
  }

  peerCounts(_id: number): PeerCounts {
    return { received: 0, accepted: 0, advertised: 0, inStep: true, treatedAsWithdraw: 0 };
  }

  /** Undefined when nothing is known of the prefix. Builds objects: for people, not for loops. */
  route(_prefix: Prefix): RouteDetail | undefined {
    return undefined;
  }

  /** The prefixes with a route, for listings; slow, and the RIB must not change meanwhile. */
  *prefixes(): Generator<Prefix> {}
}
