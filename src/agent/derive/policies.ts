/** What is accepted from each peer and told to it: its BGPFilters, then, of what none of them decided, the standard rules. Pure. */
import type { Policy, RuleList } from '../../../bgp/policy/policy.ts';
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
}

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
    const { filters, normalPriority, standard } = this.#input;
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
