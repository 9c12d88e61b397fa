/**
 * Whether somebody's firewall drops what pods send through this node. A packet must pass every base
 * chain of its hook, so that no table of ours overrules one that drops (Docker's and ufw's do): all that
 * helps is a rule in that very table, and that one is for its owner to write.
 */

import { formatPrefix, type Prefix } from 'net-ipaddr';
import { WORKLOAD_INTERFACE_PREFIX } from '../ours.ts';
import type { Report } from '../report.ts';
import type { Nft } from './nft.ts';

interface Chain {
  /** `ip filter` */
  readonly table: string;
  readonly name: string;
  /** The first says hook and policy, if it is a base chain. */
  readonly lines: readonly string[];
}

/** @throws NftError */
export async function inspectForwarding(nft: Nft, pools: readonly Prefix[]): Promise<Report[]> {
  const hooked = parseChains(await nft(['list', 'chains'])).filter(isForward);
  const reports: Report[] = [];
  for (const table of new Set(hooked.map((chain) => chain.table))) {
    const listing = await nft(['--stateless', 'list', 'table', ...table.split(' ')]);
    reports.push(...droppingChains(listing, pools));
  }
  return reports;
}

/** @param listing of one table, as nft prints it. Pure. */
export function droppingChains(listing: string, pools: readonly Prefix[]): Report[] {
  const chains = parseChains(listing);
  // Pods' packets may be accepted anywhere on the way: what leads there is not followed.
  const isAccepted = chains.some(({ lines }) => lines.some((line) => acceptsPods(line, pools)));
  if (isAccepted) return [];
  return chains
    .filter((chain) => isForward(chain) && concernsPods(chain, pools) && dropsTheRest(chain))
    .map((chain) => ({
      subject: `nftables chain "${chain.name}" of table "${chain.table}"`,
      reason:
        'it drops what this node forwards, and no rule of its table accepts what comes from or goes to ' +
        `${WORKLOAD_INTERFACE_PREFIX}* or a pool; run: ${cure(chain)}`,
    }));
}

function parseChains(listing: string): Chain[] {
  const chains: { table: string; name: string; lines: string[] }[] = [];
  let table = '';
  let isInChain = false;
  for (const line of listing.split('\n').map((text) => text.trim())) {
    const [, kind, name] = /^(table|chain) (.+) \{$/.exec(line) ?? [];
    if (kind === 'table') table = name!;
    else if (kind === 'chain') chains.push({ table, name: name!, lines: [] });
    else if (line !== '}' && isInChain) chains.at(-1)!.lines.push(line);
    isInChain = kind === 'chain' || (isInChain && line !== '}');
  }
  return chains;
}

function isForward({ lines }: Chain): boolean {
  return /^type filter hook forward /.test(lines[0] ?? '');
}

function concernsPods({ table }: Chain, pools: readonly Prefix[]): boolean {
  const [family] = table.split(' ');
  if (family === 'inet') return pools.length > 0;
  return pools.some(({ address }) => family === (address.family === 4 ? 'ip' : 'ip6'));
}

/** By its policy, or by a rule without a condition. */
function dropsTheRest({ lines: [head, ...rules] }: Chain): boolean {
  if (/policy drop;/.test(head!)) return true;
  return rules.some((rule) => /^(counter )?(drop|reject( with .*)?)( comment ".*")?$/.test(rule));
}

function acceptsPods(rule: string, pools: readonly Prefix[]): boolean {
  if (/^(counter )?accept$/.test(rule)) return true;
  if (!/ accept( comment ".*")?$/.test(rule)) return false;
  const named = pools.map((pool) => ` ${formatPrefix(pool)} `);
  return [`"${WORKLOAD_INTERFACE_PREFIX}`, ...named].some((name) => rule.includes(name));
}

function cure({ table, name }: Chain): string {
  const commands = /^ip6? filter$/.test(table)
    ? ['-i', '-o'].map(
        (end) =>
          `${table.startsWith('ip6') ? 'ip6tables' : 'iptables'} -I ${name} ${end} ${WORKLOAD_INTERFACE_PREFIX}+ -j ACCEPT`,
      )
    : ['iifname', 'oifname'].map(
        (end) => `nft insert rule ${table} ${name} ${end} '"${WORKLOAD_INTERFACE_PREFIX}*"' accept`,
      );
  return commands.join('; ');
}
