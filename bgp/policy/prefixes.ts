/**
 * A policy over prefixes, as plain data: an ordered list of rules of which the first that matches
 * decides. Calico's export order is such a list: pools with disableBGPExport rejected, own blocks
 * accepted, what lies inside an own block rejected, pools accepted, everything else rejected.
 */

import type { Prefix } from 'net-ipaddr';

export type Verdict = 'accept' | 'reject';

export interface PrefixRule {
  /** What an inspection shows when this rule decided: `own block`, `pool rack-a`. */
  readonly name: string;
  readonly prefix: Prefix;
  /** Which routes: the prefix itself, only what is more specific, or both. */
  readonly match: 'exact' | 'inside' | 'exactOrInside';
  readonly verdict: Verdict;
}

/** Rules are tried in order; `otherwise` holds for a prefix that none matches. */
export interface PrefixPolicy {
  readonly rules: readonly PrefixRule[];
  readonly otherwise: Verdict;
}

/** `all` accepts every route. */
export type Policy = 'all' | PrefixPolicy;
