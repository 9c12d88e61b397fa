/**
 * Zones of link-local next hops (RFC 4007): one fe80::1 on two links is two routers. In canonical
 * attributes the zone is a number in octets 4–7, which are zero on the wire (RFC 4291 §2.5.6).
 */

import { readU32, writeU16, writeU32 } from './bytes.ts';

/** The zone of a link-local next hop of which nobody said where it is. */
export const NO_ZONE = 0;

/** fe80::/10: 16 octets, of use on their own link only. */
export function isLinkLocal(bytes: Uint8Array, start: number): boolean {
  return bytes[start] === 0xfe && (bytes[start + 1]! & 0xc0) === 0x80;
}

/** Of the link-local address at `bytes[start]`. */
export function zoneOf(bytes: Uint8Array, start: number): number {
  return readU32(bytes, start + 4);
}

/** Puts the link-local address at `bytes[start]` into a zone; NO_ZONE makes it what the wire has. */
export function setZone(bytes: Uint8Array, start: number, zone: number): void {
  // Of the 54 bits that must be zero all are written: a peer must not choose its zone by them.
  bytes[start + 1] = 0x80;
  writeU16(bytes, start + 2, 0);
  writeU32(bytes, start + 4, zone);
}
