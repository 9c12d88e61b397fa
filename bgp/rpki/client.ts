/**
 * The router's side of the RPKI-to-Router protocol with one cache, RFC 8210 §8, as a function:
 * (state, event) → (state, actions). No socket, no timer, no table.
 *
 *   disconnected ──connected──▶ queried ──Cache Response──▶ receiving ──End of Data──▶ synchronised
 *                                  │ ▲                                                  │
 *               No Data Available  ▼ └─────────── Serial Notify, refresh ───────────────┘
 *                               waiting
 */

import {
  type EndOfData,
  errorReport,
  type Intervals,
  PDU_ERROR,
  type Pdu,
  type PduError,
  type PrefixPdu,
  resetQuery,
  serialQuery,
  type Version,
} from './pdu.ts';

export type Phase = 'disconnected' | 'queried' | 'receiving' | 'synchronised' | 'waiting';

export interface Client {
  readonly phase: Phase;
  /** What we speak; the lower one once the cache has shown that it knows no other (§7). */
  readonly version: Version;
  /** The cache has answered in this version: any other is an error from now on. */
  readonly isSettled: boolean;
  /** Whose data we hold, and up to where. Undefined: we have to ask for everything. */
  readonly session: { readonly id: number; readonly serial: number } | undefined;
  /** The session id of the answer that is coming in. */
  readonly answering: number;
  readonly intervals: Intervals;
}

export type TimerName = 'refresh' | 'retry' | 'expire' | 'answer';

export type Event =
  | { readonly name: 'connected' }
  | { readonly name: 'disconnected' }
  | { readonly name: 'pdu'; readonly version: number; readonly pdu: Pdu }
  /** A PDU cannot be read, or says what cannot be. */
  | { readonly name: 'wrong'; readonly error: PduError; readonly bytes: Uint8Array }
  | { readonly name: 'rings'; readonly timer: TimerName };

export type Action =
  | { readonly do: 'send'; readonly pdu: Uint8Array }
  /** Close the connection; it is made again after a while. */
  | { readonly do: 'drop'; readonly why: string }
  | { readonly do: 'startTimer'; readonly timer: TimerName; readonly afterMs: number }
  | { readonly do: 'stopTimer'; readonly timer: TimerName }
  /** An answer begins; a payload belongs to it; it is complete, and counts. */
  | { readonly do: 'begin'; readonly isEverything: boolean }
  | { readonly do: 'apply'; readonly vrp: PrefixPdu }
  | { readonly do: 'commit' }
  /** What the cache said counts no more. */
  | { readonly do: 'flush' };

export interface Transition {
  readonly client: Client;
  readonly actions: readonly Action[];
}

const LATEST_VERSION: Version = 1;
/** How long a cache may take for its answer. */
const ANSWER_MS = 300_000;

/** §6: the defaults, and what a cache may ask for. A value outside is brought to the nearest inside. */
const DEFAULTS: Intervals = { refreshSec: 3600, retrySec: 600, expireSec: 7200 };
const LEAST: Intervals = { refreshSec: 1, retrySec: 1, expireSec: 600 };
const MOST: Intervals = { refreshSec: 86_400, retrySec: 7200, expireSec: 172_800 };

export const DISCONNECTED: Client = {
  phase: 'disconnected',
  version: LATEST_VERSION,
  isSettled: false,
  session: undefined,
  answering: 0,
  intervals: DEFAULTS,
};

const NOTHING: readonly Action[] = [];

export function transition(client: Client, event: Event): Transition {
  switch (event.name) {
    case 'connected':
      return ask(client);
    case 'disconnected':
      return {
        client: { ...unanswered(client), phase: 'disconnected', isSettled: false },
        actions: stopTimers('refresh', 'retry', 'answer'),
      };
    case 'wrong':
      return fail(client, event.error, event.bytes);
    case 'pdu':
      return hear(client, event.version, event.pdu);
    case 'rings':
      return ring(client, event.timer);
  }
}

function ring(client: Client, timer: TimerName): Transition {
  switch (timer) {
    case 'refresh':
    case 'retry':
      return ask(client);
    case 'answer':
      return drop(client, 'the cache has not answered in time');
    case 'expire': {
      // §6: the data must not be kept. An answer that is on its way may be one to what we forget now.
      const forgotten = forget(client);
      const actions: Action[] = [{ do: 'flush' }];
      if (client.phase === 'disconnected') return { client: forgotten, actions };
      return { client: forgotten, actions: [...actions, { do: 'drop', why: 'the data expired' }] };
    }
  }
}

function hear(client: Client, version: number, pdu: Pdu): Transition {
  if (pdu.type === 'Error Report') return hearError(client, version, pdu.code, pdu.text);
  if (!client.isSettled) {
    // §7: before the version is settled a Serial Notify is ignored, whatever its version.
    if (pdu.type === 'Serial Notify') return stay(client);
    if (version > client.version) return unexpectedVersion(client, version);
    // A session belongs to the version that it was begun with (§5.1).
    if (version < client.version && client.session) return mismatch(client);
    const settled = { ...client, version: version as Version, isSettled: true };
    return hearSettled(settled, pdu);
  }
  return version === client.version ? hearSettled(client, pdu) : unexpectedVersion(client, version);
}

function hearSettled(client: Client, pdu: Exclude<Pdu, { type: 'Error Report' }>): Transition {
  const { phase, session } = client;
  switch (pdu.type) {
    case 'Prefix':
      if (phase !== 'receiving') return misplaced(client, pdu);
      return { client, actions: [{ do: 'apply', vrp: pdu }] };
    case 'Router Key':
      return phase === 'receiving' ? stay(client) : misplaced(client, pdu);
    case 'Serial Notify':
      // While an answer is on its way the notice tells nothing new.
      if (phase === 'queried' || phase === 'receiving') return stay(client);
      if (session && session.id !== pdu.sessionId) return mismatch(client);
      if (session?.serial === pdu.serial) return stay(client);
      return ask(client);
    case 'Cache Response':
      if (phase !== 'queried') return misplaced(client, pdu);
      if (session && session.id !== pdu.sessionId) return mismatch(client);
      return {
        client: { ...client, phase: 'receiving', answering: pdu.sessionId },
        actions: [{ do: 'begin', isEverything: session === undefined }],
      };
    case 'Cache Reset':
      // §8.3: it cannot tell the difference. Until all has come again, what we have counts.
      if (phase !== 'queried' || !session) return misplaced(client, pdu);
      return ask({ ...client, session: undefined });
    case 'End of Data':
      if (phase !== 'receiving') return misplaced(client, pdu);
      if (pdu.sessionId !== client.answering) return mismatch(client);
      return synchronise(client, pdu);
  }
}

function hearError(client: Client, version: number, code: number, text: string): Transition {
  const said = `the cache reports error ${code}${text && `: ${text}`}`;
  switch (code) {
    // §8.4: not fatal; it is asked again until it has something.
    case PDU_ERROR.NO_DATA_AVAILABLE:
      return {
        client: { ...client, phase: 'waiting', version: lower(version, client.version) },
        actions: [
          { do: 'stopTimer', timer: 'answer' },
          { do: 'stopTimer', timer: 'refresh' },
          { do: 'startTimer', timer: 'retry', afterMs: client.intervals.retrySec * 1000 },
        ],
      };
    // §7: the cache speaks a lower version, and has said which.
    case PDU_ERROR.UNSUPPORTED_PROTOCOL_VERSION:
      if (version >= client.version) return drop(client, said);
      return drop({ ...client, version: version as Version, session: undefined }, said);
    default:
      // Whatever it disliked, it may like a question for everything.
      return drop({ ...client, session: undefined }, said);
  }
}

/** Asks for what has changed, or for everything. */
function ask(client: Client): Transition {
  const { session, version } = client;
  const pdu = session ? serialQuery(version, session.id, session.serial) : resetQuery(version);
  return {
    client: { ...client, phase: 'queried' },
    actions: [
      { do: 'send', pdu },
      { do: 'stopTimer', timer: 'refresh' },
      { do: 'stopTimer', timer: 'retry' },
      { do: 'startTimer', timer: 'answer', afterMs: ANSWER_MS },
    ],
  };
}

function synchronise(client: Client, { sessionId, serial, intervals }: EndOfData): Transition {
  const inForce = intervals ? bounded(intervals) : DEFAULTS;
  return {
    client: {
      ...client,
      phase: 'synchronised',
      session: { id: sessionId, serial },
      intervals: inForce,
    },
    actions: [
      { do: 'commit' },
      { do: 'stopTimer', timer: 'answer' },
      { do: 'startTimer', timer: 'refresh', afterMs: inForce.refreshSec * 1000 },
      { do: 'startTimer', timer: 'expire', afterMs: inForce.expireSec * 1000 },
    ],
  };
}

function bounded(intervals: Intervals): Intervals {
  const within = (key: keyof Intervals) =>
    Math.min(Math.max(intervals[key], LEAST[key]), MOST[key]);
  return {
    refreshSec: within('refreshSec'),
    retrySec: within('retrySec'),
    expireSec: within('expireSec'),
  };
}

/** §5.1: the cache is not the one whose data we hold: all of it goes. */
function mismatch(client: Client): Transition {
  const error = { code: PDU_ERROR.CORRUPT_DATA, text: 'this is another session' };
  const { client: failed, actions } = fail(client, error, new Uint8Array(0));
  return {
    client: forget(failed),
    actions: [{ do: 'flush' }, { do: 'stopTimer', timer: 'expire' }, ...actions],
  };
}

function misplaced(client: Client, { type }: Pdu): Transition {
  const text = `${type} is not expected while ${client.phase}`;
  return fail(client, { code: PDU_ERROR.CORRUPT_DATA, text }, new Uint8Array(0));
}

function unexpectedVersion(client: Client, version: number): Transition {
  const text = `version ${version} in a session of version ${client.version}`;
  return fail(client, { code: PDU_ERROR.UNEXPECTED_PROTOCOL_VERSION, text }, new Uint8Array(0));
}

/** §10: an error ends the connection. What counted counts on, until it expires or is replaced. */
function fail(client: Client, error: PduError, erroneous: Uint8Array): Transition {
  const report = errorReport(client.version, error, erroneous);
  const dropped = drop({ ...client, session: undefined }, error.text);
  return { ...dropped, actions: [{ do: 'send', pdu: report }, ...dropped.actions] };
}

/** The event `disconnected` follows. */
function drop(client: Client, why: string): Transition {
  return { client, actions: [{ do: 'drop', why }] };
}

/** Of what an Error Report bears and what we speak. */
function lower(version: number, own: Version): Version {
  return version < own ? (version as Version) : own;
}

function forget(client: Client): Client {
  return { ...client, session: undefined, version: LATEST_VERSION };
}

/**
 * A cache may end the connection before it has said what it disliked: StayRTR does so after a restart, when it is asked
 * about the session before. As after an Error Report, it may like a question for everything.
 */
function unanswered(client: Client): Client {
  return client.phase === 'queried' ? { ...client, session: undefined } : client;
}

function stay(client: Client): Transition {
  return { client, actions: NOTHING };
}

function stopTimers(...timers: readonly TimerName[]): readonly Action[] {
  return timers.map((timer) => ({ do: 'stopTimer', timer }));
}
