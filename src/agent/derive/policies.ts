/** What is accepted from each peer and told to it: its BGPFilters, then, of what none of them decided, the standard rules. Pure. */
import { everything, type Policy, type RuleList } from '../../../bgp/policy/policy.ts';
import type { FilterInput, Filters } from './filters.ts';

export interface PeerPolicies {
  readonly importPolicy: Policy;
  readonly exportPolicy: Policy;
}

export interface PoliciesInput {
  readonly filters: Filters;
  readonly normalPriority: FilterInput['normalPriority'];
  /** The export rules of a peer without filters. */
  readonly standard: RuleList;
  /** RFC 8212. */
  readonly ebgpRequiresPolicy: boolean;
}

const NOTHING: RuleList = {
  rules: ([4, 6] as const).map((family) => ({
    name: 'ebgpRequiresPolicy: the peer has no filters',
    prefixes: everything(family),
    verdict: 'reject',
  })),
  otherwise: 'reject',
};

/** Peers with the same filters get the same objects: the speaker compiles them once. */
export class Policies {
  readonly #input: PoliciesInput;
  readonly #known = new Map<string, PeerPolicies>();

  constructor(input: PoliciesInput) {
    this.#input = input;
  }

  of(names: readonly string[], isExternal: boolean): PeerPolicies {
    const key = JSON.stringify([isExternal, names]);
    let policies = this.#known.get(key);
    if (policies === undefined) {
      policies = this.#derive(names, isExternal);
      this.#known.set(key, policies);
    }
    return policies;
  }

  #derive(names: readonly string[], isExternal: boolean): PeerPolicies {
    const { filters, normalPriority, standard, ebgpRequiresPolicy } = this.#input;
    if (ebgpRequiresPolicy && isExternal && names.length === 0)
      return { importPolicy: NOTHING, exportPolicy: NOTHING };
    const input = { isExternal, normalPriority };
    return {
      importPolicy: shortest({
        rules: filters.rules(names, 'import', input),
        otherwise: 'accept',
      }),
      exportPolicy: shortest({
        rules: [...filters.rules(names, 'export', input), ...standard.rules],
        otherwise: standard.otherwise,
      }),
    };
  }
}

function shortest(policy: RuleList): Policy {
  return policy.rules.length === 0 && policy.otherwise === 'accept' ? 'all' : policy;
}
