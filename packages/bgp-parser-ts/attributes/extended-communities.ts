import { readU32, writeU32 } from '../bytes.ts';
import { ATTRIBUTE, FLAG_OPTIONAL, FLAG_TRANSITIVE } from '../constants.ts';
import { attribute } from './attribute.ts';
import { isListOf } from './shapes.ts';

/** Octets of one. */
export const EXTENDED_COMMUNITY_LENGTH = 8;
/** In its first octet: not to be carried into another AS, RFC 4360 §2. */
export const NON_TRANSITIVE_COMMUNITY = 0x40;

/** EXTENDED COMMUNITIES, RFC 4360: unsigned 64 bits each; unknown types are no error. */
export const extendedCommunities = attribute({
  code: ATTRIBUTE.EXTENDED_COMMUNITIES,
  name: 'EXTENDED COMMUNITIES',
  key: 'extendedCommunities',
  flags: FLAG_OPTIONAL | FLAG_TRANSITIVE,
  onError: 'treat-as-withdraw',
  clause: 'RFC 7606 §7.14',
  expects: 'a multiple of 8 octets, not 0',
  check: isListOf(EXTENDED_COMMUNITY_LENGTH),
  decode: (bytes, start, length): readonly bigint[] =>
    Array.from({ length: length / EXTENDED_COMMUNITY_LENGTH }, (_, i) => {
      const at = start + i * EXTENDED_COMMUNITY_LENGTH;
      return (BigInt(readU32(bytes, at)) << 32n) | BigInt(readU32(bytes, at + 4));
    }),
  encode(values: readonly bigint[]) {
    const out = new Uint8Array(values.length * EXTENDED_COMMUNITY_LENGTH);
    values.forEach((value, index) => {
      writeU32(out, index * EXTENDED_COMMUNITY_LENGTH, Number(value >> 32n));
      writeU32(out, index * EXTENDED_COMMUNITY_LENGTH + 4, Number(value & 0xffffffffn));
    });
    return out;
  },
});
