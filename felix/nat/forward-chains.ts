/**
 * Whether somebody's firewall drops what pods send through this node. A packet must pass every base
 * chain of its hook, so that no table of ours overrules one that drops (Docker's and ufw's do): all that
 * helps is a rule in that very table, and that one is for its owner to write.
 */

import { formatPrefix, type Prefix } from 'net-ipaddr';
import { WORKLOAD_INTERFACE_PREFIX } from '../ours.ts';
import type { Report } from '../report.ts';
import type { Chain, FilterTable } from './chain.ts';

const FORWARD = 'forward';

/** The chains of the table that drop what pods send, each with its cure. Pure. */
export function droppingChains(
  { chains, families }: FilterTable,
  ofAll: readonly Prefix[],
): Report[] {
  const pools = ofAll.filter(({ address }) => families.includes(address.family));
  if (pools.length === 0) return [];
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  return chains
    .filter((chain) => chain.hook === FORWARD && dropsPods(chain, byName, pools))
    .map(({ cure, title }) => ({
      subject: title,
      reason:
        'it drops what this node forwards, and no rule of its table accepts what comes from or goes to ' +
        `${WORKLOAD_INTERFACE_PREFIX}* or a pool; run: ${cure.join('; ')}`,
    }));
}

/** Which packets it is about: all that are forwarded, pods' by name, or some that we cannot tell from them. */
type Scope = 'all' | 'pods' | 'some';

interface Decision {
  readonly verdict: 'accept' | 'drop';
  readonly scope: Scope;
}

function dropsPods(
  chain: Chain,
  byName: ReadonlyMap<string, Chain>,
  pools: readonly Prefix[],
): boolean {
  let drops = chain.dropsByPolicy;
  for (const { verdict, scope } of decisionsOf(chain, byName, pools)) {
    if (verdict === 'accept' && scope !== 'some') return false;
    if (verdict === 'drop' && scope === 'all') drops = true;
  }
  return drops;
}

/** What the chain decides, and those that it leads to: others of the table are not on the way. */
function* decisionsOf(
  { name, rules }: Chain,
  byName: ReadonlyMap<string, Chain>,
  pools: readonly Prefix[],
  outer: Scope = 'all',
  seen = new Set<string>(),
): Generator<Decision> {
  // Many rules may lead to one chain.
  const visit = `${outer} ${name}`;
  if (seen.has(visit)) return;
  seen.add(visit);
  for (const { condition, verdict, leadsTo } of rules) {
    const own = scopeOf(condition, pools);
    // What goes back is for the chain before to decide.
    if (verdict === 'return' && own !== 'some') return;
    const scope = outer === 'all' || own === 'pods' ? own : outer;
    if (verdict === 'accept' || verdict === 'drop') yield { verdict, scope };
    const next = leadsTo === undefined ? undefined : byName.get(leadsTo);
    if (next !== undefined) yield* decisionsOf(next, byName, pools, scope, seen);
  }
}

function scopeOf(condition: string, pools: readonly Prefix[]): Scope {
  if (condition === '') return 'all';
  const names = [` ${WORKLOAD_INTERFACE_PREFIX}`, ` "${WORKLOAD_INTERFACE_PREFIX}`];
  const prefixes = pools.map((pool) => ` ${formatPrefix(pool)} `);
  const isOfPods = [...names, ...prefixes].some((name) => ` ${condition} `.includes(name));
  return isOfPods ? 'pods' : 'some';
}
