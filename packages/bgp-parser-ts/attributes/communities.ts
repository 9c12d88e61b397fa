import { ATTRIBUTE, FLAG_OPTIONAL, FLAG_TRANSITIVE } from '../constants.ts';
import { attribute } from './attribute.ts';
import { isListOf, readU32List, u32List } from './shapes.ts';

/** COMMUNITIES, RFC 1997: unsigned 32 bits each, by custom written as two halves `65000:1`. */
export const communities = attribute({
  code: ATTRIBUTE.COMMUNITIES,
  name: 'COMMUNITIES',
  key: 'communities',
  flags: FLAG_OPTIONAL | FLAG_TRANSITIVE,
  onError: 'treat-as-withdraw',
  clause: 'RFC 7606 §7.8',
  expects: 'a multiple of 4 octets, not 0',
  check: isListOf(4),
  decode: (bytes, start, length): readonly number[] => readU32List(bytes, start, length),
  encode: u32List,
});
