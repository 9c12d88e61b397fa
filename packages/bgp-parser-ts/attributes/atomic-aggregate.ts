import { ATTRIBUTE, FLAG_TRANSITIVE } from '../constants.ts';
import { UPDATE_ERROR } from '../wire-error.ts';
import { attribute } from './attribute.ts';

/** ATOMIC_AGGREGATE, RFC 4271 §5.1.6: its presence is all it says. */
export const atomicAggregate = attribute({
  code: ATTRIBUTE.ATOMIC_AGGREGATE,
  name: 'ATOMIC_AGGREGATE',
  key: 'atomicAggregate',
  flags: FLAG_TRANSITIVE,
  onError: 'attribute-discard',
  clause: 'RFC 7606 §7.6',
  expects: 'no octets',
  check: (_bytes, _start, length) => (length === 0 ? 0 : UPDATE_ERROR.ATTRIBUTE_LENGTH),
  decode: (): true => true,
  encode: (_value: true) => new Uint8Array(0),
});
