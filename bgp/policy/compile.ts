/**
 * Compiles a policy to a function from prefix to verdict: one hash look-up for each distinct length
 * among its rules, whatever their number.
 *
 *   10.60.0.0/16 ──▶ rule id ──▶ exact:  lowest rule that matches the prefix itself
 *                            └─▶ inside: lowest rule that matches what is more specific
 *
 * The first rule that matches decides, so of all that match the lowest index is looked for.
 */

import { formatPrefix, PrefixTable } from 'net-ipaddr';
import type { Policy, PrefixRule } from './prefixes.ts';

/** No rule: after every index. */
const NONE = 0xffffffff;

export class CompiledPolicy {
  /** Equal for policies that say the same: peers whose keys are equal can share what is exported. */
  readonly key: string;
  readonly #rules: readonly PrefixRule[];
  readonly #accepts: readonly boolean[];
  readonly #acceptsOthers: boolean;
  readonly #prefixes = new PrefixTable(0);
  readonly #exact: number[] = [];
  readonly #inside: number[] = [];
  readonly #lengths4: number[] = [];
  readonly #lengths6: number[] = [];

  constructor(policy: Policy) {
    this.key = policyKey(policy);
    this.#rules = policy === 'all' ? [] : policy.rules;
    this.#accepts = this.#rules.map(({ verdict }) => verdict === 'accept');
    this.#acceptsOthers = policy === 'all' || policy.otherwise === 'accept';
    this.#rules.forEach((rule, index) => {
      this.#add(rule, index);
    });
  }

  /** Whether the policy accepts a prefix, given by its id in `prefixes`. */
  accepts(prefixes: PrefixTable, id: number): boolean {
    if (this.#rules.length === 0) return this.#acceptsOthers;
    const index = this.#indexFor(prefixes, id);
    return index === NONE ? this.#acceptsOthers : this.#accepts[index]!;
  }

  /** The rule that decides, or undefined when none matches. */
  rule(prefixes: PrefixTable, id: number): PrefixRule | undefined {
    return this.#rules[this.#indexFor(prefixes, id)];
  }

  #add({ prefix, match }: PrefixRule, index: number): void {
    const id = this.#prefixes.intern(prefix);
    if (id === this.#exact.length) {
      this.#exact.push(NONE);
      this.#inside.push(NONE);
      const lengths = prefix.address.family === 4 ? this.#lengths4 : this.#lengths6;
      if (!lengths.includes(prefix.length)) lengths.push(prefix.length);
    }
    if (match !== 'inside') this.#exact[id] = Math.min(this.#exact[id]!, index);
    if (match !== 'exact') this.#inside[id] = Math.min(this.#inside[id]!, index);
  }

  #indexFor(prefixes: PrefixTable, id: number): number {
    const is4 = prefixes.family(id) === 4;
    const length = prefixes.length(id);
    let lowest = NONE;
    for (const ruleLength of is4 ? this.#lengths4 : this.#lengths6) {
      if (ruleLength > length) continue;
      const found = is4
        ? this.#prefixes.idOf4(masked(prefixes.word(id, 0), ruleLength), ruleLength)
        : this.#prefixes.idOf6(
            masked(prefixes.word(id, 0), ruleLength),
            masked(prefixes.word(id, 1), ruleLength - 32),
            masked(prefixes.word(id, 2), ruleLength - 64),
            masked(prefixes.word(id, 3), ruleLength - 96),
            ruleLength,
          );
      if (found < 0) continue;
      const index = ruleLength === length ? this.#exact[found]! : this.#inside[found]!;
      if (index < lowest) lowest = index;
    }
    return lowest;
  }
}

function policyKey(policy: Policy): string {
  if (policy === 'all') return 'all';
  const rules = policy.rules.map(
    ({ prefix, match, verdict }) => `${verdict} ${match} ${formatPrefix(prefix)}`,
  );
  return [...rules, policy.otherwise].join(', ');
}

/** The first `bits` bits of a word; none for zero and below, all from 32 on. */
function masked(word: number, bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? word : word & (-1 << (32 - bits));
}
