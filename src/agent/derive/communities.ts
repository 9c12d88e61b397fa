/** Communities as resources write them, as what is added to a route; and prefixAdvertisements, which name them. Pure. */
import type { AttributeEdits } from 'bgp-parser-ts';
import { type Prefix, parsePrefix } from 'net-ipaddr';
import { type BGPConfiguration, parseCommunity } from '../../../api/index.ts';
import { mergeEdits } from '../../../bgp/policy/edits.ts';

/** An entry of prefixAdvertisements: what is announced inside the prefix gets these communities. */
export interface Advertisement {
  readonly name: string;
  readonly prefix: Prefix;
  readonly edits: AttributeEdits;
}

/** An entry has a community's value, or a name that the same BGPConfiguration gives to one. */
export function readAdvertisements(
  configuration: string,
  {
    communities = [],
    prefixAdvertisements = [],
  }: Pick<NonNullable<BGPConfiguration['spec']>, 'communities' | 'prefixAdvertisements'>,
): Advertisement[] {
  const named = new Map(communities.map(({ name, value }) => [name, value]));
  return prefixAdvertisements.map(({ cidr, communities: texts }, index) => ({
    name: `BGPConfiguration "${configuration}" prefixAdvertisements[${index}]`,
    prefix: parsePrefix(cidr),
    edits: texts.map((text) => communityEdits(named.get(text) ?? text)).reduce(mergeEdits, {}),
  }));
}

/** @param text `aa:nn` (RFC 1997) or `aa:nn:mm` (RFC 8092) */
export function communityEdits(text: string): AttributeEdits {
  const [first = 0, second = 0, third] = parseCommunity(text);
  return third === undefined
    ? { communities: [first * 2 ** 16 + second] }
    : { largeCommunities: [{ global: first, local1: second, local2: third }] };
}
