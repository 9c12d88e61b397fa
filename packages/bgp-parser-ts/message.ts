/** Whole messages as objects: comfortable, for tests, tools and everything that isn't an UPDATE flood. */

import {
  HEADER_LENGTH,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MAX_MESSAGE_LENGTH,
  MESSAGE_KEEPALIVE,
  MESSAGE_NOTIFICATION,
  MESSAGE_OPEN,
  MESSAGE_UPDATE,
} from './constants.ts';
import type { WireContext } from './context.ts';
import { frameLength, newMessage } from './header.ts';
import { decodeNotification, type Notification } from './notification.ts';
import { decodeOpen, type Open } from './open.ts';
import { decodeRouteRefresh, type RouteRefresh } from './route-refresh.ts';
import { decodeUpdate, type Update } from './update.ts';
import { ERROR, HEADER_ERROR, type WireError } from './wire-error.ts';

export interface Keepalive {
  readonly type: 'keepalive';
}

export type Message = Open | Update | Notification | Keepalive | RouteRefresh;

/** The message, or the NOTIFICATION to answer with. */
export type Decoded = { readonly message: Message } | { readonly error: WireError };

const KEEPALIVE: Keepalive = { type: 'keepalive' };

/**
 * Decodes exactly one whole message. Nothing in the result points into `bytes`. Never throws.
 *
 * An UPDATE whose attributes are malformed in a way that RFC 7606 lets the session survive is a
 * message whose `outcome` says so.
 */
export function decodeMessage(bytes: Uint8Array, context: WireContext): Decoded {
  const max = context.extendedMessage ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH;
  const length = frameLength(bytes, 0, bytes.length, max);
  if (typeof length === 'object') return { error: length };
  if (length !== bytes.length || length === 0) {
    return {
      error: {
        code: ERROR.MESSAGE_HEADER,
        subcode: HEADER_ERROR.BAD_MESSAGE_LENGTH,
        data: bytes.slice(16, 18),
        text: `one whole message was asked for: its header says ${length} octets, ${bytes.length} are there`,
      },
    };
  }
  switch (bytes[HEADER_LENGTH - 1]) {
    case MESSAGE_OPEN:
      return decodeOpen(bytes, 0, length);
    case MESSAGE_UPDATE:
      return decodeUpdate(bytes, 0, length, context);
    case MESSAGE_NOTIFICATION:
      return { message: decodeNotification(bytes, 0, length) };
    case MESSAGE_KEEPALIVE:
      return { message: KEEPALIVE };
    default:
      return decodeRouteRefresh(bytes, 0, length);
  }
}

export function encodeKeepalive(): Uint8Array {
  return newMessage(MESSAGE_KEEPALIVE, 0);
}
