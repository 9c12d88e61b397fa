import type { Capability } from 'bgp-parser-ts';
import type { Family } from 'net-ipaddr';
import type { AddPath } from './add-path.ts';
import type { GracefulRestart } from './graceful-restart.ts';

/** What the two OPENs settled. */
export interface Negotiated {
  /** 0: the session is never timed out, and no KEEPALIVE is sent. */
  readonly holdTimeMs: number;
  readonly families: readonly Family[];
  readonly addPath: AddPath;
  /** RFC 6793 */
  readonly fourOctetAs: boolean;
  /** RFC 8654 */
  readonly extendedMessage: boolean;
  /** RFC 8950, for IPv4 unicast with IPv6 next hops. */
  readonly extendedNextHop: boolean;
  /** RFC 7313 */
  readonly enhancedRouteRefresh: boolean;
  /** RFC 4724: both sides have the capability. */
  readonly gracefulRestart: GracefulRestart | undefined;
  readonly remoteAs: number;
  /** The peer's BGP Identifier, unsigned 32 bits. */
  readonly remoteRouterId: number;
  /** All that the peer announced, in its order. */
  readonly capabilities: readonly Capability[];
}
