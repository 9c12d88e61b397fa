/** What a speaker shows of itself. */

import type { Prefix } from 'net-ipaddr';
import type { BfdDrops } from './bfd/bfd.ts';
import type { BfdStatus } from './bfd/session.ts';
import type { CollectorStatus } from './bmp/collector.ts';
import type { RangeStatus } from './peer-ranges.ts';
import type { PathDetail, PeerCounts, RouteDetail } from './routing.ts';
import type { CacheStatus } from './rpki/cache.ts';
import type { SessionStatus } from './session/status.ts';
import type { ListenerStatus } from './transport/listeners.ts';

export interface SpeakerStatus {
  readonly listeners: readonly ListenerStatus[];
  /** Connections refused because they came from no peer's address. */
  readonly strangersRefused: number;
  /** BFD packets dropped, by reason. */
  readonly bfdDropped: BfdDrops;
  /** BMP collectors. */
  readonly collectors: readonly CollectorStatus[];
  /** RPKI caches. */
  readonly caches: readonly CacheStatus[];
  readonly peers: readonly PeerStatus[];
  readonly ranges: readonly RangeStatus[];
}

export interface PeerStatus extends SessionStatus {
  readonly name: string;
  readonly description: string | undefined;
  readonly type: string | undefined;
  /** Of an unnumbered peer that is not found yet, the interface. */
  readonly address: string;
  readonly port: number;
  readonly remoteAs: number | 'external';
  readonly passive: boolean;
  /** It is not configured by itself, but connected from within a range. */
  readonly isDynamic: boolean;
  /** Undefined unless it is configured and the session is Established. */
  readonly bfd: BfdStatus | undefined;
  readonly routes: PeerCounts;
}

/** RouteDetail with peers by name; a path's is undefined where the route was originated here. */
export interface RouteStatus {
  readonly prefix: Prefix;
  readonly paths: readonly (Omit<PathDetail, 'peer'> & { readonly peer: string | undefined })[];
  readonly sentTo: readonly string[];
  /** Why the other peers with a session were not sent the chosen route. */
  readonly notSentTo: readonly { readonly peer: string; readonly reason: string }[];
  /** For whom rules of the export policy changed it, and which. */
  readonly changedFor: readonly { readonly peer: string; readonly changedBy: readonly string[] }[];
}

/** @param nameOf the peer of a number; undefined: it is gone, or the route is our own */
export function routeStatus(
  { prefix, paths, sentTo, notSentTo, changedFor }: RouteDetail,
  nameOf: (id: number) => string | undefined,
): RouteStatus {
  return {
    prefix,
    paths: paths.map((path) => ({ ...path, peer: nameOf(path.peer) })),
    sentTo: sentTo.map((id) => nameOf(id)!),
    notSentTo: notSentTo.map(({ peer, reason }) => ({ peer: nameOf(peer)!, reason })),
    changedFor: changedFor.map(({ peer, changedBy }) => ({ peer: nameOf(peer)!, changedBy })),
  };
}
