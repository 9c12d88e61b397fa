import { ATTRIBUTE, FLAG_OPTIONAL, FLAG_TRANSITIVE } from '../constants.ts';
import { UPDATE_ERROR } from '../wire-error.ts';
import { isAsZero } from './aggregator.ts';
import type { AttributeRule } from './attribute.ts';

/** AS4_AGGREGATOR, RFC 6793 §3: merged into AGGREGATOR on receipt, made again on sending. */
export const as4Aggregator: AttributeRule = {
  code: ATTRIBUTE.AS4_AGGREGATOR,
  name: 'AS4_AGGREGATOR',
  flags: FLAG_OPTIONAL | FLAG_TRANSITIVE,
  twoOctetOnly: true,
  onError: 'attribute-discard',
  clause: 'RFC 6793 §6, RFC 7607 §2',
  expects: '8 octets, not AS 0',
  check: (bytes, start, length) =>
    length === 8 && !isAsZero(bytes, start, 4) ? 0 : UPDATE_ERROR.OPTIONAL_ATTRIBUTE,
};
