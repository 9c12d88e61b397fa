/** Active, RFC 4271 §8.2.2: waiting for the peer to connect, or for the time to connect again. */

import type { Event } from './event.ts';
import {
  type Context,
  connected,
  dialAgain,
  type Fsm,
  fail,
  refuseVersion,
  stay,
  stop,
  type Transition,
  toOpenConfirm,
  toOpenSent,
} from './transition.ts';

export function active(fsm: Fsm, event: Event, context: Context): Transition {
  switch (event.name) {
    case 'ManualStart':
    case 'AutomaticStart':
    case 'ManualStart_with_PassiveTcpEstablishment':
    case 'AutomaticStart_with_PassiveTcpEstablishment':
    case 'AutomaticStart_with_DampPeerOscillations':
    case 'AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment':
      return stay(fsm);

    case 'ManualStop':
      return stop(fsm);

    case 'ConnectRetryTimer_Expires':
      return dialAgain(fsm, context);

    case 'DelayOpenTimer_Expires':
      return toOpenSent(fsm, [{ do: 'stopTimer', timer: 'ConnectRetry' }]);

    case 'TcpConnection_Valid':
    case 'Tcp_CR_Invalid':
      return stay(fsm);

    case 'Tcp_CR_Acked':
    case 'TcpConnectionConfirmed':
      return connected(fsm, context);

    case 'TcpConnectionFails':
      return fail(fsm, context);

    case 'BGPOpen with DelayOpenTimer running':
      return toOpenConfirm(fsm, event.negotiated, context, [{ do: 'sendOpen' }]);

    // No NOTIFICATION before our OPEN: SendNOTIFICATIONwithoutOPEN is false.
    case 'BGPHeaderErr':
    case 'BGPOpenMsgErr':
      return fail(fsm, context);

    case 'NotifMsgVerErr':
      return fsm.delaysOpen ? refuseVersion(fsm, context) : fail(fsm, context);

    // "In response to any other event"
    case 'AutomaticStop':
    case 'HoldTimer_Expires':
    case 'KeepaliveTimer_Expires':
    case 'IdleHoldTimer_Expires':
    case 'SendHoldTimer_Expires':
    case 'BGPOpen':
    case 'OpenCollisionDump':
    case 'NotifMsg':
    case 'KeepAliveMsg':
    case 'UpdateMsg':
    case 'UpdateMsgErr':
    case 'RouteRefreshMsg':
    case 'RouteRefreshMsgErr':
      return fail(fsm, context);
  }
}
