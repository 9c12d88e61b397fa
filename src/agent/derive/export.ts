/** What this node announces: its blocks, by Calico's order of export rules, as data for the speaker. Pure. */
import { type Prefix, parsePrefix } from 'net-ipaddr';
import { IPPool } from '../../../api/index.ts';
import {
  exactly,
  inside,
  type PolicyRule,
  type PrefixMatch,
  type RuleList,
  upTo,
} from '../../../bgp/policy/policy.ts';
import { readable } from './cluster.ts';

/**
 * Pools with disableBGPExport rejected; own blocks accepted, and what lies inside one rejected (pods' own routes);
 * the other pools accepted (borrowed addresses lie there); everything else rejected.
 */
export function deriveExportPolicy(
  pools: readonly IPPool[],
  ownBlocks: readonly Prefix[],
  problems: string[],
): RuleList {
  const read = pools.flatMap((pool) => readable(IPPool, pool, problems) ?? []);
  const rule = (
    name: string,
    prefixes: PrefixMatch,
    verdict: PolicyRule['verdict'],
  ): PolicyRule => ({ name, prefixes, verdict });
  return {
    rules: [
      ...read
        .filter((pool) => pool.spec.disableBGPExport)
        .map((pool) =>
          rule(
            `pool ${pool.metadata.name} has disableBGPExport`,
            upTo(parsePrefix(pool.spec.cidr)),
            'reject',
          ),
        ),
      ...ownBlocks.flatMap((block) => [
        rule('own block', exactly(block), 'accept'),
        rule('inside an own block', inside(block), 'reject'),
      ]),
      ...read.map((pool) =>
        rule(`pool ${pool.metadata.name}`, upTo(parsePrefix(pool.spec.cidr)), 'accept'),
      ),
    ],
    otherwise: 'reject',
  };
}
