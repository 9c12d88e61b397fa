/** Router Solicitations and Advertisements, RFC 4861 §4.1 and §4.2, as far as neighbours find each other by them. */

import { type Address, isLinkLocal, parseAddress } from 'net-ipaddr';

export const ROUTER_SOLICITATION = 133;
export const ROUTER_ADVERTISEMENT = 134;

export const ALL_NODES = parseAddress('ff02::1');
export const ALL_ROUTERS = parseAddress('ff02::2');

/** Type, code, checksum (the kernel's), reserved. */
const SOLICITATION_LENGTH = 8;
/** … hop limit, flags, router lifetime, reachable time, retransmission timer; then options. */
const ADVERTISEMENT_LENGTH = 16;

export const SOLICITATION = message(ROUTER_SOLICITATION, SOLICITATION_LENGTH);
/** All zeros: a router lifetime of 0 says that we are nobody's default router, and the rest "unspecified". */
export const ADVERTISEMENT = message(ROUTER_ADVERTISEMENT, ADVERTISEMENT_LENGTH);

function message(type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes[0] = type;
  return bytes;
}

const MAX_HOP_LIMIT = 255;
const SOURCE_LINK_LAYER_ADDRESS = 1;

/**
 * Judges a message by §6.1.1 and §6.1.2. Undefined: it is to be discarded without a word. With a hop
 * limit below 255 it came from another link, whoever it says that it is from.
 */
export function readRouterMessage(
  bytes: Uint8Array,
  source: Address,
  hopLimit: number,
): 'solicitation' | 'advertisement' | undefined {
  if (hopLimit !== MAX_HOP_LIMIT || bytes[1] !== 0) return undefined;
  if (bytes[0] === ROUTER_ADVERTISEMENT) {
    const isValid = isLinkLocal(source) && hasOptions(bytes, ADVERTISEMENT_LENGTH);
    return isValid ? 'advertisement' : undefined;
  }
  if (bytes[0] !== ROUTER_SOLICITATION) return undefined;
  // Who has no address yet must not name its link-layer address: nobody could answer to it alone.
  const forbidden = source.bytes.every((byte) => byte === 0)
    ? SOURCE_LINK_LAYER_ADDRESS
    : undefined;
  return hasOptions(bytes, SOLICITATION_LENGTH, forbidden) ? 'solicitation' : undefined;
}

/** §4.6: options of type, length in units of 8 octets (never 0), value, up to the end of the message. */
function hasOptions(bytes: Uint8Array, start: number, forbidden?: number): boolean {
  let at = start;
  while (at + 2 <= bytes.length) {
    const length = 8 * bytes[at + 1]!;
    if (length === 0 || bytes[at] === forbidden) return false;
    at += length;
  }
  return at === bytes.length;
}
