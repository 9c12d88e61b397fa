/** Others' tables of nftables, iptables-nft's among them, as `nft` lists them. */

import type { Family } from 'net-ipaddr';
import { WORKLOAD_INTERFACE_PREFIX } from '../ours.ts';
import type { Chain, FilterTable, Rule } from './chain.ts';
import type { Nft } from './nft.ts';

/** Those that have a say about what is forwarded. @throws NftError */
export async function readForwardTables(nft: Nft): Promise<FilterTable[]> {
  const hooked = (await nft(['list', 'chains'])).matchAll(
    /table (.+) \{|type filter hook forward /g,
  );
  let table = '';
  const names = new Set<string>();
  for (const [, name] of hooked) {
    if (name === undefined) names.add(table);
    else table = name;
  }
  const tables: FilterTable[] = [];
  for (const name of names)
    tables.push(parseNftTable(await nft(['--stateless', 'list', 'table', ...name.split(' ')])));
  return tables;
}

/** @param listing of one table. */
export function parseNftTable(listing: string): FilterTable {
  const [head = '', ...lines] = listing.split('\n').map((text) => text.trim());
  // After it a comment may name the table's owner.
  const table = /^table (.+) \{/.exec(head)?.[1] ?? '';
  const chains: Chain[] = [];
  let chain: string[] | undefined;
  for (const line of lines) {
    const name = /^chain (.+) \{$/.exec(line)?.[1];
    if (name !== undefined) chain = [name];
    else if (line !== '}') chain?.push(line);
    else if (chain !== undefined) {
      chains.push(parseChain(table, chain[0]!, chain.slice(1)));
      chain = undefined;
    }
  }
  return { families: familiesOf(table), chains };
}

function parseChain(table: string, name: string, lines: readonly string[]): Chain {
  // Its first line says hook and policy, if it is a base chain.
  const [, type, hook] = /^type (\S+) hook (\S+) /.exec(lines[0] ?? '') ?? [];
  const rules = hook === undefined ? lines : lines.slice(1);
  return {
    name,
    title: `nftables chain "${name}" of table "${table}"`,
    hook: type === 'filter' || hook === undefined ? hook : `${type} ${hook}`,
    dropsByPolicy: /policy drop;/.test(lines[0] ?? ''),
    rules: rules.map(parseRule),
    cure: cureOf(table, name),
  };
}

/** Says something of all packets, and decides nothing. */
const LOG = /\blog(?: prefix "[^"]*"| group \d+| level \w+| flags all)* ?/g;

function parseRule(rule: string): Rule {
  const text = rule
    .replace(/ comment ".*"$/, '')
    .replaceAll(/\bcounter ?/g, '')
    .replaceAll(LOG, '');
  const [, condition = text, verb = '', leadsTo] =
    /^(.*?) ?\b(accept|drop|return|reject(?: with .*)?|(?:jump|goto) (\S+))$/.exec(text) ?? [];
  if (leadsTo !== undefined || verb === '') return { condition, verdict: undefined, leadsTo };
  const verdict = verb === 'accept' || verb === 'return' ? verb : 'drop';
  return { condition, verdict, leadsTo };
}

function familiesOf(table: string): readonly Family[] {
  const [family] = table.split(' ');
  if (family === 'ip') return [4];
  return family === 'ip6' ? [6] : [4, 6];
}

/** The tables that iptables-nft makes are for iptables to change, which knows their base chains by these names alone. */
function cureOf(table: string, chain: string): string[] {
  const program =
    chain === 'FORWARD' ? { 'ip filter': 'iptables', 'ip6 filter': 'ip6tables' }[table] : undefined;
  const pods = WORKLOAD_INTERFACE_PREFIX;
  return program === undefined
    ? ['iifname', 'oifname'].map(
        (end) => `nft insert rule ${table} ${chain} ${end} '"${pods}*"' accept`,
      )
    : ['-i', '-o'].map((end) => `${program} -I ${chain} ${end} ${pods}+ -j ACCEPT`);
}
