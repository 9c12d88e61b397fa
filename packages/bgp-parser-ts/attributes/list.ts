/** The one list of attributes: adding one is a file beside this and a line in here. */

import { aggregator } from './aggregator.ts';
import { asPath } from './as-path.ts';
import { as4Aggregator } from './as4-aggregator.ts';
import { as4Path } from './as4-path.ts';
import { atomicAggregate } from './atomic-aggregate.ts';
import type { AttributeCodec, AttributeRule } from './attribute.ts';
import { clusterList } from './cluster-list.ts';
import { communities } from './communities.ts';
import { extendedCommunities } from './extended-communities.ts';
import { largeCommunities } from './large-communities.ts';
import { localPref } from './local-pref.ts';
import { med } from './med.ts';
import { mpReach } from './mp-reach.ts';
import { mpUnreach } from './mp-unreach.ts';
import { nextHop } from './next-hop.ts';
import { onlyToCustomer } from './only-to-customer.ts';
import { origin } from './origin.ts';
import { originatorId } from './originator-id.ts';

/** What message objects show, by code. */
export const CODECS = [
  origin,
  asPath,
  nextHop,
  med,
  localPref,
  atomicAggregate,
  aggregator,
  communities,
  originatorId,
  clusterList,
  extendedCommunities,
  largeCommunities,
  onlyToCustomer,
] as const;

/** Attributes of the encoding alone: what they say is shown elsewhere. */
const CARRIERS: readonly AttributeRule[] = [mpReach, mpUnreach, as4Path, as4Aggregator];

/** By code; undefined: carried byte for byte if transitive. */
export const RULES: readonly (AttributeRule | undefined)[] = byCode([...CODECS, ...CARRIERS]);

function byCode(rules: readonly AttributeRule[]): (AttributeRule | undefined)[] {
  const table = new Array<AttributeRule | undefined>(256).fill(undefined);
  for (const rule of rules) table[rule.code] = rule;
  return table;
}

type Codec = (typeof CODECS)[number];
type ValueOf<C> = C extends AttributeCodec<string, infer V> ? V : never;

/** An attribute that is not in the list. */
export interface RawAttribute {
  readonly code: number;
  /** As the canonical form has them: Optional, Transitive, Partial. */
  readonly flags: number;
  readonly value: Uint8Array;
}

/** A route's attributes: one property for each of CODECS, and the rest raw, by ascending code. */
export type PathAttributes = {
  readonly [C in Codec as C['key']]?: ValueOf<C>;
} & {
  readonly others?: readonly RawAttribute[];
  /** Codes of the known ones that someone on the way did not know: their Partial bit is set. */
  readonly partial?: readonly number[];
};

/** `MULTI_EXIT_DISC`, or `attribute 99`. */
export function attributeName(code: number): string {
  return RULES[code]?.name ?? `attribute ${code}`;
}
