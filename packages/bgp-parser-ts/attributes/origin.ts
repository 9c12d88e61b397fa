import { ATTRIBUTE, FLAG_TRANSITIVE } from '../constants.ts';
import { UPDATE_ERROR } from '../wire-error.ts';
import { attribute } from './attribute.ts';

export type Origin = 'igp' | 'egp' | 'incomplete';

/** The index is the number on the wire. */
const NAMES: readonly Origin[] = ['igp', 'egp', 'incomplete'];

/** ORIGIN, RFC 4271 §5.1.1. */
export const origin = attribute({
  code: ATTRIBUTE.ORIGIN,
  name: 'ORIGIN',
  key: 'origin',
  flags: FLAG_TRANSITIVE,
  onError: 'treat-as-withdraw',
  clause: 'RFC 7606 §7.1',
  expects: 'one octet, 0, 1 or 2',
  check(bytes, start, length) {
    if (length !== 1) return UPDATE_ERROR.ATTRIBUTE_LENGTH;
    return bytes[start]! <= 2 ? 0 : UPDATE_ERROR.INVALID_ORIGIN;
  },
  decode: (bytes, start): Origin => NAMES[bytes[start]!]!,
  encode: (value: Origin) => Uint8Array.of(NAMES.indexOf(value)),
});
