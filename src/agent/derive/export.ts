/** What this node announces of itself, by Calico's order of export rules, as data for the speaker. Pure. */
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
import type { Advertisement } from './communities.ts';

export interface ExportInput {
  readonly pools: readonly IPPool[];
  readonly ownBlocks: readonly Prefix[];
  readonly advertisements: readonly Advertisement[];
  /** What becomes of a route that is none of the node's. */
  readonly otherwise: RuleList['otherwise'];
}

/**
 * Pools with disableBGPExport rejected; communities added; own blocks accepted, and what lies inside one rejected
 * (pods' own routes); the other pools accepted (borrowed addresses lie there).
 */
export function deriveExportPolicy(input: ExportInput, problems: string[]): RuleList {
  const { advertisements, otherwise, ownBlocks, pools } = input;
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
      ...advertisements.map(({ name, prefix, edits }) => ({
        ...rule(name, upTo(prefix), 'next'),
        edits,
      })),
      ...ownBlocks.flatMap((block) => [
        rule('own block', exactly(block), 'accept'),
        rule('inside an own block', inside(block), 'reject'),
      ]),
      ...read.map((pool) =>
        rule(`pool ${pool.metadata.name}`, upTo(parsePrefix(pool.spec.cidr)), 'accept'),
      ),
    ],
    otherwise,
  };
}
