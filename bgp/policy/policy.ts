/**
 * A policy as plain data: an ordered list of rules. Each matches routes by prefix, and by what else
 * is known of them; the first that accepts or rejects decides, and those before it that say `next`
 * have changed the route on its way there.
 */

import type { AttributeEdits, LargeCommunity } from 'bgp-parser-ts';
import { type Family, familyBits, type Prefix, parsePrefix } from 'net-ipaddr';

/** `next`: the rule changes the route, and those after it are tried. */
export type Verdict = 'accept' | 'reject' | 'next';

export interface PolicyRule {
  /** What an inspection shows when this rule decided: `own block`, `BGPFilter "rack-a" importV4[2]`. */
  readonly name: string;
  readonly prefixes: PrefixMatch;
  /** Absent: every route to these prefixes. */
  readonly route?: RouteMatch;
  readonly verdict: Verdict;
  /** What is changed of a route that the rule matches, unless it is rejected. */
  readonly edits?: AttributeEdits;
}

/** The prefixes inside `within`, itself included, of `minLength` to `maxLength` bits. */
export interface PrefixMatch {
  readonly within: Prefix;
  readonly minLength: number;
  readonly maxLength: number;
  /** All others of the same family instead. */
  readonly not?: boolean;
}

/** Every condition that is there must hold. */
export interface RouteMatch {
  /** It came from a peer: not originated here. */
  readonly isLearned?: true;
  /** It has this community: RFC 1997, RFC 8092. */
  readonly community?: number;
  readonly largeCommunity?: LargeCommunity;
  /** Its AS path begins with a sequence of these. */
  readonly asPathPrefix?: readonly number[];
  /** It goes out by an interface of this name; `*` and `?` stand for any characters and for one. */
  readonly interface?: string;
  /** It has this priority (see priority.ts), or none where that is to count as the same. */
  readonly priority?: { readonly is: number; readonly orNone: boolean };
}

/** `otherwise` holds for a route that no rule accepts or rejects. */
export interface RuleList {
  readonly rules: readonly PolicyRule[];
  readonly otherwise: 'accept' | 'reject';
}

/** `all` accepts every route. */
export type Policy = 'all' | RuleList;

export function exactly(prefix: Prefix): PrefixMatch {
  return { within: prefix, minLength: prefix.length, maxLength: prefix.length };
}

/** The prefix, and all that is more specific. */
export function upTo(prefix: Prefix): PrefixMatch {
  return { ...exactly(prefix), maxLength: familyBits(prefix.address.family) };
}

export function everything(family: Family): PrefixMatch {
  return upTo(parsePrefix(family === 4 ? '0.0.0.0/0' : '::/0'));
}

/** Only what is more specific. */
export function inside(prefix: Prefix): PrefixMatch {
  return { ...upTo(prefix), minLength: prefix.length + 1 };
}
