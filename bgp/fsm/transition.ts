/** What the machine's states share: its value, its actions, and the steps that many transitions have in common. */

import { CEASE, ERROR, NO_DATA, type WireError } from 'bgp-parser-ts';
import type { Random } from '../../ports.ts';
import type { Negotiated } from './negotiated.ts';

export type State = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';

export interface Fsm {
  readonly state: State;
  /** How often the session failed since it last worked: sets how long Idle lasts. */
  readonly connectRetryCounter: number;
  /** A connection is there, and our OPEN waits for the DelayOpenTimer. Only in Connect and Active. */
  readonly delaysOpen: boolean;
  /** What the OPENs settled. Only in OpenConfirm and Established. */
  readonly negotiated: Negotiated | undefined;
}

/** A machine before its first event. */
export const IDLE: Fsm = {
  state: 'Idle',
  connectRetryCounter: 0,
  delaysOpen: false,
  negotiated: undefined,
};

/** The session attributes (§8.1.1) that the operator sets; milliseconds. */
export interface Attributes {
  /** Never connect, only wait for the peer to do so. */
  readonly passive: boolean;
  readonly connectRetryMs: number;
  /** DelayOpenTime; 0: DelayOpen is false. */
  readonly delayOpenMs: number;
  /** KeepaliveTime, where it is less than a third of the hold time; Infinity: it is not. */
  readonly keepaliveMs: number;
}

export type TimerName =
  | 'ConnectRetry'
  | 'Hold'
  | 'Keepalive'
  | 'DelayOpen'
  | 'IdleHold'
  | 'SendHold';

export type Action =
  /** Initiate a TCP connection to the peer. */
  | { readonly do: 'connect' }
  /** Close the TCP connection, or give up the attempt, if there is one. */
  | { readonly do: 'drop' }
  | { readonly do: 'sendOpen' }
  | { readonly do: 'sendKeepalive' }
  | { readonly do: 'sendNotification'; readonly error: WireError }
  /** (Re)start: the event `<timer>Timer_Expires` comes after this long. */
  | { readonly do: 'startTimer'; readonly timer: TimerName; readonly afterMs: number }
  | { readonly do: 'stopTimer'; readonly timer: TimerName }
  | { readonly do: 'stopTimers' }
  /** Routes may go both ways from now on. */
  | { readonly do: 'sessionUp'; readonly negotiated: Negotiated }
  /**
   * Delete all routes associated with this connection; `graceful`: those of the families of
   * graceful restart stay, as stale ones (RFC 4724 §5).
   */
  | { readonly do: 'sessionDown'; readonly graceful: boolean }
  /** Process the UPDATE at hand; an error in it is the event UpdateMsgErr. */
  | { readonly do: 'processUpdate' }
  /** Process the ROUTE-REFRESH at hand. */
  | { readonly do: 'processRouteRefresh' };

/** The machine after the event, and what to do now, in this order. */
export interface Transition {
  readonly fsm: Fsm;
  readonly actions: readonly Action[];
}

export interface Context {
  readonly attributes: Attributes;
  /** Only for jitter. */
  readonly random: Random;
}

/** §8.2.2: "A HoldTimer value of 4 minutes is suggested" while no OPEN has set another. */
const LARGE_HOLD_MS = 240_000;
/** How long Idle lasts after a first failure; it doubles with each further one. */
const IDLE_HOLD_MS = 1_000;
const MAX_IDLE_HOLD_MS = 30_000;
/** §4.4: KEEPALIVE messages must not be sent more often than one a second. */
const MIN_KEEPALIVE_MS = 1_000;

/** RFC 9687 §3: "the greater of 8 minutes or 2 times the negotiated HoldTime". */
const MIN_SEND_HOLD_MS = 480_000;

export const NOTHING: readonly Action[] = [];

/** The event means nothing in this state. */
export function stay(fsm: Fsm, actions: readonly Action[] = NOTHING): Transition {
  return { fsm, actions };
}

/** §10: a random share of 75–100 %, so that peers that start together do not act together. */
function jittered(ms: number, { random }: Context): number {
  return ms * (0.75 + 0.25 * random());
}

export function startConnectRetry(context: Context): Action {
  const afterMs = jittered(context.attributes.connectRetryMs, context);
  return { do: 'startTimer', timer: 'ConnectRetry', afterMs };
}

/** Not jittered: both sides count on its exact value. Nothing with a negotiated hold time of 0. */
export function startHold({ holdTimeMs }: Negotiated): readonly Action[] {
  return holdTimeMs === 0 ? NOTHING : [{ do: 'startTimer', timer: 'Hold', afterMs: holdTimeMs }];
}

/** §4.4: "a reasonable maximum … would be one third of the Hold Time interval". */
export function keepaliveMs(
  { holdTimeMs }: Negotiated,
  attributes: Pick<Attributes, 'keepaliveMs'>,
): number {
  return Math.min(holdTimeMs / 3, attributes.keepaliveMs);
}

export function startKeepalive(negotiated: Negotiated, context: Context): readonly Action[] {
  if (negotiated.holdTimeMs === 0) return NOTHING;
  const intervalMs = keepaliveMs(negotiated, context.attributes);
  const afterMs = Math.max(MIN_KEEPALIVE_MS, jittered(intervalMs, context));
  return [{ do: 'startTimer', timer: 'Keepalive', afterMs }];
}

/**
 * How long a peer that lives may take nothing, RFC 9687 §3; 0: for ever. KEEPALIVEs go out all the
 * time, so what waits to be sent stands for the last one that went.
 */
export function sendHoldMs({ holdTimeMs }: Negotiated): number {
  return holdTimeMs === 0 ? 0 : Math.max(MIN_SEND_HOLD_MS, 2 * holdTimeMs);
}

/** A new attempt; a connection whose OPEN is still delayed gives way to it. */
export function dialAgain(fsm: Fsm, context: Context): Transition {
  return {
    fsm: { ...fsm, state: 'Connect', delaysOpen: false },
    actions: [
      { do: 'drop' },
      { do: 'stopTimer', timer: 'DelayOpen' },
      startConnectRetry(context),
      { do: 'connect' },
    ],
  };
}

/** Waits for the peer to connect; dials it after the ConnectRetryTimer, unless we are passive. */
export function toActive(fsm: Fsm, context: Context, before: readonly Action[]): Transition {
  // §8.2.2 starts the timer for passive peers too, and dials when it expires. Operators take
  // "passive" as "never dials": the two sides of Calico's mesh are told apart by it.
  const retry = context.attributes.passive ? [] : [startConnectRetry(context)];
  return {
    fsm: { ...fsm, state: 'Active', delaysOpen: false, negotiated: undefined },
    actions: [...before, ...retry],
  };
}

/** The connection is there: our OPEN goes out, now or after the DelayOpenTimer. */
export function connected(fsm: Fsm, context: Context): Transition {
  const afterMs = context.attributes.delayOpenMs;
  const stop: Action = { do: 'stopTimer', timer: 'ConnectRetry' };
  if (afterMs === 0) return toOpenSent(fsm, [stop]);
  return {
    fsm: { ...fsm, delaysOpen: true },
    actions: [stop, { do: 'startTimer', timer: 'DelayOpen', afterMs }],
  };
}

export function toOpenSent(fsm: Fsm, before: readonly Action[]): Transition {
  return {
    fsm: { ...fsm, state: 'OpenSent', delaysOpen: false },
    actions: [
      ...before,
      { do: 'sendOpen' },
      { do: 'startTimer', timer: 'Hold', afterMs: LARGE_HOLD_MS },
    ],
  };
}

/** The peer's OPEN is good: a KEEPALIVE says so, and the negotiated hold time begins. */
export function toOpenConfirm(
  fsm: Fsm,
  negotiated: Negotiated,
  context: Context,
  before: readonly Action[],
): Transition {
  return {
    fsm: { ...fsm, state: 'OpenConfirm', delaysOpen: false, negotiated },
    actions: [
      { do: 'stopTimers' },
      ...before,
      { do: 'sendKeepalive' },
      ...startKeepalive(negotiated, context),
      ...startHold(negotiated),
    ],
  };
}

/** An operator's or the program's own wish: no penalty, and no new attempt until a start event. */
export function stop(fsm: Fsm, notification?: WireError): Transition {
  return { fsm: IDLE, actions: release(fsm, notification, false) };
}

/**
 * The end of a connection by an error: the notification, if any, goes out, everything is released,
 * and Idle lasts longer with each failure in a row (DampPeerOscillations).
 * @param graceful see the action `sessionDown`
 * @param idleHoldMs how long Idle lasts, if not longer with each failure
 */
export function fail(
  fsm: Fsm,
  context: Context,
  notification?: WireError,
  graceful = false,
  idleHoldMs?: number,
): Transition {
  const connectRetryCounter = fsm.connectRetryCounter + 1;
  const idleHold: Action =
    idleHoldMs === undefined
      ? startIdleHold(connectRetryCounter, context)
      : { do: 'startTimer', timer: 'IdleHold', afterMs: idleHoldMs };
  return {
    fsm: { ...IDLE, connectRetryCounter },
    actions: [...release(fsm, notification, graceful), idleHold],
  };
}

/**
 * The peer says that it does not speak version 4 (event 24). It is no failure that counts, since
 * §8.2.2 wants a lower version tried at once. We have none, so we wait as long as we ever do.
 */
export function refuseVersion(fsm: Fsm, context: Context): Transition {
  const afterMs = jittered(MAX_IDLE_HOLD_MS, context);
  return {
    fsm: { ...IDLE, connectRetryCounter: fsm.connectRetryCounter },
    actions: [...release(fsm, undefined, false), { do: 'startTimer', timer: 'IdleHold', afterMs }],
  };
}

export function startIdleHold(failures: number, context: Context): Action {
  const doublings = Math.max(0, failures - 1);
  const holdMs = Math.min(IDLE_HOLD_MS * 2 ** doublings, MAX_IDLE_HOLD_MS);
  return { do: 'startTimer', timer: 'IdleHold', afterMs: jittered(holdMs, context) };
}

function release(fsm: Fsm, notification: WireError | undefined, graceful: boolean): Action[] {
  const actions: Action[] = [];
  if (notification) actions.push({ do: 'sendNotification', error: notification });
  actions.push({ do: 'stopTimers' });
  if (fsm.state === 'Established') actions.push({ do: 'sessionDown', graceful });
  actions.push({ do: 'drop' });
  return actions;
}

export function cease(subcode: number, text: string, data: Uint8Array = NO_DATA): WireError {
  return { code: ERROR.CEASE, subcode, data, text };
}

export const COLLISION = cease(
  CEASE.CONNECTION_COLLISION,
  'another connection with this peer is kept (RFC 4271 §6.8)',
);

export const HOLD_TIMER_EXPIRED: WireError = {
  code: ERROR.HOLD_TIMER_EXPIRED,
  subcode: 0,
  data: NO_DATA,
  text: 'the peer sent nothing for the whole hold time',
};

export const SEND_HOLD_TIMER_EXPIRED: WireError = {
  code: ERROR.SEND_HOLD_TIMER_EXPIRED,
  subcode: 0,
  data: NO_DATA,
  text: 'the peer, though it lives, took nothing of what is sent to it for the whole send hold time',
};

/** An event that has no place in the state; the subcode says which state it was (RFC 6608). */
export function fsmError(subcode: number, event: string, state: State): WireError {
  return { code: ERROR.FSM, subcode, data: NO_DATA, text: `${event} in state ${state}` };
}
