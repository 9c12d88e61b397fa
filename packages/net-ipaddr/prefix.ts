/** A network prefix: an address with its host bits zero, and how many leading bits count. */

import {
  type Address,
  addressError,
  compareAddresses,
  type Family,
  familyBits,
  formatAddress,
  readAddress,
} from './address.ts';

/** `length` is 0–32 or 0–128, and every bit of `address` after it is zero. */
export interface Prefix {
  readonly address: Address;
  readonly length: number;
}

/** An address with the length of the network that it sits in: what an interface is given. */
export interface InterfaceAddress {
  readonly address: Address;
  readonly length: number;
}

/** @throws AddressError when `text` is not `address/length` with all host bits zero. */
export function parsePrefix(text: string): Prefix {
  const parsed = readWithLength(text);
  if (typeof parsed === 'string') throw addressError(text, 'a prefix', parsed);
  const masked = prefixOf(parsed.address, parsed.length);
  if (compareAddresses(masked.address, parsed.address) !== 0) {
    const fault = `it has bits set after the first ${parsed.length}; the network is ${formatPrefix(masked)}`;
    throw addressError(text, 'a prefix', fault);
  }
  return masked;
}

export function isPrefix(text: string): boolean {
  const parsed = readWithLength(text);
  if (typeof parsed === 'string') return false;
  return compareAddresses(prefixOf(parsed.address, parsed.length).address, parsed.address) === 0;
}

/** Reads `10.0.0.5/24`, host bits kept. @throws AddressError */
export function parseInterfaceAddress(text: string): InterfaceAddress {
  const parsed = readWithLength(text);
  if (typeof parsed === 'string') throw addressError(text, 'an address with a length', parsed);
  return parsed;
}

/** Canonical text: `10.0.0.0/8`, `2001:db8::/32`. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`;
}

/**
 * The prefix of this length that holds `address`.
 * @throws RangeError when the family has no such length.
 */
export function prefixOf(address: Address, length: number): Prefix {
  checkLength(address.family, length);
  const bytes = address.bytes.slice();
  const whole = length >> 3;
  if (whole < bytes.length) {
    bytes[whole]! &= 0xff00 >> (length & 7);
    bytes.fill(0, whole + 1);
  }
  return { address: { family: address.family, bytes }, length };
}

/** The prefix of this one address: /32 or /128. */
export function hostPrefix(address: Address): Prefix {
  return { address, length: familyBits(address.family) };
}

/** By address, then the shorter (covering) prefix first. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  return compareAddresses(a.address, b.address) || a.length - b.length;
}

export function equalPrefixes(a: Prefix, b: Prefix): boolean {
  return comparePrefixes(a, b) === 0;
}

export function checkLength(family: Family, length: number): void {
  if (!Number.isInteger(length) || length < 0 || length > familyBits(family)) {
    throw new RangeError(
      `an IPv${family} prefix has no length ${length} (0–${familyBits(family)})`,
    );
  }
}

/** The address and length that `text` spells, or what is wrong with it. */
function readWithLength(text: string): InterfaceAddress | string {
  const slash = text.indexOf('/');
  if (slash < 0) return 'it has no "/" and length';
  const family = text.includes(':') ? 6 : 4;
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  const fault = readAddress(text.slice(0, slash), bytes);
  if (fault !== undefined) return `before the "/", ${fault}`;
  const digits = text.slice(slash + 1);
  // No sign, no leading zero, no space: one text a length.
  if (!/^(0|[1-9][0-9]{0,2})$/.test(digits) || Number(digits) > familyBits(family)) {
    return `after the "/" comes a length of 0–${familyBits(family)}`;
  }
  return { address: { family, bytes }, length: Number(digits) };
}
