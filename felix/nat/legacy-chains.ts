/** The filter tables of iptables' older kind, which the kernel has beside nftables, and nft does not list. */

import { readFileSync } from 'node:fs';
import type { Family } from 'net-ipaddr';
import { inNamespace, type Namespace } from 'rtnetlink-ts';
import { WORKLOAD_INTERFACE_PREFIX } from '../ours.ts';
import type { Chain, FilterTable, Rule } from './chain.ts';
import { NftError, runProgram } from './nft.ts';

/** The filter table of this family, as iptables-save prints it; empty where the kernel has none. @throws NftError */
export type LegacyFilter = (family: Family) => Promise<string>;

const PROGRAM = { 4: 'iptables-legacy', 6: 'ip6tables-legacy' };
const TABLES = { 4: 'ip_tables_names', 6: 'ip6_tables_names' };

export function openLegacyFilter(netns: Namespace | undefined): LegacyFilter {
  return async (family) => {
    // Asked for a table that is not there, the program would make it.
    const isThere = inNamespace(netns, () => tablesOf(family).includes('filter'));
    return isThere ? runProgram(netns, `${PROGRAM[family]}-save`, ['-t', 'filter']) : '';
  };
}

function tablesOf(family: Family): string[] {
  try {
    return readFileSync(`/proc/thread-self/net/${TABLES[family]}`, 'utf8').split('\n');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    // What is ours is kept all the same.
    throw new NftError(false, message);
  }
}

/** @param saved what iptables-save prints. */
export function parseLegacyTable(family: Family, saved: string): FilterTable {
  const lines = saved.split('\n');
  const chains = lines.flatMap((line) => {
    const [, name, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (name === undefined) return [];
    const rules = lines.filter((rule) => rule.startsWith(`-A ${name} `));
    return parseChain(PROGRAM[family], name, policy!, rules);
  });
  return { families: [family], chains };
}

function parseChain(program: string, name: string, policy: string, rules: string[]): Chain {
  return {
    name,
    title: `${program} chain "${name}" of table "filter"`,
    hook: policy === '-' ? undefined : name.toLowerCase(),
    dropsByPolicy: policy === 'DROP',
    rules: rules.map((rule) => parseRule(rule.slice(`-A ${name} `.length))),
    cure: ['-i', '-o'].map(
      (end) => `${program} -I ${name} ${end} ${WORKLOAD_INTERFACE_PREFIX}+ -j ACCEPT`,
    ),
  };
}

const VERDICTS: Readonly<Record<string, Rule['verdict']>> = {
  ACCEPT: 'accept',
  DROP: 'drop',
  REJECT: 'drop',
  RETURN: 'return',
};

function parseRule(rule: string): Rule {
  const text = rule.replace(/-m comment --comment ("[^"]*"|\S+) ?/, '');
  const [, condition = text, target] = /^(.*?) ?-[jg] (\S+)/.exec(text) ?? [];
  const verdict = target === undefined ? undefined : VERDICTS[target];
  // A target that is no chain of the table, such as LOG, leads nowhere.
  return { condition, verdict, leadsTo: verdict === undefined ? target : undefined };
}
