/** What a speaker is told to do. */

import type { Family } from 'net-ipaddr';
import type { TcpAoKey } from 'rtnetlink-ts';
import type { BfdSettings } from '../bfd/bfd.ts';
import type { Policy } from '../policy/policy.ts';
import type { Role } from '../role.ts';
import type { Origination, RoutingPeer } from '../routing.ts';
import type { Endpoint } from '../transport/transport.ts';

export interface SpeakerConfig {
  /** 1–4294967295. Another one resets all sessions. */
  readonly localAs: number;
  /** BGP Identifier, as an IPv4 address. Another one resets all sessions. */
  readonly routerId: string;
  /** RFC 4456, as an IPv4 address. Another one resets all sessions. @default routerId */
  readonly clusterId?: string;
  /** Where peers may connect to. Port 0: any free one, which `inspect` shows. */
  readonly listen: readonly Endpoint[];
  /** Seconds, 0 (never) or at least 3. @default 90 */
  readonly holdTimeSec?: number;
  /** Seconds between KEEPALIVEs, never more than a third of the hold time. @default a third of the hold time */
  readonly keepaliveSec?: number;
  /** Seconds between attempts to connect, less up to a quarter. @default 3 */
  readonly connectRetrySec?: number;
  readonly peers: readonly PeerConfig[];
  /** Of several that hold an address the longest counts. @default none */
  readonly peerRanges?: readonly PeerRangeConfig[];
  readonly originations: readonly OriginationConfig[];
  /** @default no collectors */
  readonly bmp?: BmpConfig;
  /** @default origins are not validated */
  readonly rpki?: RpkiConfig;
}

/** Origin validation of routes from eBGP peers, RFC 6811, by what caches tell over RFC 8210. */
export interface RpkiConfig {
  /** At most eight. All are asked, and what any of them says counts until it has expired. */
  readonly servers: readonly Endpoint[];
  /** Accepted routes only show their validity. */
  readonly invalidRoutes: 'accept' | 'reject';
}

/** The BGP Monitoring Protocol, RFC 7854. */
export interface BmpConfig {
  readonly collectors: readonly Endpoint[];
  /** What collectors know this speaker by. @default the router id */
  readonly sysName?: string;
  /** Seconds between statistics reports; 0: none. @default 60 */
  readonly statisticsSec?: number;
}

export interface PeerConfig {
  /** What the peer is known by: the same name later is the same peer, perhaps changed. */
  readonly name: string;
  /**
   * An address of one peer only: incoming connections are told apart by it. A link-local one has its
   * interface with it: fe80::1%eth0. Of `address` and `interface` a peer has one.
   */
  readonly address?: string;
  /**
   * Unnumbered: the peer is the neighbour on this link, whatever its address. The two find each other
   * by router advertisements (RFC 4861).
   */
  readonly interface?: string;
  /** Where we connect to. @default 179 */
  readonly port?: number;
  /** `external`: any AS but ours. */
  readonly remoteAs: number | 'external';
  /** As RoutingPeer's. Another one resets the session. @default SpeakerConfig's */
  readonly localAs?: number;
  /** Wait for the peer to connect. @default false */
  readonly passive?: boolean;
  /** Where we connect from. @default the kernel's choice */
  readonly sourceAddress?: string;
  /** RFC 2385, 1–80 octets. Another one is taken up without a reset. */
  readonly md5Key?: string;
  /**
   * RFC 5925, in place of md5Key: the first signs, all are taken. Each id is there once, and each secret
   * has 1–80 octets. They come and go without a reset; another secret takes another id.
   */
  readonly aoKeys?: readonly TcpAoKey[];
  /** RFC 5082: the peer is at most so many hops away, 1–255; 0: anywhere. @default 0 */
  readonly ttlSecurityHops?: number;
  /** The most prefixes of each family; more of them end the session for a while. @default any number */
  readonly maxPrefixes?: number;
  /** @default both, of which the peer may take one */
  readonly families?: readonly Family[];
  /** RFC 7911: several paths of a prefix, to the peer, from it, or both ways. @default none */
  readonly addPaths?: 'send' | 'receive' | 'both' | 'none';
  /** As SpeakerConfig's, for this peer. */
  readonly holdTimeSec?: number;
  readonly keepaliveSec?: number;
  /**
   * Seconds, up to 4095, for which this peer and we keep each other's routes when the session ends
   * (RFC 4724); 0: not at all. @default 120
   */
  readonly restartTimeSec?: number;
  /**
   * Seconds, up to 2^24 - 1, for which they are kept after that, as the last choice (RFC 9494).
   * @default 0
   */
  readonly longLivedStaleTimeSec?: number;
  /** RFC 8538: likewise when a NOTIFICATION ends it, or the hold timer. @default true */
  readonly gracefulNotification?: boolean;
  /** Seconds to wait for the peer's OPEN before ours is sent (RFC 4271 §8.1.1). @default 0 */
  readonly delayOpenSec?: number;
  /** As RoutingPeer's. @default auto */
  readonly nextHopMode?: RoutingPeer['nextHopMode'];
  /** As RoutingPeer's. */
  readonly localAddress4?: string;
  readonly localAddress6?: string;
  readonly routeReflectorClient?: boolean;
  readonly allowedLocalAs?: number;
  /** Undefined: no BFD. Otherwise the session ends as soon as BFD finds the path down. */
  readonly bfd?: BfdSettings;
  /** As RoutingPeer's; for eBGP peers only. Another role resets the session. */
  readonly role?: Role;
  readonly routeServerClient?: boolean;
  readonly importPolicy: Policy;
  readonly exportPolicy: Policy;
  /** For people; so is `type`, which `node status` shows: "node-to-node mesh". */
  readonly description?: string;
  readonly type?: string;
}

/** Whoever connects from within becomes a peer, until its session has ended. */
export interface PeerRangeConfig
  extends Omit<PeerConfig, 'name' | 'address' | 'port' | 'passive' | 'sourceAddress'> {
  readonly prefix: string;
  /** At the same time. @default 100 */
  readonly maxPeers?: number;
}

export interface OriginationConfig extends Origination {
  readonly prefix: string;
}
