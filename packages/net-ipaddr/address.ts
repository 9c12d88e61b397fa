/**
 * One IPv4 or IPv6 address: a value of 4 or 16 bytes in network order.
 *
 * Reading is strict, because what one program takes for 10.1.1.1 another takes for 8.1.1.1: an
 * octet with a leading zero, a missing octet, a zone or a space is an error that says so. Writing
 * is canonical (RFC 5952), so equal addresses have equal text.
 */

export type Family = 4 | 6;

/** An address. `bytes` holds 4 or 16 bytes, is shared freely, and must never be written to. */
export interface Address {
  readonly family: Family;
  readonly bytes: Uint8Array;
}

/** Text that is not the address or prefix it should be. The message quotes it and says why. */
export class AddressError extends Error {
  readonly code = 'EADDRESS';
  override readonly name = 'AddressError';
}

/** Bits of an address of this family: 32 or 128. */
export function familyBits(family: Family): number {
  return family === 4 ? 32 : 128;
}

/** @throws AddressError when `text` is not one IPv4 or IPv6 address and nothing else. */
export function parseAddress(text: string): Address {
  const bytes = new Uint8Array(text.includes(':') ? 16 : 4);
  const fault = readAddress(text, bytes);
  if (fault !== undefined) throw addressError(text, 'an IP address', fault);
  return { family: bytes.length === 4 ? 4 : 6, bytes };
}

export function isAddress(text: string): boolean {
  return readAddress(text, new Uint8Array(text.includes(':') ? 16 : 4)) === undefined;
}

/** Canonical text: dotted decimal, or RFC 5952 with IPv4-mapped addresses as `::ffff:192.0.2.1`. */
export function formatAddress(address: Address): string {
  return address.family === 4 ? formatV4(address.bytes, 0) : formatV6(address.bytes);
}

/** Below zero when `a` comes first: IPv4 before IPv6, then by number. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.family !== b.family) return a.family - b.family;
  for (let i = 0; i < a.bytes.length; i++) {
    const difference = a.bytes[i]! - b.bytes[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

export function equalAddresses(a: Address, b: Address): boolean {
  return compareAddresses(a, b) === 0;
}

const MAX_QUOTED = 64;

/** `what` completes "is not …"; a hostile text is quoted cut short and escaped. */
export function addressError(text: string, what: string, fault: string): AddressError {
  const quoted = text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
  return new AddressError(`${JSON.stringify(quoted)} is not ${what}: ${fault}`);
}

/**
 * Fills `out` (4 bytes for text without a colon, else 16) and returns undefined, or returns what
 * is wrong with the text.
 */
export function readAddress(text: string, out: Uint8Array): string | undefined {
  if (text.length === 0) return 'it is empty';
  return out.length === 4 ? readV4(text, 0, out, 0) : readV6(text, out);
}

const DOT = 0x2e;
const COLON = 0x3a;
const ZERO = 0x30;

/** Reads `text` from `start` to its end as a dotted quad into four bytes of `out` from `at`. */
function readV4(text: string, start: number, out: Uint8Array, at: number): string | undefined {
  let octets = 0;
  let value = 0;
  let digits = 0;
  for (let i = start; i <= text.length; i++) {
    const char = i < text.length ? text.charCodeAt(i) : DOT;
    if (char === DOT) {
      if (digits === 0) return 'an octet is empty';
      if (octets === 4) return 'it has more than four octets';
      out[at + octets++] = value;
      value = 0;
      digits = 0;
      continue;
    }
    const digit = char - ZERO;
    if (digit < 0 || digit > 9) return strayCharacter(text, i);
    // inet_aton and others read 010 as octal 8, so a leading zero has no meaning all agree on.
    if (digits > 0 && value === 0) return 'an octet has a leading zero';
    value = value * 10 + digit;
    digits++;
    if (value > 255) return 'an octet is above 255';
  }
  return octets === 4 ? undefined : `it has ${octets} of four octets`;
}

/** RFC 4291 §2.2: eight groups of hex digits, one `::` for at least one group, a dotted quad last. */
function readV6(text: string, out: Uint8Array): string | undefined {
  const end = text.length;
  let at = 0;
  let gap = -1;
  let i = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return 'it begins with a single ":"';
    gap = 0;
    i = 2;
  }
  while (i < end) {
    const start = i;
    let value = 0;
    for (let digit = hexDigit(text, i); digit >= 0; digit = hexDigit(text, i)) {
      value = (value << 4) | digit;
      i++;
      if (i - start > 4) return 'a group has more than four digits';
    }
    if (text.charCodeAt(i) === DOT) {
      if (at > 12) return 'it has more than eight groups';
      const fault = readV4(text, start, out, at);
      if (fault !== undefined) return `in its IPv4 part, ${fault}`;
      at += 4;
      break;
    }
    if (i === start)
      return i < end && text.charCodeAt(i) !== COLON ? strayCharacter(text, i) : 'it has ":::"';
    if (at === 16) return 'it has more than eight groups';
    out[at++] = value >> 8;
    out[at++] = value & 0xff;
    if (i === end) break;
    if (text.charCodeAt(i) !== COLON) return strayCharacter(text, i);
    i++;
    if (i === end) return 'it ends with a single ":"';
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0) return 'it has "::" twice';
      gap = at;
      i++;
    }
  }
  if (gap < 0) return at === 16 ? undefined : `it has ${at / 2} of eight groups and no "::"`;
  if (at === 16) return 'it has eight groups and a "::" that stands for none';
  const tail = at - gap;
  out.copyWithin(16 - tail, gap, at);
  out.fill(0, gap, 16 - tail);
  return undefined;
}

/** The value of the hex digit at `i`, or -1 for any other character and past the end. */
function hexDigit(text: string, i: number): number {
  const char = text.charCodeAt(i);
  if (char >= ZERO && char <= 0x39) return char - ZERO;
  const lower = char | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function strayCharacter(text: string, i: number): string {
  const char = String.fromCodePoint(text.codePointAt(i)!);
  if (char === '%') return 'a zone ("%…") does not belong here';
  if (char === '/') return 'a prefix length ("/…") does not belong here';
  return `${JSON.stringify(char)} at position ${i + 1} does not belong there`;
}

function formatV4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** RFC 5952 §4: lower case, no leading zeros, the longest run of two or more zero groups as `::`. */
function formatV6(bytes: Uint8Array): string {
  let runStart = -1;
  let runLength = 1; // §4.2.2: one zero group alone is not shortened
  for (let group = 0; group < 8; ) {
    let past = group;
    while (past < 8 && bytes[2 * past] === 0 && bytes[2 * past + 1] === 0) past++;
    if (past - group > runLength) {
      runStart = group; // §4.2.3: of equal runs the first, so only a longer one replaces it
      runLength = past - group;
    }
    group = past + 1;
  }
  // §5: a known prefix that holds an IPv4 address shows it. ::ffff:0:0/96 is the one in every stack.
  if (runStart === 0 && runLength === 5 && bytes[10] === 0xff && bytes[11] === 0xff) {
    return `::ffff:${formatV4(bytes, 12)}`;
  }
  let text = '';
  for (let group = 0; group < 8; group++) {
    if (group === runStart) {
      text += '::';
      group += runLength - 1;
      continue;
    }
    if (text !== '' && !text.endsWith(':')) text += ':';
    text += ((bytes[2 * group]! << 8) | bytes[2 * group + 1]!).toString(16);
  }
  return text;
}
