/** OpenSent, RFC 4271 §8.2.2: our OPEN is out, the peer's is awaited. */

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
  refuseVersion,
  stay,
  stop,
  type Transition,
  toActive,
  toOpenConfirm,
} from './transition.ts';

export function openSent(fsm: Fsm, event: Event, context: Context): Transition {
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
      return fail(fsm, context, cease(event.subcode, 'the session is stopped here'));

    case 'HoldTimer_Expires':
      return fail(fsm, context, HOLD_TIMER_EXPIRED);

    // "A second TCP connection may be in progress": it has a machine of its own.
    case 'TcpConnection_Valid':
    case 'Tcp_CR_Acked':
    case 'TcpConnectionConfirmed':
    case 'Tcp_CR_Invalid':
      return stay(fsm);

    case 'TcpConnectionFails':
      return toActive(fsm, context, [{ do: 'stopTimers' }, { do: 'drop' }]);

    case 'BGPOpen':
      return toOpenConfirm(fsm, event.negotiated, context, []);

    case 'BGPHeaderErr':
    case 'BGPOpenMsgErr':
      return fail(fsm, context, event.error);

    case 'OpenCollisionDump':
      return fail(fsm, context, COLLISION);

    case 'NotifMsgVerErr':
      return refuseVersion(fsm, context);

    // §8.2.2 counts event 25 among the others below. But the peer has closed the connection after its
    // NOTIFICATION (§4.5): there is nobody to send ours to.
    case 'NotifMsg':
      return fail(fsm, context);

    // "In response to any other event"
    case 'ConnectRetryTimer_Expires':
    case 'KeepaliveTimer_Expires':
    case 'DelayOpenTimer_Expires':
    case 'IdleHoldTimer_Expires':
    case 'SendHoldTimer_Expires':
    case 'BGPOpen with DelayOpenTimer running':
    case 'KeepAliveMsg':
    case 'UpdateMsg':
    case 'UpdateMsgErr':
    case 'RouteRefreshMsg':
    case 'RouteRefreshMsgErr':
      return fail(fsm, context, fsmError(FSM_ERROR.UNEXPECTED_IN_OPEN_SENT, event.name, fsm.state));
  }
}
