/** How full pools and blocks are: the numbers of `ipam show`, and its cells. */

import { comparePrefixes, containsPrefix, formatPrefix, parsePrefix, prefixSize } from 'net-ipaddr';
import type { IPAMBlock, IPPool } from '../api/index.ts';

export interface Usage {
  readonly cidr: string;
  /** An IPv6 pool holds more than 2^53. */
  readonly total: bigint;
  readonly inUse: bigint;
  readonly free: bigint;
}

export interface PoolUsage extends Usage {
  /** Undefined for the group of blocks that no pool covers; that group has no totals. */
  readonly pool: string | undefined;
  readonly blocks: readonly Usage[];
}

/** By pool, each with its blocks; blocks that lie in no pool come last, in a group of their own. */
export function summary(pools: readonly IPPool[], blocks: readonly IPAMBlock[]): PoolUsage[] {
  const groups = pools
    .map(({ metadata, spec }) => ({
      pool: metadata.name,
      prefix: parsePrefix(spec.cidr),
      blocks: [] as Usage[],
    }))
    .sort((a, b) => comparePrefixes(a.prefix, b.prefix));
  const orphans: Usage[] = [];
  const present = blocks
    .filter(({ spec }) => !spec.deleted)
    .map((block) => ({ block, prefix: parsePrefix(block.spec.cidr) }))
    .sort((a, b) => comparePrefixes(a.prefix, b.prefix));
  for (const { block, prefix } of present) {
    const group = groups.find((one) => containsPrefix(one.prefix, prefix));
    (group?.blocks ?? orphans).push(blockUsage(block));
  }
  const usage: PoolUsage[] = groups.map(({ pool, prefix, blocks: inside }) => {
    const total = prefixSize(prefix);
    const inUse = inside.reduce((sum, block) => sum + block.inUse, 0n);
    return { pool, cidr: formatPrefix(prefix), total, inUse, free: total - inUse, blocks: inside };
  });
  if (orphans.length > 0) {
    usage.push({ pool: undefined, cidr: '', total: 0n, inUse: 0n, free: 0n, blocks: orphans });
  }
  return usage;
}

export const SUMMARY_COLUMNS = ['GROUPING', 'CIDR', 'IPS TOTAL', 'IPS IN USE', 'IPS FREE'] as const;

/** The table's rows under SUMMARY_COLUMNS; with `showBlocks`, each pool's blocks below it. */
export function summaryRows(usage: readonly PoolUsage[], showBlocks: boolean): string[][] {
  return usage.flatMap((group) => [
    ...(group.pool === undefined ? [] : [row('IP Pool', group)]),
    ...(showBlocks ? group.blocks.map((block) => row('Block', block)) : []),
  ]);
}

function blockUsage({ spec }: IPAMBlock): Usage {
  const total = BigInt(spec.allocations.length);
  const inUse = BigInt(spec.allocations.filter((index) => index !== null).length);
  return { cidr: spec.cidr, total, inUse, free: total - inUse };
}

function row(grouping: string, { cidr, total, inUse, free }: Usage): string[] {
  const cell = (count: bigint) =>
    `${short(count)} (${Math.round(Number((count * 1000n) / total) / 10)}%)`;
  return [grouping, cidr, short(total), cell(inUse), cell(free)];
}

/** Digits while people can read them, then 1.8447e+19. */
function short(count: bigint): string {
  return count < 1_000_000n ? String(count) : Number(count).toPrecision(5);
}
