/** Policy routing rules: RTM_NEWRULE and its kin, linux/fib_rules.h. */

import type { Family, Prefix } from 'net-ipaddr';

/** A rule to add or delete, and a rule as the kernel tells of it. A deletion matches what is given. */
export interface Rule {
  readonly family: Family;
  /** Lower is looked at first. The kernel chooses one for a new rule without. */
  readonly priority?: number;
  /** @default 'lookup' */
  readonly action?: 'lookup' | 'blackhole' | 'unreachable' | 'prohibit';
  /** For 'lookup'. */
  readonly table?: number;
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly mark?: number;
  /** Which bits of `mark` count. @default all */
  readonly markMask?: number;
  /** Names of interfaces. */
  readonly inputInterface?: string;
  readonly outputInterface?: string;
  /** Match what the rest does not. @default false */
  readonly invert?: boolean;
  /** Who made it, as in a route. */
  readonly protocol?: number;
}
