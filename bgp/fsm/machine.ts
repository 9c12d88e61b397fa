/**
 * The BGP finite state machine, RFC 4271 §8, as a function: (state, event) → (state, actions).
 *
 * One machine stands for one connection (§8.2.1.2). It holds no socket and no timer: what happened
 * comes in as events, what is to be done comes back as actions. Which of a peer's two connections
 * survives is decided in collision.ts.
 *
 * Optional session attributes (§8.1.1) that it knows: AutomaticStart, PassiveTcpEstablishment,
 * DelayOpen, and DampPeerOscillations, which is always on.
 */

import { active } from './active.ts';
import { connect } from './connect.ts';
import { established } from './established.ts';
import type { Event } from './event.ts';
import { idle } from './idle.ts';
import { openConfirm } from './open-confirm.ts';
import { openSent } from './open-sent.ts';
import type { Context, Fsm, State, Transition } from './transition.ts';

const STATES: Record<State, (fsm: Fsm, event: Event, context: Context) => Transition> = {
  Idle: idle,
  Connect: connect,
  Active: active,
  OpenSent: openSent,
  OpenConfirm: openConfirm,
  Established: established,
};

export function transition(fsm: Fsm, event: Event, context: Context): Transition {
  return STATES[fsm.state](fsm, event, context);
}
