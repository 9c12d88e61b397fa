/** Connect, RFC 4271 §8.2.2: our TCP connection to the peer is on its way. */

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
  toActive,
  toOpenConfirm,
  toOpenSent,
} from './transition.ts';

export function connect(fsm: Fsm, event: Event, context: Context): Transition {
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
      return toOpenSent(fsm, []);

    case 'TcpConnection_Valid':
    case 'Tcp_CR_Invalid':
      return stay(fsm);

    case 'Tcp_CR_Acked':
    case 'TcpConnectionConfirmed':
      return connected(fsm, context);

    case 'TcpConnectionFails':
      // §8.2.2 goes to Idle if the DelayOpenTimer does not run. Idle refuses the peer, and a peer
      // that restarts and dials us while we hold off would be turned away; Active listens, and
      // dials again after the ConnectRetryTimer all the same.
      return toActive(fsm, context, [{ do: 'stopTimers' }, { do: 'drop' }]);

    case 'BGPOpen with DelayOpenTimer running':
      return toOpenConfirm(fsm, event.negotiated, context, [{ do: 'sendOpen' }]);

    // No NOTIFICATION before our OPEN: SendNOTIFICATIONwithoutOPEN is false.
    case 'BGPHeaderErr':
    case 'BGPOpenMsgErr':
      return fail(fsm, context);

    case 'NotifMsgVerErr':
      return fsm.delaysOpen ? refuseVersion(fsm, context) : fail(fsm, context);

    // "In response to any other events"
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
