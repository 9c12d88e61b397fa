/** Policy routing rules: RTM_NEWRULE and its kin, linux/fib_rules.h. */

import { type Address, type Family, formatPrefix, type Prefix } from 'net-ipaddr';
import { AttributeCursor } from '../wire/attributes.ts';
import type { MessageWriter } from '../wire/message-writer.ts';
import type { Words } from '../wire/words.ts';
import { familyNumber, familyOf } from './family.ts';

export type RuleAction = 'lookup' | 'goto' | 'nop' | 'blackhole' | 'unreachable' | 'prohibit';

/** A rule to add or delete, and a rule as the kernel tells of it. A deletion matches what is given. */
export interface Rule {
  readonly family: Family;
  /** Lower is looked at first. The kernel chooses one for a new rule without. */
  readonly priority?: number;
  /** @default 'lookup' */
  readonly action?: RuleAction;
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

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;

const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_OIFNAME = 17;
const FRA_PROTOCOL = 21;

const FIB_RULE_INVERT = 2;

const ACTIONS: Readonly<Record<RuleAction, number>> = {
  lookup: 1,
  goto: 2,
  nop: 3,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
};
const ACTION_NAMES = new Map(
  Object.entries(ACTIONS).map(([name, number]) => [number, name as RuleAction]),
);

/** struct fib_rule_hdr. */
const HEADER_LENGTH = 12;

export function encodeRule(out: MessageWriter, rule: Rule): void {
  out.byte(familyNumber(rule.family));
  out.byte(rule.to?.length ?? 0);
  out.byte(rule.from?.length ?? 0);
  out.byte(0);
  const table = rule.table ?? 0;
  out.byte(table < 256 ? table : 0);
  out.byte(0);
  out.byte(0);
  out.byte(ACTIONS[rule.action ?? 'lookup']);
  out.word(rule.invert ? FIB_RULE_INVERT : 0);
  if (table > 255) out.attributeU32(FRA_TABLE, table);
  if (rule.to) out.attributeBytes(FRA_DST, rule.to.address.bytes);
  if (rule.from) out.attributeBytes(FRA_SRC, rule.from.address.bytes);
  if (rule.priority !== undefined) out.attributeU32(FRA_PRIORITY, rule.priority);
  if (rule.mark !== undefined) out.attributeU32(FRA_FWMARK, rule.mark);
  if (rule.markMask !== undefined) out.attributeU32(FRA_FWMASK, rule.markMask);
  if (rule.inputInterface !== undefined) out.attributeText(FRA_IIFNAME, rule.inputInterface);
  if (rule.outputInterface !== undefined) out.attributeText(FRA_OIFNAME, rule.outputInterface);
  if (rule.protocol !== undefined) out.attributeByte(FRA_PROTOCOL, rule.protocol);
}

/** The kernel has no filter for rules but the family. */
export function encodeRuleDump(out: MessageWriter, family: Family): void {
  out.word(0);
  out.word(0);
  out.word(0);
  out.words.u8[out.length - HEADER_LENGTH] = familyNumber(family);
}

/** @returns undefined for a rule that is not of IPv4 or IPv6, or does what has no name here. */
export function decodeRule(words: Words, start: number, end: number): Rule | undefined {
  const family = familyOf(words.u8[start]!);
  const action = ACTION_NAMES.get(words.u8[start + 7]!);
  if (!family || !action) return undefined;
  let table = words.u8[start + 4]!;
  let to: Address | undefined;
  let from: Address | undefined;
  let priority = 0;
  let mark: number | undefined;
  let markMask: number | undefined;
  let inputInterface: string | undefined;
  let outputInterface: string | undefined;
  let protocol: number | undefined;
  const attributes = new AttributeCursor(words).reset(start + HEADER_LENGTH, end);
  while (attributes.next()) {
    switch (attributes.type) {
      case FRA_DST:
        to = attributes.address();
        break;
      case FRA_SRC:
        from = attributes.address();
        break;
      case FRA_IIFNAME:
        inputInterface = attributes.text();
        break;
      case FRA_OIFNAME:
        outputInterface = attributes.text();
        break;
      case FRA_PRIORITY:
        priority = attributes.u32();
        break;
      case FRA_FWMARK:
        mark = attributes.u32();
        break;
      case FRA_FWMASK:
        markMask = attributes.u32();
        break;
      case FRA_TABLE:
        table = attributes.u32();
        break;
      case FRA_PROTOCOL:
        protocol = attributes.byte();
    }
  }
  return {
    family,
    priority,
    action,
    ...(action === 'lookup' && { table }),
    ...(from && { from: { address: from, length: words.u8[start + 2]! } }),
    ...(to && { to: { address: to, length: words.u8[start + 1]! } }),
    ...(mark !== undefined && { mark }),
    // The kernel tells of a full mask, as of an absent one, by all ones.
    ...(markMask !== undefined && markMask !== 0xffffffff && { markMask }),
    ...(inputInterface !== undefined && { inputInterface }),
    ...(outputInterface !== undefined && { outputInterface }),
    ...((words.u32[(start + 8) >> 2]! & FIB_RULE_INVERT) !== 0 && { invert: true }),
    ...(protocol !== undefined && { protocol }),
  };
}

export function describeRule(rule: Rule): string {
  const from = rule.from ? ` from ${formatPrefix(rule.from)}` : '';
  const to = rule.to ? ` to ${formatPrefix(rule.to)}` : '';
  const what = rule.action === 'lookup' ? `lookup ${rule.table}` : rule.action;
  return `IPv${rule.family} rule ${rule.priority}:${from}${to} ${what}`;
}
