import { ATTRIBUTE, FLAG_OPTIONAL, FLAG_TRANSITIVE } from '../constants.ts';
import { UPDATE_ERROR } from '../wire-error.ts';
import { isSegments } from './as-path.ts';
import type { AttributeRule } from './attribute.ts';

/**
 * AS4_PATH, RFC 6793 §3: the path in 4 octets, carried past speakers of 2. Merged into AS_PATH on
 * receipt and made again on sending, so no object has it. Confederation segments are well-formed
 * here and are left out of the merge (§6).
 */
export const as4Path: AttributeRule = {
  code: ATTRIBUTE.AS4_PATH,
  name: 'AS4_PATH',
  flags: FLAG_OPTIONAL | FLAG_TRANSITIVE,
  twoOctetOnly: true,
  onError: 'attribute-discard',
  clause: 'RFC 6793 §6, RFC 7607 §2',
  expects: 'at least one whole segment of 4-octet AS numbers, no AS 0',
  check: (bytes, start, length) =>
    length >= 6 && isSegments(bytes, start, start + length, 4, true)
      ? 0
      : UPDATE_ERROR.OPTIONAL_ATTRIBUTE,
};
