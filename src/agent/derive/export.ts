/** What this node announces: its blocks, by Calico's order of export rules, as data for the speaker. Pure. */
import { type Prefix, parsePrefix } from 'net-ipaddr';
import { IPPool } from '../../../api/index.ts';
import type { PrefixPolicy, PrefixRule } from '../../../bgp/policy/prefixes.ts';
import { readable } from './cluster.ts';

/**
 * Pools with disableBGPExport rejected; own blocks accepted, and what lies inside one rejected (pods' own routes);
 * the other pools accepted (borrowed addresses lie there); everything else rejected.
 */
export function deriveExportPolicy(
  pools: readonly IPPool[],
  ownBlocks: readonly Prefix[],
  problems: string[],
): PrefixPolicy {
  const read = pools.flatMap((pool) => readable(IPPool, pool, problems) ?? []);
  const rule = (
    name: string,
    prefix: Prefix,
    match: PrefixRule['match'],
    verdict: PrefixRule['verdict'],
  ): PrefixRule => ({ name, prefix, match, verdict });
  return {
    rules: [
      ...read
        .filter((pool) => pool.spec.disableBGPExport)
        .map((pool) =>
          rule(
            `pool ${pool.metadata.name} has disableBGPExport`,
            parsePrefix(pool.spec.cidr),
            'exactOrInside',
            'reject',
          ),
        ),
      ...ownBlocks.flatMap((block) => [
        rule('own block', block, 'exact', 'accept'),
        rule('inside an own block', block, 'inside', 'reject'),
      ]),
      ...read.map((pool) =>
        rule(`pool ${pool.metadata.name}`, parsePrefix(pool.spec.cidr), 'exactOrInside', 'accept'),
      ),
    ],
    otherwise: 'reject',
  };
}
