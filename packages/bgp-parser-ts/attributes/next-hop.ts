import type { Address } from 'net-ipaddr';
import { copyOf } from '../bytes.ts';
import { ATTRIBUTE, FLAG_TRANSITIVE } from '../constants.ts';
import { UPDATE_ERROR } from '../wire-error.ts';
import { isLinkLocal, NO_ZONE, setZone } from '../zone.ts';
import { attribute } from './attribute.ts';

export interface NextHop {
  readonly address: Address;
  /** The second address of a 32-octet IPv6 next hop, RFC 2545 §3. */
  readonly linkLocal?: Address;
}

/**
 * NEXT_HOP, RFC 4271 §5.1.3. On the wire IPv4 alone; the canonical form has MP_REACH_NLRI's next hop
 * here too: 4, 16 or 32 octets.
 */
export const nextHop = attribute({
  code: ATTRIBUTE.NEXT_HOP,
  name: 'NEXT_HOP',
  key: 'nextHop',
  flags: FLAG_TRANSITIVE,
  onError: 'treat-as-withdraw',
  clause: 'RFC 7606 §7.3 and §3.e',
  expects: '4 octets, the address of a host',
  check(bytes, start, length) {
    if (length !== 4) return UPDATE_ERROR.ATTRIBUTE_LENGTH;
    return isHostAddress(bytes, start, 4) ? 0 : UPDATE_ERROR.INVALID_NEXT_HOP;
  },
  decode(bytes, start, length): NextHop {
    if (length === 4) return { address: { family: 4, bytes: copyOf(bytes, start, start + 4) } };
    const address = withoutZone(bytes, start);
    return length === 16 ? { address } : { address, linkLocal: withoutZone(bytes, start + 16) };
  },
  encode({ address, linkLocal }: NextHop) {
    return linkLocal ? Uint8Array.of(...address.bytes, ...linkLocal.bytes) : address.bytes;
  },
});

function withoutZone(bytes: Uint8Array, start: number): Address {
  const address = copyOf(bytes, start, start + 16);
  if (isLinkLocal(address, 0)) setZone(address, 0, NO_ZONE);
  return { family: 6, bytes: address };
}

/**
 * RFC 4271 §6.3: syntactically right is what can be a host's address: not the unspecified one,
 * not multicast, nothing from 224.0.0.0 on. Loopback is not for syntax to judge: neighbours on one
 * machine speak over it.
 */
export function isHostAddress(bytes: Uint8Array, start: number, length: number): boolean {
  const first = bytes[start]!;
  if (length === 4 ? first >= 224 : first === 0xff) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== 0) return true;
  return false;
}
