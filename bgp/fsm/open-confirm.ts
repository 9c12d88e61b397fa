/** OpenConfirm, RFC 4271 §8.2.2: the peer's OPEN is good, and its KEEPALIVE is to say so of ours. */

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
  startHold,
  startKeepalive,
  stay,
  stop,
  type Transition,
} from './transition.ts';

export function openConfirm(fsm: Fsm, event: Event, context: Context): Transition {
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
      return fail(fsm, context, cease(event.subcode, 'the session is stopped here'));

    case 'HoldTimer_Expires':
      return fail(fsm, context, HOLD_TIMER_EXPIRED);

    case 'KeepaliveTimer_Expires':
      return stay(fsm, [{ do: 'sendKeepalive' }, ...startKeepalive(negotiated, context)]);

    // "The local system needs to track the second connection": it has a machine of its own.
    case 'TcpConnection_Valid':
    case 'Tcp_CR_Acked':
    case 'TcpConnectionConfirmed':
    case 'Tcp_CR_Invalid':
      return stay(fsm);

    case 'TcpConnectionFails':
    case 'NotifMsg':
      return fail(fsm, context);

    case 'NotifMsgVerErr':
      return refuseVersion(fsm, context);

    case 'BGPHeaderErr':
    case 'BGPOpenMsgErr':
      return fail(fsm, context, event.error);

    case 'OpenCollisionDump':
      return fail(fsm, context, COLLISION);

    case 'KeepAliveMsg':
      return {
        // Without a hold time no KEEPALIVE will come to say that the session lasts.
        fsm: {
          ...fsm,
          state: 'Established',
          connectRetryCounter: negotiated.holdTimeMs === 0 ? 0 : fsm.connectRetryCounter,
        },
        actions: [...startHold(negotiated), { do: 'sessionUp', negotiated }],
      };

    // "In response to any other event". Event 19 is there for the collision that it may reveal, which
    // was judged before it got here; on one connection a second OPEN is an error as any other.
    case 'BGPOpen':
    case 'ConnectRetryTimer_Expires':
    case 'DelayOpenTimer_Expires':
    case 'IdleHoldTimer_Expires':
    case 'SendHoldTimer_Expires':
    case 'BGPOpen with DelayOpenTimer running':
    case 'UpdateMsg':
    case 'UpdateMsgErr':
    case 'RouteRefreshMsg':
    case 'RouteRefreshMsgErr':
      return fail(
        fsm,
        context,
        fsmError(FSM_ERROR.UNEXPECTED_IN_OPEN_CONFIRM, event.name, fsm.state),
      );
  }
}
