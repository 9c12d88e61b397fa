/**
 * Addresses with their zone, RFC 4007: a link-local address is one neighbour a link, so text has the
 * link behind it: `fe80::1%eth0`.
 */

import {
  type Address,
  addressError,
  compareAddresses,
  formatAddress,
  parseAddress,
} from './address.ts';

export interface ZonedAddress extends Address {
  /** The name of the interface that a link-local address is on. */
  readonly zone?: string;
}

/** fe80::/10. */
export function isLinkLocal(address: Address): boolean {
  return address.family === 6 && address.bytes[0] === 0xfe && (address.bytes[1]! & 0xc0) === 0x80;
}

/** IFNAMSIZ, less the zero at the end. */
const MAX_NAME = 15;

/**
 * As parseAddress, and a link-local address may have a zone.
 * @throws AddressError
 */
export function parseZonedAddress(text: string): ZonedAddress {
  const percent = text.indexOf('%');
  if (percent < 0) return parseAddress(text);
  const address = parseAddress(text.slice(0, percent));
  const zone = text.slice(percent + 1);
  const fault = isLinkLocal(address)
    ? faultOfName(zone)
    : 'only a link-local address (fe80::/10) has a zone';
  if (fault !== undefined) throw addressError(text, 'an IP address', fault);
  return { ...address, zone };
}

/** What the kernel refuses as the name of an interface. */
function faultOfName(name: string): string | undefined {
  if (name === '') return 'the zone is empty';
  if (name.length > MAX_NAME) return `the zone is longer than ${MAX_NAME} characters`;
  const isName = !/[\s/:]/.test(name) && name !== '.' && name !== '..';
  return isName ? undefined : 'the zone is not the name of an interface';
}

export function formatZonedAddress(address: ZonedAddress): string {
  const text = formatAddress(address);
  return address.zone === undefined ? text : `${text}%${address.zone}`;
}

/** By address, then by the zone's name; without one first. */
export function compareZonedAddresses(a: ZonedAddress, b: ZonedAddress): number {
  const difference = compareAddresses(a, b);
  if (difference !== 0 || a.zone === b.zone) return difference;
  return (a.zone ?? '') < (b.zone ?? '') ? -1 : 1;
}
