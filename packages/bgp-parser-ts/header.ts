/** The message header, RFC 4271 §4.1, and how a stream of bytes is cut into messages. */

import { copyOf, readU16, writeU16 } from './bytes.ts';
import {
  HEADER_LENGTH,
  MAX_MESSAGE_LENGTH,
  MESSAGE_KEEPALIVE,
  MESSAGE_OPEN,
  MESSAGE_ROUTE_REFRESH,
} from './constants.ts';
import { ERROR, HEADER_ERROR, type WireError } from './wire-error.ts';

/** Shortest message of each type, RFC 4271 §6.1 and RFC 2918 §3; the index is the type. */
const MIN_LENGTH = [0, 29, 23, 21, 19, 23];
const NAMES = ['', 'OPEN', 'UPDATE', 'NOTIFICATION', 'KEEPALIVE', 'ROUTE-REFRESH'];

/**
 * How long the message is that begins at `start`.
 *
 * Returns 0 while fewer than 19 octets are there (and those look right), else the message's length
 * in octets, which may be more than `end - start`: wait for the rest. An error is to be answered
 * with its NOTIFICATION, and the stream is then of no more use.
 *
 * @param maxLength MAX_MESSAGE_LENGTH, or MAX_EXTENDED_MESSAGE_LENGTH once RFC 8654 is negotiated.
 */
export function frameLength(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxLength: number,
): number | WireError {
  const markerEnd = end - start < 16 ? end : start + 16;
  for (let at = start; at < markerEnd; at++) {
    // Also on a partial header: who doesn't speak BGP is told at once, not after the hold time.
    if (bytes[at] !== 0xff) return notSynchronized();
  }
  if (end - start < HEADER_LENGTH) return 0;
  const length = readU16(bytes, start + 16);
  const type = bytes[start + 18]!;
  if (length < HEADER_LENGTH || length > maxLength) return badLength(bytes, start, length, type);
  if (type < MESSAGE_OPEN || type > MESSAGE_ROUTE_REFRESH) {
    return {
      code: ERROR.MESSAGE_HEADER,
      subcode: HEADER_ERROR.BAD_MESSAGE_TYPE,
      data: copyOf(bytes, start + 18, start + 19),
      text: `message type ${type} is unknown (RFC 4271 §6.1)`,
    };
  }
  const isFixed = type === MESSAGE_KEEPALIVE;
  // RFC 8654 §4: OPEN and KEEPALIVE are never extended.
  const tooLong = (isFixed || type === MESSAGE_OPEN) && length > MAX_MESSAGE_LENGTH;
  if (length < MIN_LENGTH[type]! || tooLong || (isFixed && length !== HEADER_LENGTH)) {
    return badLength(bytes, start, length, type);
  }
  return length;
}

function notSynchronized(): WireError {
  return {
    code: ERROR.MESSAGE_HEADER,
    subcode: HEADER_ERROR.CONNECTION_NOT_SYNCHRONIZED,
    data: new Uint8Array(0),
    text: 'the marker is not all ones: not BGP, or the stream lost its place (RFC 4271 §6.1)',
  };
}

function badLength(bytes: Uint8Array, start: number, length: number, type: number): WireError {
  return {
    code: ERROR.MESSAGE_HEADER,
    subcode: HEADER_ERROR.BAD_MESSAGE_LENGTH,
    data: copyOf(bytes, start + 16, start + 18),
    text: `${NAMES[type] ?? `message of type ${type}`}: a length of ${length} octets is not possible here (RFC 4271 §6.1)`,
  };
}

export function messageTypeName(type: number): string {
  return NAMES[type] || `type ${type}`;
}

/** Writes the header of a message that is `length` octets long, header included. */
export function writeHeader(bytes: Uint8Array, at: number, length: number, type: number): void {
  bytes.fill(0xff, at, at + 16);
  writeU16(bytes, at + 16, length);
  bytes[at + 18] = type;
}

/** A whole message around `bodyLength` octets, which the caller fills in from octet 19 on. */
export function newMessage(type: number, bodyLength: number): Uint8Array {
  const message = new Uint8Array(HEADER_LENGTH + bodyLength);
  writeHeader(message, 0, message.length, type);
  return message;
}
