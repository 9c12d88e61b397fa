/** Idle, RFC 4271 §8.2.2: nothing is tried, and what the peer tries is refused. */

import type { Event } from './event.ts';
import {
  type Context,
  type Fsm,
  IDLE,
  startConnectRetry,
  startIdleHold,
  stay,
  stop,
  type Transition,
  toActive,
} from './transition.ts';

export function idle(fsm: Fsm, event: Event, context: Context): Transition {
  switch (event.name) {
    case 'ManualStart':
    case 'AutomaticStart':
      return toConnect(IDLE, context);

    case 'ManualStart_with_PassiveTcpEstablishment':
    case 'AutomaticStart_with_PassiveTcpEstablishment':
      return toActive(IDLE, context, [{ do: 'stopTimer', timer: 'IdleHold' }]);

    // How to damp is left open ("outside the scope of this document"): by waiting first.
    case 'AutomaticStart_with_DampPeerOscillations':
    case 'AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment':
      return stay(fsm, [startIdleHold(fsm.connectRetryCounter, context)]);

    case 'IdleHoldTimer_Expires':
      return context.attributes.passive ? toActive(fsm, context, []) : toConnect(fsm, context);

    // "Ignored in the Idle state", but the start that the IdleHoldTimer would bring is called off.
    case 'ManualStop':
    case 'AutomaticStop':
      return stop(fsm);

    default:
      return stay(fsm);
  }
}

function toConnect(fsm: Fsm, context: Context): Transition {
  return {
    fsm: { ...fsm, state: 'Connect' },
    actions: [
      { do: 'stopTimer', timer: 'IdleHold' },
      startConnectRetry(context),
      { do: 'connect' },
    ],
  };
}
