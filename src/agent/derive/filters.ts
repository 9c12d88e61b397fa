/** BGPFilters as rules for the speaker: what they match, and what they do. Pure. */
import type { AttributeEdits } from 'bgp-parser-ts';
import { type Family, parsePrefix } from 'net-ipaddr';
import { BGPFilter, type CustomResource, parseAsNumber } from '../../../api/index.ts';
import { mergeEdits } from '../../../bgp/policy/edits.ts';
import {
  everything,
  exactly,
  type PolicyRule,
  type PrefixMatch,
  type RouteMatch,
  upTo,
} from '../../../bgp/policy/policy.ts';
import { localPrefOfPriority } from '../../../bgp/policy/priority.ts';
import { readable } from './cluster.ts';
import { communityEdits } from './communities.ts';

export type Direction = 'import' | 'export';

export interface FilterInput {
  /** Kinds of peers: a rule may be for one of them only. */
  readonly isExternal: boolean;
  /** What a route has that says nothing of its priority. */
  readonly normalPriority: Readonly<Record<Family, number>>;
}

type FilterSpec = (typeof BGPFilter extends CustomResource<BGPFilter, infer Full>
  ? Full
  : never)['spec'];
type FilterRule = NonNullable<FilterSpec['importV4' | 'importV6']>[number];

export class Filters {
  readonly #byName: ReadonlyMap<string, FilterSpec>;

  constructor(filters: readonly BGPFilter[], problems: string[]) {
    const read = filters.flatMap((filter) => readable(BGPFilter, filter, problems) ?? []);
    this.#byName = new Map(read.map(({ metadata, spec }) => [metadata.name, spec]));
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /**
   * The rules of these filters one after the other. Of one that is not there, or cannot be read, all
   * routes are rejected: what it would have kept out is not known.
   */
  rules(names: readonly string[], direction: Direction, input: FilterInput): PolicyRule[] {
    return names.flatMap((name) =>
      ([4, 6] as const).flatMap((family) => {
        const spec = this.#byName.get(name);
        if (spec === undefined) return [missing(name, family)];
        const list = `${direction}V${family}` as const;
        return (spec[list] ?? []).flatMap((rule, index) =>
          isForPeer(rule, input)
            ? [deriveRule(`BGPFilter "${name}" ${list}[${index}]`, rule, family, input)]
            : [],
        );
      }),
    );
  }
}

function missing(name: string, family: Family): PolicyRule {
  return {
    name: `BGPFilter "${name}" cannot be used`,
    prefixes: everything(family),
    verdict: 'reject',
  };
}

function isForPeer({ peerType }: FilterRule, { isExternal }: FilterInput): boolean {
  return peerType === undefined || (peerType === 'eBGP') === isExternal;
}

function deriveRule(
  name: string,
  rule: FilterRule,
  family: Family,
  { normalPriority }: FilterInput,
): PolicyRule {
  const route = routeMatch(rule, normalPriority[family]);
  const edits = (rule.operations ?? []).map(editsOf).reduce(mergeEdits, {});
  return {
    name,
    prefixes: prefixMatch(rule, family),
    ...(Object.keys(route).length > 0 && { route }),
    verdict: rule.action === 'Accept' ? 'accept' : 'reject',
    ...(Object.keys(edits).length > 0 && { edits }),
  };
}

function prefixMatch(rule: FilterRule, family: Family): PrefixMatch {
  const { cidr, matchOperator, prefixLength: { min, max } = {} } = rule;
  if (!cidr) return everything(family);
  const prefix = parsePrefix(cidr);
  const isEqual = matchOperator === 'Equal' || matchOperator === 'NotEqual';
  const { within, minLength, maxLength } = isEqual ? exactly(prefix) : upTo(prefix);
  const match = {
    within,
    minLength: Math.max(minLength, min ?? minLength),
    maxLength: Math.min(maxLength, max ?? maxLength),
  };
  const isNegated = matchOperator === 'NotEqual' || matchOperator === 'NotIn';
  return isNegated ? { ...match, not: true } : match;
}

function routeMatch(rule: FilterRule, normalPriority: number): RouteMatch {
  const { asPathPrefix = [], communities, priority } = rule;
  return {
    ...(rule.source === 'RemotePeers' && { isLearned: true }),
    ...(rule.interface !== undefined && { interface: rule.interface }),
    ...(communities && communityMatch(communities.values[0]!)),
    ...(asPathPrefix.length > 0 && { asPathPrefix: asPathPrefix.map(parseAsNumber) }),
    ...(priority !== undefined && {
      priority: { is: priority, orNone: priority === normalPriority },
    }),
  };
}

function communityMatch(text: string): RouteMatch {
  const { communities: [community] = [], largeCommunities: [largeCommunity] = [] } =
    communityEdits(text);
  return {
    ...(community !== undefined && { community }),
    ...(largeCommunity && { largeCommunity }),
  };
}

function editsOf(operation: NonNullable<FilterRule['operations']>[number]): AttributeEdits {
  const { addCommunity, prependASPath, setPriority } = operation;
  if (addCommunity) return communityEdits(addCommunity.value);
  if (prependASPath) return { prepend: prependASPath.prefix.map(parseAsNumber) };
  return { localPref: localPrefOfPriority(setPriority!.value) };
}
