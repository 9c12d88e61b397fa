import { readU32 } from '../bytes.ts';
import { ATTRIBUTE, FLAG_OPTIONAL } from '../constants.ts';
import { attribute } from './attribute.ts';
import { isFourOctets, u32 } from './shapes.ts';

/** ORIGINATOR_ID, RFC 4456 §8: the BGP Identifier of the route's originator in this AS. */
export const originatorId = attribute({
  code: ATTRIBUTE.ORIGINATOR_ID,
  name: 'ORIGINATOR_ID',
  key: 'originatorId',
  flags: FLAG_OPTIONAL,
  internalOnly: true,
  onError: 'treat-as-withdraw',
  clause: 'RFC 7606 §7.9',
  expects: '4 octets',
  check: isFourOctets,
  decode: readU32,
  encode: u32,
});
