/** What a policy means, rule after rule on plain objects: the slow twin of CompiledPolicy and of the rewriting. */

import type { AttributeEdits, LargeCommunity, PathAttributes } from 'bgp-parser-ts';
import fc from 'fast-check';
import { containsPrefix, type Prefix, parsePrefix } from 'net-ipaddr';
import {
  exactly,
  inside,
  type Policy,
  type PolicyRule,
  type PrefixMatch,
  type RouteMatch,
  upTo,
} from '../../../bgp/policy/policy.ts';

export interface PlainRoute {
  readonly prefix: Prefix;
  readonly isLearned: boolean;
  readonly attributes: PathAttributes;
}

/** The route's attributes behind the policy; undefined: it is rejected. */
export function applyPolicy(policy: Policy, route: PlainRoute): PathAttributes | undefined {
  if (policy === 'all') return route.attributes;
  let { attributes } = route;
  for (const { prefixes, route: match = {}, verdict, edits = {} } of policy.rules) {
    if (!matchesPrefix(prefixes, route.prefix) || !matchesRoute(match, route)) continue;
    if (verdict === 'reject') return undefined;
    attributes = edited(attributes, edits);
    if (verdict === 'accept') return attributes;
  }
  return policy.otherwise === 'accept' ? attributes : undefined;
}

function matchesPrefix(
  { within, minLength, maxLength, not = false }: PrefixMatch,
  prefix: Prefix,
): boolean {
  if (within.address.family !== prefix.address.family) return false;
  const { length } = prefix;
  return (containsPrefix(within, prefix) && length >= minLength && length <= maxLength) !== not;
}

/** Conditions read the route as it came, whatever rules before have changed. */
function matchesRoute(match: RouteMatch, { attributes, isLearned }: PlainRoute): boolean {
  const { community, largeCommunity, asPathPrefix, priority } = match;
  const { communities = [], largeCommunities = [], asPath = [] } = attributes;
  const leading = asPath.flatMap(({ type, as }) => (type === 'sequence' ? as : [-1]));
  return (
    (!match.isLearned || isLearned) &&
    (community === undefined || communities.includes(community)) &&
    (largeCommunity === undefined || largeCommunities.map(text).includes(text(largeCommunity))) &&
    (asPathPrefix === undefined || asPathPrefix.every((as, index) => leading[index] === as)) &&
    (priority === undefined ||
      (isPriority(attributes.localPref)
        ? priority.is === 2147483647 - attributes.localPref
        : priority.orNone))
  );
}

/** Calico's LOCAL_PREF of priorities 1 to 2^30; what is lower is an operator's own. */
function isPriority(localPref: number | undefined): localPref is number {
  return localPref !== undefined && localPref >= 1073741824 && localPref <= 2147483646;
}

function edited(attributes: PathAttributes, edits: AttributeEdits): PathAttributes {
  const { communities: before = [], largeCommunities: largeBefore = [] } = attributes;
  const communities = [...before];
  for (const one of edits.communities ?? []) if (!communities.includes(one)) communities.push(one);
  const largeCommunities = [...largeBefore];
  for (const one of edits.largeCommunities ?? []) {
    if (!largeCommunities.map(text).includes(text(one))) largeCommunities.push(one);
  }
  const [first, ...rest] = attributes.asPath!;
  const asPath =
    edits.prepend === undefined
      ? attributes.asPath!
      : first?.type === 'sequence' && first.as.length + edits.prepend.length <= 255
        ? [{ ...first, as: [...edits.prepend, ...first.as] }, ...rest]
        : [{ type: 'sequence' as const, as: edits.prepend }, ...attributes.asPath!];
  return {
    ...attributes,
    asPath,
    ...(edits.localPref !== undefined && { localPref: edits.localPref }),
    ...(communities.length > 0 && { communities }),
    ...(largeCommunities.length > 0 && { largeCommunities }),
  };
}

function text({ global, local1, local2 }: LargeCommunity): string {
  return `${global}:${local1}:${local2}`;
}

const COMMUNITY = 7;
const LARGE: LargeCommunity = { global: 64512, local1: 1, local2: 2 };
/** So long that no path of a test becomes as long as another by it. */
const PREPENDED = new Array<number>(50).fill(9);

const edits: fc.Arbitrary<AttributeEdits> = fc
  .tuple(
    fc.subarray(['prepend', 'localPref', 'communities', 'largeCommunities'] as const),
    fc.constantFrom([COMMUNITY], [8, 9]),
  )
  .map(([kinds, communities]) => ({
    ...(kinds.includes('prepend') && { prepend: PREPENDED }),
    ...(kinds.includes('localPref') && { localPref: 300 }),
    ...(kinds.includes('communities') && { communities }),
    ...(kinds.includes('largeCommunities') && { largeCommunities: [LARGE] }),
  }));

const route: fc.Arbitrary<RouteMatch> = fc.constantFrom<RouteMatch[]>(
  { isLearned: true },
  { community: COMMUNITY },
  { community: COMMUNITY, isLearned: true },
  { largeCommunity: LARGE },
  { asPathPrefix: [1] },
  { asPathPrefix: [1, 2] },
  { asPathPrefix: [] },
  { priority: { is: 1024, orNone: true } },
  { priority: { is: 1024, orNone: false } },
  { priority: { is: 7, orNone: false } },
);

/** Policies over these prefixes. `changes`: with rules that change routes. */
export function policies(prefix: fc.Arbitrary<Prefix>, changes: boolean): fc.Arbitrary<Policy> {
  const prefixes: fc.Arbitrary<PrefixMatch> = fc.oneof(
    { weight: 3, arbitrary: fc.tuple(prefix, fc.constantFrom(exactly, upTo, inside)).map(matched) },
    {
      weight: 1,
      arbitrary: fc
        .record({
          within: prefix,
          minLength: fc.nat(40),
          maxLength: fc.nat(128),
          not: fc.boolean(),
        })
        .map((match) => match),
    },
  );
  const rule: fc.Arbitrary<PolicyRule> = fc.record(
    {
      name: fc.constantFrom('one', 'another'),
      prefixes,
      verdict: fc.constantFrom<PolicyRule['verdict'][]>('accept', 'reject', 'next'),
      route,
      ...(changes && { edits }),
    },
    { requiredKeys: ['name', 'prefixes', 'verdict'] },
  );
  return fc.record({
    rules: fc.array(rule, { maxLength: 12 }),
    otherwise: fc.constantFrom('accept' as const, 'reject' as const),
  });
}

function matched([prefix, match]: [Prefix, (prefix: Prefix) => PrefixMatch]): PrefixMatch {
  return match(prefix);
}

export const FEW_PREFIXES: fc.Arbitrary<Prefix> = fc
  .constantFrom('10.0.0.0/16', '10.1.0.0/16', '10.1.3.0/24', '2001:db8::/32')
  .map(parsePrefix);
