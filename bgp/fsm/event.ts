/** What can happen to a session: the events of RFC 4271 §8.1 under their own names and in their order. */

import { CEASE, ERROR, type Notification, OPEN_ERROR, type WireError } from 'bgp-parser-ts';
import type { Negotiated } from './negotiated.ts';

export type Event =
  // §8.1.2 Administrative events
  /** 1 */
  | { readonly name: 'ManualStart' }
  /** 2. The Cease subcode tells the peer why (RFC 4486); `data` may hold words for people (RFC 9003). */
  | { readonly name: 'ManualStop'; readonly subcode: number; readonly data?: Uint8Array }
  /** 3 */
  | { readonly name: 'AutomaticStart' }
  /** 4 */
  | { readonly name: 'ManualStart_with_PassiveTcpEstablishment' }
  /** 5 */
  | { readonly name: 'AutomaticStart_with_PassiveTcpEstablishment' }
  /** 6 */
  | { readonly name: 'AutomaticStart_with_DampPeerOscillations' }
  /** 7 */
  | { readonly name: 'AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment' }
  /** 8. The Cease subcode tells the peer why (RFC 4486), the text our own people. */
  | {
      readonly name: 'AutomaticStop';
      readonly subcode: number;
      readonly text: string;
      readonly data?: Uint8Array;
      /** How long Idle lasts. @default longer with each failure in a row */
      readonly idleHoldMs?: number;
    }

  // §8.1.3 Timer events
  /** 9 */
  | { readonly name: 'ConnectRetryTimer_Expires' }
  /** 10 */
  | { readonly name: 'HoldTimer_Expires' }
  /** 11 */
  | { readonly name: 'KeepaliveTimer_Expires' }
  /** 12 */
  | { readonly name: 'DelayOpenTimer_Expires' }
  /** 13 */
  | { readonly name: 'IdleHoldTimer_Expires' }
  /** 29, RFC 9687 §3 */
  | { readonly name: 'SendHoldTimer_Expires' }

  // §8.1.4 TCP connection-based events
  /** 14. A connection request from the peer's address and to our port has come. */
  | { readonly name: 'TcpConnection_Valid' }
  /** 15 */
  | { readonly name: 'Tcp_CR_Invalid' }
  /** 16. The connection that we asked for is there. */
  | { readonly name: 'Tcp_CR_Acked' }
  /** 17. The connection that the peer asked for is there. */
  | { readonly name: 'TcpConnectionConfirmed' }
  /** 18 */
  | { readonly name: 'TcpConnectionFails' }

  // §8.1.5 BGP message-based events
  /** 19 */
  | { readonly name: 'BGPOpen'; readonly negotiated: Negotiated }
  /** 20 */
  | { readonly name: 'BGPOpen with DelayOpenTimer running'; readonly negotiated: Negotiated }
  /** 21 */
  | { readonly name: 'BGPHeaderErr'; readonly error: WireError }
  /** 22 */
  | { readonly name: 'BGPOpenMsgErr'; readonly error: WireError }
  /** 23 */
  | { readonly name: 'OpenCollisionDump' }
  /** 24 */
  | { readonly name: 'NotifMsgVerErr' }
  /** 25. RFC 8538 §3: after a hard reset no route is kept, whatever was negotiated. */
  | { readonly name: 'NotifMsg'; readonly isHardReset: boolean }
  /** 26 */
  | { readonly name: 'KeepAliveMsg' }
  /** 27 */
  | { readonly name: 'UpdateMsg' }
  /** 28 */
  | { readonly name: 'UpdateMsgErr'; readonly error: WireError }

  // RFC 2918 gives its message no event. It belongs where an UPDATE does, and is answered there.
  | { readonly name: 'RouteRefreshMsg' }
  /** RFC 7313 §5 */
  | { readonly name: 'RouteRefreshMsgErr'; readonly error: WireError };

export type EventName = Event['name'];

/** The start event for a peer that was configured: 1, or 4 for one that we only wait for. */
export function manualStart(passive: boolean): Event {
  return { name: passive ? 'ManualStart_with_PassiveTcpEstablishment' : 'ManualStart' };
}

/** Tells event 24 from 25: OPEN Message Error / Unsupported Version Number (RFC 4271 §6.2). */
export function notificationEvent({
  code,
  subcode,
}: Pick<Notification, 'code' | 'subcode'>): Event {
  if (code === ERROR.OPEN && subcode === OPEN_ERROR.UNSUPPORTED_VERSION) {
    return { name: 'NotifMsgVerErr' };
  }
  return {
    name: 'NotifMsg',
    isHardReset: code === ERROR.CEASE && subcode === CEASE.HARD_RESET,
  };
}
