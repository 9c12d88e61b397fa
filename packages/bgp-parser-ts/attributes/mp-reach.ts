import { readU16 } from '../bytes.ts';
import { AFI_IPV4, AFI_IPV6, ATTRIBUTE, FLAG_OPTIONAL, SAFI_UNICAST } from '../constants.ts';
import type { FamilyContext, WireContext } from '../context.ts';
import { isNlriField } from '../nlri.ts';
import { UPDATE_ERROR } from '../wire-error.ts';
import type { AttributeRule } from './attribute.ts';

/** AFI (2), SAFI (1), length of the next hop (1); then the next hop, a reserved octet, the NLRI. */
export const MP_REACH_HEAD = 4;
const MIN_LENGTH = 5;

/**
 * MP_REACH_NLRI, RFC 4760 §3. Whatever is wrong with it leaves NLRI that cannot be found, so that
 * nothing can be withdrawn in its place. That holds for families that are not negotiated only as far
 * as their framing can be seen.
 */
export const mpReach: AttributeRule = {
  code: ATTRIBUTE.MP_REACH_NLRI,
  name: 'MP_REACH_NLRI',
  flags: FLAG_OPTIONAL,
  onError: 'session-reset',
  clause: 'RFC 7606 §5.3 and §7.11',
  expects: 'AFI, SAFI, a next hop of the family, and prefixes that end with the attribute',
  check(bytes, start, length, context) {
    if (length < MIN_LENGTH) return UPDATE_ERROR.OPTIONAL_ATTRIBUTE;
    const hopLength = bytes[start + 3]!;
    const nlri = start + MP_REACH_HEAD + hopLength + 1;
    if (nlri > start + length) return UPDATE_ERROR.OPTIONAL_ATTRIBUTE;
    const afi = readU16(bytes, start);
    const family = acceptedFamily(context, afi, bytes[start + 2]!);
    if (family === undefined) return 0;
    const isRight =
      isNextHopLength(afi, hopLength, family.extendedNextHop) &&
      isNlriField(bytes, nlri, start + length, afi === AFI_IPV4 ? 32 : 128, family.addPath);
    return isRight ? 0 : UPDATE_ERROR.OPTIONAL_ATTRIBUTE;
  },
};

/** How the family was negotiated, or undefined: its routes are ignored. */
export function acceptedFamily(
  context: WireContext,
  afi: number,
  safi: number,
): FamilyContext | undefined {
  if (safi !== SAFI_UNICAST) return undefined;
  if (afi === AFI_IPV4) return context.ipv4;
  return afi === AFI_IPV6 ? context.ipv6 : undefined;
}

/** RFC 2545 §3 for IPv6, RFC 4760 §3 and RFC 8950 §4 for IPv4. */
function isNextHopLength(afi: number, length: number, extendedNextHop: boolean): boolean {
  if (length === 16 || length === 32) return afi === AFI_IPV6 || extendedNextHop;
  return length === 4 && afi === AFI_IPV4;
}
