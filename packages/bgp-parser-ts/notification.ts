/** NOTIFICATION, RFC 4271 §4.5: why a session ends, and what the data says where a format is known. */

import { copyOf } from './bytes.ts';
import { HEADER_LENGTH, MAX_MESSAGE_LENGTH, MESSAGE_NOTIFICATION } from './constants.ts';
import { newMessage } from './header.ts';
import { CEASE, ERROR, NO_DATA } from './wire-error.ts';

export interface Notification {
  readonly type: 'notification';
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/** `names[subcode]`; code and subcode names as the IANA registries give them. */
const CODES: readonly { readonly name: string; readonly names: readonly string[] }[] = [
  { name: 'Reserved', names: [] },
  {
    name: 'Message Header Error',
    names: ['Unspecific', 'Connection Not Synchronized', 'Bad Message Length', 'Bad Message Type'],
  },
  {
    name: 'OPEN Message Error',
    names: [
      'Unspecific',
      'Unsupported Version Number',
      'Bad Peer AS',
      'Bad BGP Identifier',
      'Unsupported Optional Parameter',
      'Authentication Failure (deprecated)',
      'Unacceptable Hold Time',
      'Unsupported Capability',
      '',
      '',
      '',
      'Role Mismatch',
    ],
  },
  {
    name: 'UPDATE Message Error',
    names: [
      'Unspecific',
      'Malformed Attribute List',
      'Unrecognized Well-known Attribute',
      'Missing Well-known Attribute',
      'Attribute Flags Error',
      'Attribute Length Error',
      'Invalid ORIGIN Attribute',
      'AS Routing Loop (deprecated)',
      'Invalid NEXT_HOP Attribute',
      'Optional Attribute Error',
      'Invalid Network Field',
      'Malformed AS_PATH',
    ],
  },
  { name: 'Hold Timer Expired', names: [] },
  {
    name: 'Finite State Machine Error',
    names: [
      'Unspecified Error',
      'Receive Unexpected Message in OpenSent State',
      'Receive Unexpected Message in OpenConfirm State',
      'Receive Unexpected Message in Established State',
    ],
  },
  {
    name: 'Cease',
    names: [
      '',
      'Maximum Number of Prefixes Reached',
      'Administrative Shutdown',
      'Peer De-configured',
      'Administrative Reset',
      'Connection Rejected',
      'Other Configuration Change',
      'Connection Collision Resolution',
      'Out of Resources',
      'Hard Reset',
      'BFD Down',
    ],
  },
  { name: 'ROUTE-REFRESH Message Error', names: ['', 'Invalid Message Length'] },
  { name: 'Send Hold Timer Expired', names: [] },
];

/** For people: `Cease / Administrative Shutdown`; numbers where there is no name. */
export function notificationName(code: number, subcode: number): string {
  const known = CODES[code];
  if (known === undefined || code === 0) return `error ${code} / ${subcode}`;
  const name = known.names[subcode];
  if (name) return `${known.name} / ${name}`;
  return subcode === 0 ? known.name : `${known.name} / subcode ${subcode}`;
}

/** A whole message `bytes[start, end)`, of at least 21 octets as frameLength has checked. Nothing in it can be wrong. */
export function decodeNotification(bytes: Uint8Array, start: number, end: number): Notification {
  const at = start + HEADER_LENGTH;
  return {
    type: 'notification',
    code: bytes[at] ?? 0,
    subcode: bytes[at + 1] ?? 0,
    data: copyOf(bytes, at + 2, end),
  };
}

/** The data beyond what fits into 4096 octets is left out: it only illustrates. */
export function encodeNotification(
  code: number,
  subcode: number,
  data: Uint8Array = NO_DATA,
): Uint8Array {
  const room = MAX_MESSAGE_LENGTH - HEADER_LENGTH - 2;
  const kept = data.length > room ? data.subarray(0, room) : data;
  const out = newMessage(MESSAGE_NOTIFICATION, 2 + kept.length);
  out[HEADER_LENGTH] = code;
  out[HEADER_LENGTH + 1] = subcode;
  out.set(kept, HEADER_LENGTH + 2);
  return out;
}

const MAX_SHUTDOWN_OCTETS = 255;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true });
const utf8Encoder = new TextEncoder();

/**
 * What the operator on the other side wrote (RFC 9003), or undefined: another error, no text, or
 * one that is cut short or not UTF-8, which RFC 9003 §3 has us show as raw data. It is the peer's
 * text: escape it before it reaches a terminal.
 */
export function shutdownCommunication(
  notification: Pick<Notification, 'code' | 'subcode' | 'data'>,
): string | undefined {
  const { code, subcode, data } = notification;
  if (code !== ERROR.CEASE) return undefined;
  if (subcode !== CEASE.ADMINISTRATIVE_SHUTDOWN && subcode !== CEASE.ADMINISTRATIVE_RESET) {
    return undefined;
  }
  const length = data[0];
  if (!length || length > data.length - 1) return undefined;
  try {
    return strictUtf8.decode(data.subarray(1, 1 + length));
  } catch {
    return undefined;
  }
}

/** The data of a Cease / Administrative Shutdown or Reset; whole characters up to 255 octets. */
export function encodeShutdownCommunication(text: string): Uint8Array {
  const out = new Uint8Array(1 + MAX_SHUTDOWN_OCTETS);
  const { written } = utf8Encoder.encodeInto(text, out.subarray(1));
  out[0] = written;
  return out.slice(0, 1 + written);
}

/** The data of a Cease / Maximum Number of Prefixes Reached, RFC 4486 §4: AFI, SAFI and the limit. */
export function encodeMaximumPrefixes(afi: number, safi: number, limit: number): Uint8Array {
  return Uint8Array.of(afi >> 8, afi, safi, limit >>> 24, limit >>> 16, limit >>> 8, limit);
}

/** The NOTIFICATION that a Cease / Hard Reset wraps, RFC 8538 §3.1; undefined when it holds none. */
export function hardResetReason(
  notification: Pick<Notification, 'code' | 'subcode' | 'data'>,
): Notification | undefined {
  const { code, subcode, data } = notification;
  if (code !== ERROR.CEASE || subcode !== CEASE.HARD_RESET || data.length < 2) return undefined;
  return { type: 'notification', code: data[0]!, subcode: data[1]!, data: data.slice(2) };
}
