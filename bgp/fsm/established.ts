/** Established, RFC 4271 §8.2.2: routes go both ways. */

import { FSM_ERROR } from 'bgp-parser-ts';
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
  switch (event.name) {
    case 'ManualStart':
    case 'AutomaticStart':
    case 'ManualStart_with_PassiveTcpEstablishment':
    case 'AutomaticStart_with_PassiveTcpEstablishment':
    case 'AutomaticStart_with_DampPeerOscillations':
    case 'AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment':
      return stay(fsm);

    case 'ManualStop':
      return stop(fsm, cease(event.subcode, 'the session is stopped here'));

    case 'AutomaticStop':
      return fail(fsm, context, cease(event.subcode, event.text));

    case 'HoldTimer_Expires':
      return fail(fsm, context, HOLD_TIMER_EXPIRED);

    case 'SendHoldTimer_Expires':
      return fail(fsm, context, SEND_HOLD_TIMER_EXPIRED);

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
    case 'NotifMsgVerErr':
    case 'NotifMsg':
      return fail(fsm, context);

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
      return fail(fsm, context, event.error);

    case 'OpenCollisionDump':
      return fail(fsm, context, COLLISION);

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
      );
  }
}
