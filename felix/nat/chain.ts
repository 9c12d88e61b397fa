/** A table of somebody's firewall, as far as it says which packets a node forwards. */

import type { Family } from 'net-ipaddr';

export interface FilterTable {
  /** Whose packets pass it. */
  readonly families: readonly Family[];
  readonly chains: readonly Chain[];
}

export interface Chain {
  readonly name: string;
  /** As who owns it would look for it: `nftables chain "FORWARD" of table "ip filter"`. */
  readonly title: string;
  /** Undefined: only rules of other chains lead here. */
  readonly hook: string | undefined;
  /** Whether it drops what no rule of it has decided about. */
  readonly dropsByPolicy: boolean;
  readonly rules: readonly Rule[];
  /** The commands by which it accepts pods' packets, before all its other rules. */
  readonly cure: readonly string[];
}

export interface Rule {
  /** In the words of its firewall. Empty: it is for all packets. */
  readonly condition: string;
  /** Undefined: something else, or it is for another chain to say. */
  readonly verdict: 'accept' | 'drop' | 'return' | undefined;
  /** The chain that it leads to. */
  readonly leadsTo: string | undefined;
}
