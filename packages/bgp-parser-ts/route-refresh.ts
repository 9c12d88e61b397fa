/** ROUTE-REFRESH, RFC 2918, with the begin and end marks of RFC 7313. */

import { copyOf, readU16, writeU16 } from './bytes.ts';
import { HEADER_LENGTH, MESSAGE_ROUTE_REFRESH } from './constants.ts';
import { newMessage } from './header.ts';
import { ERROR, type WireError } from './wire-error.ts';

/** RFC 7313 §3.2. */
export const REFRESH_REQUEST = 0;
export const REFRESH_BEGIN = 1;
export const REFRESH_END = 2;

export interface RouteRefresh {
  readonly type: 'route-refresh';
  readonly afi: number;
  readonly safi: number;
  /** REFRESH_REQUEST, _BEGIN or _END; others are to be ignored (RFC 7313 §5). */
  readonly subtype: number;
}

const LENGTH = 23;

/** A whole message `bytes[start, end)`, of at least 23 octets as frameLength has checked. */
export function decodeRouteRefresh(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly message: RouteRefresh } | { readonly error: WireError } {
  const at = start + HEADER_LENGTH;
  const subtype = bytes[at + 2] ?? 0;
  // RFC 7313 §5. A request may be longer: outbound route filters (RFC 5291) follow, which we never
  // said that we take, and which are left unread.
  const isMark = subtype === REFRESH_BEGIN || subtype === REFRESH_END;
  if (end - start < LENGTH || (isMark && end - start !== LENGTH)) {
    return {
      error: {
        code: ERROR.ROUTE_REFRESH,
        subcode: 1,
        data: copyOf(bytes, start, end),
        text: `ROUTE-REFRESH: ${end - start} octets, must be ${LENGTH} (RFC 7313 §5)`,
      },
    };
  }
  return {
    message: { type: 'route-refresh', afi: readU16(bytes, at), safi: bytes[at + 3]!, subtype },
  };
}

export function encodeRouteRefresh(
  afi: number,
  safi: number,
  subtype: number = REFRESH_REQUEST,
): Uint8Array {
  const out = newMessage(MESSAGE_ROUTE_REFRESH, LENGTH - HEADER_LENGTH);
  writeU16(out, HEADER_LENGTH, afi);
  out[HEADER_LENGTH + 2] = subtype;
  out[HEADER_LENGTH + 3] = safi;
  return out;
}
