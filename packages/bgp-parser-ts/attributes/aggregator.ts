import type { Address } from 'net-ipaddr';
import { copyOf, readU32, writeU32 } from '../bytes.ts';
import { ATTRIBUTE, FLAG_OPTIONAL, FLAG_TRANSITIVE } from '../constants.ts';
import { UPDATE_ERROR } from '../wire-error.ts';
import { attribute } from './attribute.ts';

export interface Aggregator {
  /** 4-octet AS number. */
  readonly as: number;
  /** IPv4: the BGP Identifier's form. */
  readonly address: Address;
}

/** AGGREGATOR, RFC 4271 §5.1.7. Canonical form: 8 octets, AS4_AGGREGATOR merged in. */
export const aggregator = attribute({
  code: ATTRIBUTE.AGGREGATOR,
  name: 'AGGREGATOR',
  key: 'aggregator',
  flags: FLAG_OPTIONAL | FLAG_TRANSITIVE,
  onError: 'attribute-discard',
  clause: 'RFC 7606 §7.7, RFC 7607 §2',
  expects: '6 octets, 8 between speakers of 4-octet AS numbers, and not AS 0',
  check(bytes, start, length, context) {
    if (length !== (context.as4 ? 8 : 6)) return UPDATE_ERROR.ATTRIBUTE_LENGTH;
    return isAsZero(bytes, start, length - 4) ? UPDATE_ERROR.OPTIONAL_ATTRIBUTE : 0;
  },
  decode: (bytes, start): Aggregator => ({
    as: readU32(bytes, start),
    address: { family: 4, bytes: copyOf(bytes, start + 4, start + 8) },
  }),
  encode(value: Aggregator) {
    const out = new Uint8Array(8);
    writeU32(out, 0, value.as);
    out.set(value.address.bytes.subarray(0, 4), 4);
    return out;
  },
});

/** Whether the `size`-octet AS number at `start` is 0. */
export function isAsZero(bytes: Uint8Array, start: number, size: number): boolean {
  for (let i = 0; i < size; i++) if (bytes[start + i] !== 0) return false;
  return true;
}
