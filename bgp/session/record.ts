/** What is remembered of a peer's sessions: messages by type, why the last one ended, what was said then. */

import {
  CEASE,
  hardResetReason,
  MESSAGE_KEEPALIVE,
  MESSAGE_NOTIFICATION,
  MESSAGE_OPEN,
  MESSAGE_ROUTE_REFRESH,
  MESSAGE_UPDATE,
  type Notification,
  notificationName,
  shutdownCommunication,
  type WireError,
} from 'bgp-parser-ts';
import type { Clock, Log } from '../../ports.ts';
import type { SessionEnd } from './monitored-session.ts';

/** Why a session ended, or did not come about. */
export interface SessionError {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** Who said so: we or the peer, by a NOTIFICATION; or TCP. */
  readonly source: 'notification sent' | 'notification received' | 'transport';
  /** RFC 4271 §4.5; undefined for transport. */
  readonly code?: number;
  readonly subcode?: number;
  /** `Cease / Administrative Shutdown`, or what TCP said. */
  readonly name: string;
  /** What was wrong, where there is more to say. The peer's words are in it: escape before printing. */
  readonly text?: string;
}

/** Messages by type, since the peer was configured. */
export interface MessageCounts {
  open: number;
  update: number;
  notification: number;
  keepalive: number;
  routeRefresh: number;
}

const TYPES: Record<number, keyof MessageCounts> = {
  [MESSAGE_OPEN]: 'open',
  [MESSAGE_UPDATE]: 'update',
  [MESSAGE_NOTIFICATION]: 'notification',
  [MESSAGE_KEEPALIVE]: 'keepalive',
  [MESSAGE_ROUTE_REFRESH]: 'routeRefresh',
};
const LOST: SessionEnd = { by: 'transport' };

export class SessionRecord {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #log: Log;
  readonly #received = noMessages();
  readonly #sent = noMessages();
  #end: SessionEnd = LOST;
  #lastError: SessionError | undefined;
  #lastNotification: SessionError | undefined;

  constructor(clock: Pick<Clock, 'now'>, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** The latest of all: a peer that went away on purpose, and now does not answer, has two reasons. */
  get lastError(): SessionError | undefined {
    return this.#lastError;
  }

  /** The latest that a NOTIFICATION told. */
  get lastNotification(): SessionError | undefined {
    return this.#lastNotification;
  }

  /** How the session ended, or would if it did now without a NOTIFICATION. */
  get end(): SessionEnd {
    return this.#end;
  }

  get counts(): {
    readonly received: Readonly<MessageCounts>;
    readonly sent: Readonly<MessageCounts>;
  } {
    return { received: { ...this.#received }, sent: { ...this.#sent } };
  }

  sessionBegins(): void {
    this.#end = LOST;
  }

  received(type: number): void {
    this.#received[TYPES[type]!]++;
  }

  sent(type: number): void {
    this.#sent[TYPES[type]!]++;
  }

  notificationReceived(notification: Notification): void {
    this.#end = { by: 'peer', notification };
    const text = shutdownCommunication(hardResetReason(notification) ?? notification);
    this.#reportNotification('notification received', notification, text);
  }

  notificationSent(error: WireError): void {
    this.#end = { by: 'us', notification: error };
    this.#reportNotification('notification sent', error, error.text);
  }

  transportFailed(why: string): void {
    this.#end = LOST;
    this.#report({ atMs: this.#clock.now(), source: 'transport', name: why });
  }

  #reportNotification(
    source: 'notification received' | 'notification sent',
    notification: Pick<Notification, 'code' | 'subcode' | 'data'>,
    text: string | undefined,
  ): void {
    const { code, subcode } = notification;
    const reason = hardResetReason(notification);
    const name = [notification, ...(reason ? [reason] : [])]
      .map((one) => notificationName(one.code, one.subcode))
      .join(': ');
    this.#report({ atMs: this.#clock.now(), source, code, subcode, name, text });
  }

  #report(error: SessionError): void {
    this.#lastError = error;
    if (error.source !== 'transport') this.#lastNotification = error;
    // Which of two connections with a peer was closed, or that it does not answer yet, is nobody's worry.
    const isQuiet = error.source === 'transport' || error.subcode === CEASE.CONNECTION_COLLISION;
    if (isQuiet) this.#log.debug({ error }, 'session error');
    else this.#log.warn({ error }, 'session error');
  }
}

function noMessages(): MessageCounts {
  return { open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 };
}
