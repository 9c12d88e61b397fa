import { readU32 } from '../bytes.ts';
import { ATTRIBUTE, FLAG_OPTIONAL } from '../constants.ts';
import { attribute } from './attribute.ts';
import { isFourOctets, u32 } from './shapes.ts';

/** MULTI_EXIT_DISC, RFC 4271 §5.1.4: a metric, lower is better. */
export const med = attribute({
  code: ATTRIBUTE.MULTI_EXIT_DISC,
  name: 'MULTI_EXIT_DISC',
  key: 'med',
  flags: FLAG_OPTIONAL,
  onError: 'treat-as-withdraw',
  clause: 'RFC 7606 §7.4',
  expects: '4 octets',
  check: isFourOctets,
  decode: readU32,
  encode: u32,
});
