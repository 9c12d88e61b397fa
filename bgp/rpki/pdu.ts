/**
 * The PDUs of the RPKI-to-Router protocol: RFC 8210 §5 for version 1, RFC 6810 for version 0, which
 * lacks the router keys and the intervals of End of Data.
 *
 *   0        8        16                 32
 *   ┌────────┬────────┬──────────────────┐
 *   │version │  type  │ session, error … │
 *   ├────────┴────────┴──────────────────┤
 *   │ length, this header included       │
 *   └────────────────────────────────────┘
 */

import type { Family } from 'net-ipaddr';

export type Version = 0 | 1;

/** RFC 8210 §12. */
export const PDU_ERROR = {
  CORRUPT_DATA: 0,
  INTERNAL_ERROR: 1,
  NO_DATA_AVAILABLE: 2,
  INVALID_REQUEST: 3,
  UNSUPPORTED_PROTOCOL_VERSION: 4,
  UNSUPPORTED_PDU_TYPE: 5,
  WITHDRAWAL_OF_UNKNOWN_RECORD: 6,
  DUPLICATE_ANNOUNCEMENT_RECEIVED: 7,
  UNEXPECTED_PROTOCOL_VERSION: 8,
} as const;

/** What a cache sends. */
export type Pdu =
  | { readonly type: 'Serial Notify'; readonly sessionId: number; readonly serial: number }
  | { readonly type: 'Cache Response'; readonly sessionId: number }
  | PrefixPdu
  | EndOfData
  | { readonly type: 'Cache Reset' }
  /** For BGPsec, which we don't speak. */
  | { readonly type: 'Router Key' }
  | ErrorReport;

/** IPv4 Prefix and IPv6 Prefix: one validated ROA payload comes, or goes. */
export interface PrefixPdu {
  readonly type: 'Prefix';
  readonly announces: boolean;
  readonly family: Family;
  /** The address in network order, unsigned; 0 beyond the family's. */
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  readonly length: number;
  readonly maxLength: number;
  readonly as: number;
}

export interface EndOfData {
  readonly type: 'End of Data';
  readonly sessionId: number;
  readonly serial: number;
  /** Undefined in version 0. */
  readonly intervals: Intervals | undefined;
}

/** RFC 8210 §6, in seconds. */
export interface Intervals {
  readonly refreshSec: number;
  readonly retrySec: number;
  readonly expireSec: number;
}

export interface ErrorReport {
  readonly type: 'Error Report';
  readonly code: number;
  /** The cache's words: escape before printing. */
  readonly text: string;
}

/** What is wrong with a PDU; to be sent as an Error Report. */
export interface PduError {
  readonly code: number;
  readonly text: string;
}

const HEADER_LENGTH = 8;
/** Router keys and error reports have no fixed length; none in use comes near this. */
const MAX_LENGTH = 65_536;

const TYPE = {
  SERIAL_NOTIFY: 0,
  SERIAL_QUERY: 1,
  RESET_QUERY: 2,
  CACHE_RESPONSE: 3,
  IPV4_PREFIX: 4,
  IPV6_PREFIX: 6,
  END_OF_DATA: 7,
  CACHE_RESET: 8,
  ROUTER_KEY: 9,
  ERROR_REPORT: 10,
} as const;

const FLAG_ANNOUNCE = 1;
const textDecoder = new TextDecoder();
const textEncoder = new TextEncoder();

/** Length of the PDU that `bytes[start, end)` begins with; 0: its header is not all there. */
export function pduLength(bytes: Uint8Array, start: number, end: number): number | PduError {
  if (end - start < HEADER_LENGTH) return 0;
  const length = u32(bytes, start + 4);
  if (length >= HEADER_LENGTH && length <= MAX_LENGTH) return length;
  return corrupt(`a PDU says that it is ${length} octets long`);
}

/** The whole PDU `bytes[start, end)`, of a version that we speak. */
export function decodePdu(bytes: Uint8Array, start: number, end: number): Pdu | PduError {
  const version = bytes[start]!;
  const type = bytes[start + 1]!;
  const sessionId = u16(bytes, start + 2);
  const length = end - start;
  switch (type) {
    case TYPE.SERIAL_NOTIFY:
      if (length !== 12) return wrongLength('Serial Notify', length);
      return { type: 'Serial Notify', sessionId, serial: u32(bytes, start + 8) };
    case TYPE.CACHE_RESPONSE:
      if (length !== 8) return wrongLength('Cache Response', length);
      return { type: 'Cache Response', sessionId };
    case TYPE.IPV4_PREFIX:
      return length === 20 ? prefixPdu(bytes, start, 4) : wrongLength('IPv4 Prefix', length);
    case TYPE.IPV6_PREFIX:
      return length === 32 ? prefixPdu(bytes, start, 6) : wrongLength('IPv6 Prefix', length);
    case TYPE.END_OF_DATA:
      if (length !== (version === 0 ? 12 : 24)) return wrongLength('End of Data', length);
      return {
        type: 'End of Data',
        sessionId,
        serial: u32(bytes, start + 8),
        intervals: version === 0 ? undefined : intervalsAt(bytes, start + 12),
      };
    case TYPE.CACHE_RESET:
      return length === 8 ? { type: 'Cache Reset' } : wrongLength('Cache Reset', length);
    case TYPE.ROUTER_KEY:
      if (version !== 0) return { type: 'Router Key' };
      break;
    case TYPE.ERROR_REPORT:
      return errorPdu(bytes, start, end);
  }
  return { code: PDU_ERROR.UNSUPPORTED_PDU_TYPE, text: `PDU type ${type} is not known` };
}

/** §5.3: what has changed since `serial`? */
export function serialQuery(version: Version, sessionId: number, serial: number): Uint8Array {
  const pdu = header(version, TYPE.SERIAL_QUERY, sessionId, 12);
  new DataView(pdu.buffer).setUint32(8, serial);
  return pdu;
}

/** §5.4: all that there is, please. */
export function resetQuery(version: Version): Uint8Array {
  return header(version, TYPE.RESET_QUERY, 0, HEADER_LENGTH);
}

/** §5.11. @param erroneous the PDU that it is about */
export function errorReport(
  version: Version,
  { code, text }: PduError,
  erroneous: Uint8Array,
): Uint8Array {
  const words = textEncoder.encode(text);
  const length = HEADER_LENGTH + 4 + erroneous.length + 4 + words.length;
  const pdu = header(version, TYPE.ERROR_REPORT, code, length);
  const view = new DataView(pdu.buffer);
  view.setUint32(8, erroneous.length);
  pdu.set(erroneous, 12);
  view.setUint32(12 + erroneous.length, words.length);
  pdu.set(words, 16 + erroneous.length);
  return pdu;
}

function prefixPdu(bytes: Uint8Array, start: number, family: Family): PrefixPdu | PduError {
  const length = bytes[start + 9]!;
  const maxLength = bytes[start + 10]!;
  const bits = family === 4 ? 32 : 128;
  if (length > maxLength || maxLength > bits) {
    return corrupt(`an IPv${family} prefix of length ${length} with maximum length ${maxLength}`);
  }
  const at = start + 12;
  const w0 = u32(bytes, at);
  const w1 = family === 4 ? 0 : u32(bytes, at + 4);
  const w2 = family === 4 ? 0 : u32(bytes, at + 8);
  const w3 = family === 4 ? 0 : u32(bytes, at + 12);
  const hasHostBits =
    hostBits(w0, length) || hostBits(w1, length - 32) || hostBits(w2, length - 64);
  if (hasHostBits || hostBits(w3, length - 96)) {
    return corrupt(`an IPv${family} prefix of length ${length} has bits beyond its length`);
  }
  const announces = (bytes[start + 8]! & FLAG_ANNOUNCE) !== 0;
  const as = u32(bytes, at + bits / 8);
  return { type: 'Prefix', announces, family, w0, w1, w2, w3, length, maxLength, as };
}

/** Whether a word has a bit set after its first `length`. */
function hostBits(word: number, length: number): boolean {
  if (length >= 32) return false;
  return length <= 0 ? word !== 0 : word << length !== 0;
}

function intervalsAt(bytes: Uint8Array, at: number): Intervals {
  return {
    refreshSec: u32(bytes, at),
    retrySec: u32(bytes, at + 4),
    expireSec: u32(bytes, at + 8),
  };
}

/** What is left out of it or cut short is taken as empty: an Error Report is never answered with one. */
function errorPdu(bytes: Uint8Array, start: number, end: number): ErrorReport {
  const code = u16(bytes, start + 2);
  const report = { type: 'Error Report', code } as const;
  if (start + 12 > end) return { ...report, text: '' };
  const textAt = start + 12 + u32(bytes, start + 8);
  if (textAt + 4 > end) return { ...report, text: '' };
  const textEnd = Math.min(end, textAt + 4 + u32(bytes, textAt));
  return { ...report, text: textDecoder.decode(bytes.subarray(textAt + 4, textEnd)) };
}

function header(version: Version, type: number, session: number, length: number): Uint8Array {
  const pdu = new Uint8Array(length);
  pdu[0] = version;
  pdu[1] = type;
  const view = new DataView(pdu.buffer);
  view.setUint16(2, session);
  view.setUint32(4, length);
  return pdu;
}

function wrongLength(name: string, length: number): PduError {
  return corrupt(`a ${name} PDU of ${length} octets`);
}

function corrupt(text: string): PduError {
  return { code: PDU_ERROR.CORRUPT_DATA, text };
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}
