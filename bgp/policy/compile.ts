/**
 * Compiles a policy to a function from route to outcome. Consecutive rules with the same conditions
 * on the route, and of which none or each says `next`, are a segment; its conditions are looked at
 * once an attribute set, its prefixes by hash once a route.
 *
 *   rules ──▶ segments ──▶ consider(set): the open ones ──▶ outcome(prefix): REJECTED, UNCHANGED, n
 *                                                              edits(n) ◀──┘
 *
 * Outcomes are numbers, so that whoever rewrites attributes can remember what they did for each.
 */

import type { AttributeEdits, AttributeView } from 'bgp-parser-ts';
import { formatPrefix, type PrefixTable } from 'net-ipaddr';
import { mergeEdits } from './edits.ts';
import type { Policy, PolicyRule, RouteMatch } from './policy.ts';
import { NO_RULE, PrefixRules } from './prefix-rules.ts';
import { matchesRoute, matchesWildcards } from './route-match.ts';

export const REJECTED = -1;
/** Accepted as it is. Outcomes above are accepted with edits. */
export const UNCHANGED = 0;

interface Segment {
  readonly route: RouteMatch | undefined;
  /** All its rules say `next`: each that matches changes the route. Else the first that matches decides. */
  readonly isPassed: boolean;
  readonly prefixes: PrefixRules;
}

/** What made a change: the rules, in their order. */
interface Changed {
  readonly edits: AttributeEdits;
  readonly rules: readonly number[];
}

export interface Explanation {
  readonly isAccepted: boolean;
  /** The rule that decided; undefined: none did. */
  readonly decidedBy: string | undefined;
  /** The rules that changed the route. */
  readonly changedBy: readonly string[];
}

const compiled = new WeakMap<object, CompiledPolicy>();

/** Once for each policy object, however many peers have it. */
export function compilePolicy(policy: Policy): CompiledPolicy {
  if (policy === 'all') return ALL;
  let known = compiled.get(policy);
  if (known === undefined) {
    known = new CompiledPolicy(policy);
    compiled.set(policy, known);
  }
  return known;
}

/** Sets of attributes by number, as the RIB stores them. */
export interface AttributeSets {
  /** Another set may come to have the number; a serial is never given twice. */
  serial(set: number): number;
  /** Good until the next call. */
  view(set: number): AttributeView;
  /** The interface that the set's next hop is on. */
  interfaceOf(set: number): string | undefined;
}

export class CompiledPolicy {
  /** Equal for policies that say the same: peers whose keys are equal can share what is exported. */
  readonly key: string;
  readonly #rules: readonly PolicyRule[];
  readonly #otherwise: typeof REJECTED | typeof UNCHANGED;
  readonly #segments: readonly Segment[];
  readonly #hasConditions: boolean;
  /** The segments whose conditions hold for the route considered. */
  #open: Segment[];
  #set = 0;
  #serial = 0;
  #isLearned = false;
  /** By outcome; those below 1 changed nothing. */
  readonly #changed: Changed[] = [{ edits: {}, rules: [] }];
  /** (outcome until now, rule) → the outcome with the rule's edits. */
  readonly #transitions = new Map<number, number>();
  readonly #passed: number[] = [];
  #decidedBy = NO_RULE;

  constructor(policy: Policy) {
    this.key = policyKey(policy);
    this.#rules = policy === 'all' ? [] : policy.rules;
    this.#otherwise = policy === 'all' || policy.otherwise === 'accept' ? UNCHANGED : REJECTED;
    this.#segments = segmentsOf(this.#rules);
    this.#hasConditions = this.#segments.some(({ route }) => route !== undefined);
    this.#open = [...this.#segments];
  }

  /** The route to be judged next has these attributes, and came from a peer or not. */
  consider(attributes: AttributeSets, set: number, isLearned: boolean): void {
    if (!this.#hasConditions) return;
    const serial = attributes.serial(set);
    if (set === this.#set && serial === this.#serial && isLearned === this.#isLearned) return;
    this.#set = set;
    this.#serial = serial;
    this.#isLearned = isLearned;
    const view = attributes.view(set);
    this.#open.length = 0;
    for (const segment of this.#segments) {
      const { route } = segment;
      const isOpen =
        route === undefined ||
        (matchesRoute(route, view, isLearned) &&
          (route.interface === undefined ||
            matchesWildcards(route.interface, attributes.interfaceOf(set))));
      if (isOpen) this.#open.push(segment);
    }
  }

  /** REJECTED, UNCHANGED, or what `edits` takes: of the route considered, to a prefix by its id in `prefixes`. */
  outcome(prefixes: PrefixTable, id: number): number {
    if (this.#segments.length === 0) return this.#otherwise;
    let outcome = UNCHANGED;
    this.#decidedBy = NO_RULE;
    for (let i = 0; i < this.#open.length; i++) {
      const segment = this.#open[i]!;
      if (segment.isPassed) {
        segment.prefixes.all(prefixes, id, this.#passed);
        for (const rule of this.#passed) outcome = this.#changedBy(rule, outcome);
        continue;
      }
      const rule = segment.prefixes.first(prefixes, id);
      if (rule === NO_RULE) continue;
      this.#decidedBy = rule;
      return this.#rules[rule]!.verdict === 'reject' ? REJECTED : this.#changedBy(rule, outcome);
    }
    return this.#otherwise === REJECTED ? REJECTED : outcome;
  }

  /** What an outcome above UNCHANGED changes. */
  edits(outcome: number): AttributeEdits {
    return this.#changed[outcome]!.edits;
  }

  /** As `outcome`, for people. */
  explain(prefixes: PrefixTable, id: number): Explanation {
    const outcome = this.outcome(prefixes, id);
    return {
      isAccepted: outcome !== REJECTED,
      decidedBy: this.#rules[this.#decidedBy]?.name,
      changedBy:
        outcome > UNCHANGED
          ? this.#changed[outcome]!.rules.map((rule) => this.#rules[rule]!.name)
          : [],
    };
  }

  #changedBy(rule: number, outcome: number): number {
    const { edits } = this.#rules[rule]!;
    if (edits === undefined) return outcome;
    const transition = outcome * this.#rules.length + rule;
    const known = this.#transitions.get(transition);
    if (known !== undefined) return known;
    const before = this.#changed[outcome]!;
    const added = this.#changed.push({
      edits: mergeEdits(before.edits, edits),
      rules: [...before.rules, rule],
    });
    this.#transitions.set(transition, added - 1);
    return added - 1;
  }
}

const ALL = new CompiledPolicy('all');

function segmentsOf(rules: readonly PolicyRule[]): Segment[] {
  const segments: Segment[] = [];
  let segment: Segment | undefined;
  let condition = '';
  rules.forEach((rule, index) => {
    const isPassed = rule.verdict === 'next';
    const own = JSON.stringify(rule.route ?? null);
    if (segment === undefined || segment.isPassed !== isPassed || own !== condition) {
      segment = { route: rule.route, isPassed, prefixes: new PrefixRules() };
      segments.push(segment);
      condition = own;
    }
    segment.prefixes.add(rule.prefixes, index);
  });
  return segments;
}

function policyKey(policy: Policy): string {
  if (policy === 'all') return 'all';
  const rules = policy.rules.map(({ prefixes, route, verdict, edits }) => {
    const { within, minLength, maxLength, not = false } = prefixes;
    return JSON.stringify([
      verdict,
      formatPrefix(within),
      minLength,
      maxLength,
      not,
      route ?? null,
      edits ?? null,
    ]);
  });
  return [...rules, policy.otherwise].join(', ');
}
