/** What is shown of a session, to people and to BMP collectors. */

import type { Family } from 'net-ipaddr';
import type { Negotiated } from '../fsm/negotiated.ts';
import type { State } from '../fsm/transition.ts';
import type { Connection } from './connection.ts';
import type { MonitoredSession } from './monitored-session.ts';
import type { MessageCounts, SessionError } from './record.ts';
import type { StaleStatus } from './stale-routes.ts';

export interface Ends {
  readonly localAddress: string;
  readonly remoteAddress: string;
}

/** A session as it is now. */
export interface SessionStatus {
  readonly state: State;
  /** Since when it is Established, or since when it is not; milliseconds since the epoch. */
  readonly sinceMs: number;
  /** How often it was Established since the peer was configured. */
  readonly upCount: number;
  /** There were too many prefixes: it stays Idle until then; milliseconds since the epoch. */
  readonly heldOffUntilMs: number | undefined;
  /** The latest of all: a peer that went away on purpose, and now does not answer, has two reasons. */
  readonly lastError: SessionError | undefined;
  /** The latest that a NOTIFICATION told. */
  readonly lastNotification: SessionError | undefined;
  /** Undefined unless Established. */
  readonly negotiated: (Ends & Negotiated & { readonly keepaliveMs: number }) | undefined;
  /** Families whose initial routes are in: End-of-RIB, or a KEEPALIVE, came after them. */
  readonly initialRoutesIn: readonly Family[];
  /** RFC 4724: routes that are kept since the session ended; undefined: none. */
  readonly stale: StaleStatus | undefined;
  readonly received: Readonly<MessageCounts>;
  readonly sent: Readonly<MessageCounts>;
}

export function monitored(
  { openSent, openReceived, stream }: Connection,
  { remoteAs, remoteRouterId }: Negotiated,
): MonitoredSession {
  return {
    remoteAddress: stream!.remoteAddress!,
    localAddress: stream!.localAddress!,
    remotePort: stream!.remotePort ?? 0,
    localPort: stream!.localPort ?? 0,
    remoteAs,
    remoteRouterId,
    openSent,
    openReceived,
  };
}
