/**
 * Whether somebody's firewall drops what pods send through this node. A packet must pass every base
 * chain of its hook, so that no table of ours overrules one that drops (Docker's and ufw's do): all that
 * helps is a rule in that very table, and that one is for its owner to write.
 */

import { formatPrefix, type Prefix } from 'net-ipaddr';
import { WORKLOAD_INTERFACE_PREFIX } from '../ours.ts';
import type { Report } from '../report.ts';
import type { Chain, FilterTable, Rule } from './chain.ts';

const FORWARD = 'forward';

/** The chains of the table that drop what pods send, each with its cure. Pure. */
export function droppingChains(
  { chains, families }: FilterTable,
  ofAll: readonly Prefix[],
): Report[] {
  const pools = ofAll.filter(({ address }) => families.includes(address.family));
  // Pods' packets may be accepted anywhere on the way: what leads there is not followed.
  const onTheWay = chains.filter(({ hook }) => hook === undefined || hook === FORWARD);
  const isAccepted = onTheWay.some(({ rules }) => rules.some((rule) => acceptsPods(rule, pools)));
  if (isAccepted || pools.length === 0) return [];
  return chains
    .filter((chain) => chain.hook === FORWARD && dropsTheRest(chain))
    .map(({ cure, title }) => ({
      subject: title,
      reason:
        'it drops what this node forwards, and no rule of its table accepts what comes from or goes to ' +
        `${WORKLOAD_INTERFACE_PREFIX}* or a pool; run: ${cure.join('; ')}`,
    }));
}

/** By its policy, or by a rule without a condition. */
function dropsTheRest({ dropsByPolicy, rules }: Chain): boolean {
  return (
    dropsByPolicy || rules.some(({ condition, verdict }) => verdict === 'drop' && condition === '')
  );
}

function acceptsPods({ condition, verdict }: Rule, pools: readonly Prefix[]): boolean {
  if (verdict !== 'accept') return false;
  if (condition === '') return true;
  const names = [` ${WORKLOAD_INTERFACE_PREFIX}`, ` "${WORKLOAD_INTERFACE_PREFIX}`];
  const prefixes = pools.map((pool) => ` ${formatPrefix(pool)} `);
  return [...names, ...prefixes].some((name) => ` ${condition} `.includes(name));
}
