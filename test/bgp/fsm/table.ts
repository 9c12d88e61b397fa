/** The notation of the machine's tables: actions as short words, and one event of every name. */

import type { WireError } from 'bgp-parser-ts';
import type { Event, EventName } from '../../../bgp/fsm/event.ts';
import { transition } from '../../../bgp/fsm/machine.ts';
import type { Negotiated } from '../../../bgp/fsm/negotiated.ts';
import type { Action, Attributes, Fsm } from '../../../bgp/fsm/transition.ts';

/** A hold time of 9 s, so that its timers are told apart from all others. */
export const NEGOTIATED: Negotiated = {
  holdTimeMs: 9_000,
  families: [4, 6],
  addPath: { send: [], receive: [] },
  fourOctetAs: true,
  extendedMessage: false,
  extendedNextHop: false,
  enhancedRouteRefresh: false,
  gracefulRestart: undefined,
  remoteAs: 65001,
  remoteRouterId: 0x0a000002,
  capabilities: [],
};

export const ATTRIBUTES: Attributes = {
  passive: false,
  connectRetryMs: 3_000,
  delayOpenMs: 0,
  keepaliveMs: Infinity,
};

/** An error of the wire that no machine makes up itself. */
function wireError(code: number, subcode: number): WireError {
  return { code, subcode, data: new Uint8Array(0), text: 'made up' };
}

export const EVENTS: { readonly [Name in EventName]: Extract<Event, { name: Name }> } = {
  ManualStart: { name: 'ManualStart' },
  ManualStop: { name: 'ManualStop', subcode: 2 },
  AutomaticStart: { name: 'AutomaticStart' },
  ManualStart_with_PassiveTcpEstablishment: { name: 'ManualStart_with_PassiveTcpEstablishment' },
  AutomaticStart_with_PassiveTcpEstablishment: {
    name: 'AutomaticStart_with_PassiveTcpEstablishment',
  },
  AutomaticStart_with_DampPeerOscillations: { name: 'AutomaticStart_with_DampPeerOscillations' },
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: {
    name: 'AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment',
  },
  AutomaticStop: { name: 'AutomaticStop', subcode: 1, text: 'too many prefixes' },
  ConnectRetryTimer_Expires: { name: 'ConnectRetryTimer_Expires' },
  HoldTimer_Expires: { name: 'HoldTimer_Expires' },
  KeepaliveTimer_Expires: { name: 'KeepaliveTimer_Expires' },
  DelayOpenTimer_Expires: { name: 'DelayOpenTimer_Expires' },
  IdleHoldTimer_Expires: { name: 'IdleHoldTimer_Expires' },
  SendHoldTimer_Expires: { name: 'SendHoldTimer_Expires' },
  TcpConnection_Valid: { name: 'TcpConnection_Valid' },
  Tcp_CR_Invalid: { name: 'Tcp_CR_Invalid' },
  Tcp_CR_Acked: { name: 'Tcp_CR_Acked' },
  TcpConnectionConfirmed: { name: 'TcpConnectionConfirmed' },
  TcpConnectionFails: { name: 'TcpConnectionFails' },
  BGPOpen: { name: 'BGPOpen', negotiated: NEGOTIATED },
  'BGPOpen with DelayOpenTimer running': {
    name: 'BGPOpen with DelayOpenTimer running',
    negotiated: NEGOTIATED,
  },
  BGPHeaderErr: { name: 'BGPHeaderErr', error: wireError(1, 2) },
  BGPOpenMsgErr: { name: 'BGPOpenMsgErr', error: wireError(2, 2) },
  OpenCollisionDump: { name: 'OpenCollisionDump' },
  NotifMsgVerErr: { name: 'NotifMsgVerErr' },
  NotifMsg: { name: 'NotifMsg', isHardReset: false },
  KeepAliveMsg: { name: 'KeepAliveMsg' },
  UpdateMsg: { name: 'UpdateMsg' },
  UpdateMsgErr: { name: 'UpdateMsgErr', error: wireError(3, 1) },
  RouteRefreshMsg: { name: 'RouteRefreshMsg' },
  RouteRefreshMsgErr: { name: 'RouteRefreshMsgErr', error: wireError(7, 1) },
};

export const EVENT_NAMES = Object.keys(EVENTS) as EventName[];

/** `Idle #1: notify 4/0, stop timers, drop, IdleHold 1000`: state, failures in a row, actions. */
export function step(
  fsm: Fsm,
  event: Event,
  attributes: Partial<Attributes> = {},
  // No jitter, so that times can be stated.
  random = () => 1,
): string {
  const context = { attributes: { ...ATTRIBUTES, ...attributes }, random };
  const { fsm: after, actions } = transition(fsm, event, context);
  const delays = after.delaysOpen ? ' (OPEN delayed)' : '';
  return `${after.state} #${after.connectRetryCounter}${delays}: ${actions.map(inWords).join(', ')}`;
}

function inWords(action: Action): string {
  switch (action.do) {
    case 'sendOpen':
      return 'OPEN';
    case 'sendKeepalive':
      return 'KEEPALIVE';
    case 'sendNotification':
      return `notify ${action.error.code}/${action.error.subcode}`;
    case 'startTimer':
      return `${action.timer} ${action.afterMs}`;
    case 'stopTimer':
      return `stop ${action.timer}`;
    case 'stopTimers':
      return 'stop timers';
    case 'sessionUp':
      return 'up';
    case 'sessionDown':
      return action.graceful ? 'down gracefully' : 'down';
    case 'processUpdate':
      return 'process UPDATE';
    case 'processRouteRefresh':
      return 'process ROUTE-REFRESH';
    default:
      return action.do;
  }
}
