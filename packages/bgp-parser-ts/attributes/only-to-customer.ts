import { readU32 } from '../bytes.ts';
import { ATTRIBUTE, FLAG_OPTIONAL, FLAG_TRANSITIVE } from '../constants.ts';
import { attribute } from './attribute.ts';
import { isFourOctets, u32 } from './shapes.ts';

/** ONLY_TO_CUSTOMER, RFC 9234 §5: the AS from which on the route may only go downwards. */
export const onlyToCustomer = attribute({
  code: ATTRIBUTE.ONLY_TO_CUSTOMER,
  name: 'ONLY_TO_CUSTOMER',
  key: 'onlyToCustomer',
  flags: FLAG_OPTIONAL | FLAG_TRANSITIVE,
  onError: 'treat-as-withdraw',
  clause: 'RFC 9234 §5',
  expects: '4 octets',
  check: isFourOctets,
  decode: readU32,
  encode: u32,
});
