/** Graceful restart (RFC 4724, RFC 8538): what our OPEN says of it, and what the peer's settles. */

import { type AddressFamily, type Capability, SAFI_UNICAST } from 'bgp-parser-ts';
import type { Family } from 'net-ipaddr';
import { AFI } from '../afi.ts';

/** What we offer to a peer. */
export interface RestartTerms {
  /**
   * Seconds, 0–4095: for how long the peer is asked to keep our routes while we are away, and the
   * most that it gets of us when it asks for more.
   */
  readonly restartTimeSec: number;
  /** RFC 9494, seconds, up to 2^24 - 1: likewise after that time, as the last choice; 0: not at all. */
  readonly longLivedStaleTimeSec: number;
  /**
   * RFC 8538: also when the session ends by a NOTIFICATION, as it does when the hold timer runs out.
   * False: then routes go at once, and only a connection that just closes is a restart.
   */
  readonly notification: boolean;
}

/** What our OPEN says of this process. */
export interface RestartState {
  /** R: we have restarted, and have not yet chosen routes again. */
  readonly restarted: boolean;
  /** F: packets went on being forwarded by our routes meanwhile. */
  readonly forwarding: boolean;
}

/** What the two OPENs settled; all of it is about the peer going away and coming back. */
export interface GracefulRestart {
  /** Families whose routes are kept when the session ends: negotiated, and in the peer's capability. */
  readonly families: readonly Family[];
  /** Those of them with F: what was kept since the last session stays until End-of-RIB. */
  readonly preserved: readonly Family[];
  /** R: the peer has restarted. It waits for our End-of-RIB, so that we must not wait for its. */
  readonly restarted: boolean;
  /** RFC 8538: both sides have N, so that NOTIFICATIONs are graceful too. */
  readonly notification: boolean;
  /** How long the peer may be away. */
  readonly restartTimeMs: number;
  /** RFC 9494: for how long what is kept then stays as the last choice, where that is wanted by both. */
  readonly longLived: readonly { readonly family: Family; readonly staleTimeMs: number }[];
}

/**
 * All families: whatever peers announced us, our kernel goes on using. The capability of RFC 9494
 * says with or without families that we know what LLGR_STALE means.
 */
export function restartCapabilities(
  { longLivedStaleTimeSec, notification, restartTimeSec }: RestartTerms,
  families: readonly Family[],
  { restarted, forwarding }: RestartState,
): Capability[] {
  const ours = families.map((family) => ({ afi: AFI[family], safi: SAFI_UNICAST, forwarding }));
  const staleTime = longLivedStaleTimeSec;
  return [
    {
      kind: 'graceful-restart',
      restarted,
      notification,
      restartTime: restartTimeSec,
      families: ours,
    },
    {
      kind: 'long-lived-graceful-restart',
      families: staleTime === 0 ? [] : ours.map((family) => ({ ...family, staleTime })),
    },
  ];
}

/** Undefined: the peer does not have the capability. */
export function negotiateRestart(
  { longLivedStaleTimeSec, notification, restartTimeSec }: RestartTerms,
  families: readonly Family[],
  capabilities: readonly Capability[],
): GracefulRestart | undefined {
  // RFC 5492 §4 lets a capability come several times; RFC 4724 §3 says that the last one counts.
  const theirs = capabilities.findLast((one) => one.kind === 'graceful-restart');
  if (theirs === undefined) return undefined;
  const named = (family: Family) => theirs.families.find(isFamily(family));
  const kept = families.filter((family) => named(family) !== undefined);
  const theirLongLived = capabilities.findLast((one) => one.kind === 'long-lived-graceful-restart');
  const longLived = kept.map((family) => {
    const isIt = isFamily(family);
    const staleTime = theirLongLived?.families.find(isIt)?.staleTime ?? 0;
    return { family, staleTimeMs: 1000 * Math.min(staleTime, longLivedStaleTimeSec) };
  });
  return {
    families: kept,
    preserved: kept.filter((family) => named(family)!.forwarding),
    restarted: theirs.restarted,
    notification: theirs.notification && notification,
    restartTimeMs: 1000 * Math.min(theirs.restartTime, restartTimeSec),
    longLived: longLived.filter(({ staleTimeMs }) => staleTimeMs > 0),
  };
}

function isFamily(family: Family): (one: AddressFamily) => boolean {
  return ({ afi, safi }) => afi === AFI[family] && safi === SAFI_UNICAST;
}
