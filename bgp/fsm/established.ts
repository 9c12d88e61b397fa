/** Established, RFC 4271 §8.2.2: routes go both ways. RFC 4724 §5 and RFC 8538 §4 say which of its ends are graceful. */

import { CEASE, ERROR, FSM_ERROR, type WireError } from 'bgp-parser-ts';
import type { Event } from './event.ts';
import {
  COLLISION,
  type Context,
  cease,
  type Fsm,
  fail,
  fsmError,
  HOLD_TIMER_EXPIRED,
  SEND_HOLD_TIMER_EXPIRED,
  startHold,
  startKeepalive,
  stay,
  stop,
  type Transition,
} from './transition.ts';

export function established(fsm: Fsm, event: Event, context: Context): Transition {
  const negotiated = fsm.negotiated!;
  const { gracefulRestart } = negotiated;
  /** Whether this end is graceful if it is told by a NOTIFICATION, ours or the peer's. */
  const graceful = gracefulRestart?.notification ?? false;
  switch (event.name) {
    case 'ManualStart':
    case 'AutomaticStart':
    case 'ManualStart_with_PassiveTcpEstablishment':
    case 'AutomaticStart_with_PassiveTcpEstablishment':
    case 'AutomaticStart_with_DampPeerOscillations':
    case 'AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment':
      return stay(fsm);

    case 'ManualStop':
      return stop(fsm, forGood(cease(event.subcode, 'the session is stopped here', event.data)));

    case 'AutomaticStop':
      return fail(
        fsm,
        context,
        forGood(cease(event.subcode, event.text, event.data)),
        false,
        event.idleHoldMs,
      );

    case 'HoldTimer_Expires':
      return fail(fsm, context, HOLD_TIMER_EXPIRED, graceful);

    case 'SendHoldTimer_Expires':
      return fail(fsm, context, SEND_HOLD_TIMER_EXPIRED, graceful);

    // §8.2.2 restarts the timer with each UPDATE too, which saves a KEEPALIVE now and then. They go
    // out regularly here, as other speakers take the first one for the end of the initial routes.
    case 'KeepaliveTimer_Expires':
      return stay(fsm, [{ do: 'sendKeepalive' }, ...startKeepalive(negotiated, context)]);

    // A second connection has a machine of its own.
    case 'TcpConnection_Valid':
    case 'Tcp_CR_Acked':
    case 'TcpConnectionConfirmed':
    case 'Tcp_CR_Invalid':
      return stay(fsm);

    case 'TcpConnectionFails':
      return fail(fsm, context, undefined, gracefulRestart !== undefined);

    case 'NotifMsgVerErr':
      return fail(fsm, context, undefined, graceful);

    case 'NotifMsg':
      return fail(fsm, context, undefined, graceful && !event.isHardReset);

    case 'KeepAliveMsg':
      // The session outlived a keepalive interval: what failed before it no longer counts.
      return stay(
        fsm.connectRetryCounter === 0 ? fsm : { ...fsm, connectRetryCounter: 0 },
        startHold(negotiated),
      );

    case 'UpdateMsg':
      return stay(fsm, [...startHold(negotiated), { do: 'processUpdate' }]);

    case 'RouteRefreshMsg':
      return stay(fsm, [...startHold(negotiated), { do: 'processRouteRefresh' }]);

    // §8.2.2 has a FSM Error for event 21, but §6.1 says that a header error is told as one.
    case 'BGPHeaderErr':
    case 'UpdateMsgErr':
    case 'RouteRefreshMsgErr':
      return fail(fsm, context, event.error, graceful);

    case 'OpenCollisionDump':
      return fail(fsm, context, COLLISION, graceful);

    // "In response to any other event". CollisionDetectEstablishedState is false: an OPEN here has
    // nothing to collide with, and is an error as any other.
    case 'BGPOpen':
    case 'BGPOpenMsgErr':
    case 'ConnectRetryTimer_Expires':
    case 'DelayOpenTimer_Expires':
    case 'IdleHoldTimer_Expires':
    case 'BGPOpen with DelayOpenTimer running':
      return fail(
        fsm,
        context,
        fsmError(FSM_ERROR.UNEXPECTED_IN_ESTABLISHED, event.name, fsm.state),
        graceful,
      );
  }

  /** RFC 8538 §3.1: a peer that would keep our routes after a NOTIFICATION is told not to. */
  function forGood(error: WireError): WireError {
    return graceful ? hardReset(error) : error;
  }
}

function hardReset({ code, subcode, data, text }: WireError): WireError {
  return {
    code: ERROR.CEASE,
    subcode: CEASE.HARD_RESET,
    data: Uint8Array.of(code, subcode, ...data),
    text,
  };
}
