/** OPEN, RFC 4271 §4.2, with capabilities (RFC 5492) and extended optional parameters (RFC 9072). */

import { readU16, readU32, writeU16, writeU32 } from './bytes.ts';
import { type Capability, decodeCapabilities, encodeCapability } from './capabilities.ts';
import {
  AS_TRANS,
  HEADER_LENGTH,
  MAX_MESSAGE_LENGTH,
  MAX_TWO_OCTET_AS,
  MESSAGE_OPEN,
} from './constants.ts';
import { newMessage } from './header.ts';
import { ERROR, NO_DATA, OPEN_ERROR, type WireError } from './wire-error.ts';

export interface Open {
  readonly type: 'open';
  /** 4-octet AS number: that of capability 65 where there is one, else the My AS field. */
  readonly as: number;
  /** Seconds: 0 or 3–65535. */
  readonly holdTime: number;
  /** BGP Identifier, unsigned 32 bits, never 0. */
  readonly routerId: number;
  /** In the order of the message, repeats included. */
  readonly capabilities: readonly Capability[];
}

const VERSION = 4;
const PARAMETER_CAPABILITIES = 2;
const PARAMETER_EXTENDED_LENGTH = 255;
/** Version, My AS, Hold Time, BGP Identifier, Opt Parm Len. */
const FIXED_LENGTH = 10;
/** The Non-Ext OP Type and the two octets of extended length that follow it, RFC 9072 §2. */
const EXTENSION_LENGTH = 3;

/**
 * Decodes a whole OPEN message, `bytes[start, end)`, header included and already checked by
 * frameLength. Whether AS, hold time and identifier suit the configuration is the session's to say.
 */
export function decodeOpen(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly message: Open } | { readonly error: WireError } {
  const at = start + HEADER_LENGTH;
  const fixedEnd = at + FIXED_LENGTH;
  if (fixedEnd > end) return refuse(OPEN_ERROR.UNSPECIFIC, 'OPEN is shorter than 29 octets');
  const version = bytes[at]!;
  if (version !== VERSION) {
    // The data is the largest version that we do speak, RFC 4271 §6.2.
    const data = Uint8Array.of(0, VERSION);
    return refuse(OPEN_ERROR.UNSUPPORTED_VERSION, `BGP version ${version} is not 4`, data);
  }
  const capabilities: Capability[] = [];
  const fault = decodeParameters(bytes, fixedEnd, end, bytes[fixedEnd - 1]!, capabilities);
  if (fault !== undefined) return { error: fault };

  const fourOctet = capabilities.find((capability) => capability.kind === 'four-octet-as');
  const myAs = readU16(bytes, at + 1);
  const as = fourOctet?.as ?? myAs;
  if (as === 0 || myAs === 0) {
    return refuse(OPEN_ERROR.BAD_PEER_AS, 'AS 0 is not an AS number to peer with (RFC 7607 §2)');
  }
  const holdTime = readU16(bytes, at + 3);
  if (holdTime === 1 || holdTime === 2) {
    return refuse(
      OPEN_ERROR.UNACCEPTABLE_HOLD_TIME,
      `hold time ${holdTime} s: must be 0 or at least 3 (RFC 4271 §4.2)`,
    );
  }
  const routerId = readU32(bytes, at + 5);
  if (routerId === 0) {
    return refuse(OPEN_ERROR.BAD_BGP_IDENTIFIER, 'BGP Identifier 0.0.0.0 (RFC 6286 §2.1)');
  }
  return { message: { type: 'open', as, holdTime, routerId, capabilities } };
}

function refuse(subcode: number, text: string, data: Uint8Array = NO_DATA): { error: WireError } {
  return { error: { code: ERROR.OPEN, subcode, data, text: `OPEN: ${text}` } };
}

/** `at` is after Opt Parm Len, which is `shortLength`. */
function decodeParameters(
  bytes: Uint8Array,
  at: number,
  end: number,
  shortLength: number,
  capabilities: Capability[],
): WireError | undefined {
  // RFC 9072 §2: the type tells; the old length is then ignored, unless it is 0.
  const isExtended = shortLength !== 0 && at < end && bytes[at] === PARAMETER_EXTENDED_LENGTH;
  if (isExtended && end - at < EXTENSION_LENGTH) {
    return refuse(OPEN_ERROR.UNSPECIFIC, 'the extended parameters length is cut short').error;
  }
  const length = isExtended ? readU16(bytes, at + 1) : shortLength;
  let next = isExtended ? at + EXTENSION_LENGTH : at;
  if (length !== end - next) {
    const text = `optional parameters say ${length} octets, but ${end - next} follow`;
    return refuse(OPEN_ERROR.UNSPECIFIC, text).error;
  }
  const headLength = isExtended ? 3 : 2;
  while (next < end) {
    if (end - next < headLength) {
      return refuse(OPEN_ERROR.UNSPECIFIC, 'an optional parameter is cut short').error;
    }
    const type = bytes[next]!;
    const valueLength = isExtended ? readU16(bytes, next + 1) : bytes[next + 1]!;
    const value = next + headLength;
    next = value + valueLength;
    if (next > end) {
      const text = `optional parameter ${type} says ${valueLength} octets, but ${end - value} are left`;
      return refuse(OPEN_ERROR.UNSPECIFIC, text).error;
    }
    if (type !== PARAMETER_CAPABILITIES) {
      return refuse(
        OPEN_ERROR.UNSUPPORTED_OPTIONAL_PARAMETER,
        `optional parameter ${type} is unknown`,
      ).error;
    }
    const fault = decodeCapabilities(bytes, value, next, capabilities);
    if (fault !== undefined) return refuse(OPEN_ERROR.UNSPECIFIC, fault).error;
  }
  return undefined;
}

/**
 * A whole OPEN. Capabilities go into one parameter; RFC 9072's form is used only where they need
 * more than 255 octets, since older speakers know just the short one.
 *
 * @throws RangeError when a number has no place on the wire, or the message exceeds 4096 octets.
 */
export function encodeOpen(open: Omit<Open, 'type'>): Uint8Array {
  checkFields(open);
  const encoded = open.capabilities.map(encodeCapability);
  const size = encoded.reduce((sum, one) => sum + one.length, 0);
  const isExtended = size + 2 > 255;
  const parameters = size === 0 ? 0 : size + (isExtended ? 3 : 2);
  const before = FIXED_LENGTH + (isExtended ? EXTENSION_LENGTH : 0);
  if (HEADER_LENGTH + before + parameters > MAX_MESSAGE_LENGTH) {
    throw new RangeError(
      `OPEN: ${size} octets of capabilities do not fit into ${MAX_MESSAGE_LENGTH} octets`,
    );
  }
  const out = newMessage(MESSAGE_OPEN, before + parameters);
  let at = HEADER_LENGTH;
  out[at] = VERSION;
  writeU16(out, at + 1, open.as > MAX_TWO_OCTET_AS ? AS_TRANS : open.as);
  writeU16(out, at + 3, open.holdTime);
  writeU32(out, at + 5, open.routerId);
  out[at + 9] = isExtended ? 255 : parameters;
  at += FIXED_LENGTH;
  if (isExtended) {
    out[at] = PARAMETER_EXTENDED_LENGTH;
    writeU16(out, at + 1, parameters);
    out[at + 3] = PARAMETER_CAPABILITIES;
    writeU16(out, at + 4, size);
    at += 6;
  } else if (size > 0) {
    out[at] = PARAMETER_CAPABILITIES;
    out[at + 1] = size;
    at += 2;
  }
  for (const one of encoded) {
    out.set(one, at);
    at += one.length;
  }
  return out;
}

function checkFields({ as, holdTime, routerId }: Omit<Open, 'type'>): void {
  const isUnsigned = (value: number, max: number) =>
    Number.isInteger(value) && value >= 0 && value <= max;
  if (!isUnsigned(as, 0xffffffff) || as === 0) {
    throw new RangeError(`OPEN: as ${as} is not an AS number (1–4294967295)`);
  }
  if (!isUnsigned(holdTime, 0xffff) || holdTime === 1 || holdTime === 2) {
    throw new RangeError(`OPEN: hold time ${holdTime} s must be 0 or 3–65535`);
  }
  if (!isUnsigned(routerId, 0xffffffff) || routerId === 0) {
    throw new RangeError(`OPEN: router id ${routerId} is not an unsigned 32-bit number above 0`);
  }
}
