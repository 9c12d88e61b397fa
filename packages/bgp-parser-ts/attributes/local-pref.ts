import { readU32 } from '../bytes.ts';
import { ATTRIBUTE, FLAG_TRANSITIVE } from '../constants.ts';
import { attribute } from './attribute.ts';
import { isFourOctets, u32 } from './shapes.ts';

/** LOCAL_PREF, RFC 4271 §5.1.5: higher is better, within one AS. */
export const localPref = attribute({
  code: ATTRIBUTE.LOCAL_PREF,
  name: 'LOCAL_PREF',
  key: 'localPref',
  flags: FLAG_TRANSITIVE,
  internalOnly: true,
  onError: 'treat-as-withdraw',
  clause: 'RFC 7606 §7.5',
  expects: '4 octets',
  check: isFourOctets,
  decode: readU32,
  encode: u32,
});
