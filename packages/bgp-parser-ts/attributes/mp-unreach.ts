import { readU16 } from '../bytes.ts';
import { AFI_IPV4, ATTRIBUTE, FLAG_OPTIONAL } from '../constants.ts';
import { isNlriField } from '../nlri.ts';
import { UPDATE_ERROR } from '../wire-error.ts';
import type { AttributeRule } from './attribute.ts';
import { acceptedFamily } from './mp-reach.ts';

/** AFI (2) and SAFI (1); then the NLRI. */
export const MP_UNREACH_HEAD = 3;

/** MP_UNREACH_NLRI, RFC 4760 §4. */
export const mpUnreach: AttributeRule = {
  code: ATTRIBUTE.MP_UNREACH_NLRI,
  name: 'MP_UNREACH_NLRI',
  flags: FLAG_OPTIONAL,
  onError: 'session-reset',
  clause: 'RFC 7606 §5.3',
  expects: 'AFI, SAFI, and prefixes that end with the attribute',
  check(bytes, start, length, context) {
    if (length < MP_UNREACH_HEAD) return UPDATE_ERROR.OPTIONAL_ATTRIBUTE;
    const afi = readU16(bytes, start);
    const family = acceptedFamily(context, afi, bytes[start + 2]!);
    if (family === undefined) return 0;
    const bits = afi === AFI_IPV4 ? 32 : 128;
    return isNlriField(bytes, start + MP_UNREACH_HEAD, start + length, bits, family.addPath)
      ? 0
      : UPDATE_ERROR.OPTIONAL_ATTRIBUTE;
  },
};
