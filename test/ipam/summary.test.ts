import { parsePrefix } from 'net-ipaddr';
import { newBlock, take } from '../../ipam/block.ts';
import { SUMMARY_COLUMNS, summary, summaryRows } from '../../ipam/index.ts';
import { pool } from './cluster.ts';

function block(cidr: string, taken: number) {
  let value = newBlock(parsePrefix(cidr), 'node-1', 0);
  for (let i = 0; i < taken; i++) value = take(value, `h${i}`, {})!.block;
  return value;
}

const pools = [
  pool('six', 'fd00::/64'),
  pool('four', '10.0.0.0/16'),
  pool('odd', '192.168.0.0/24', { disabled: true }),
];
const deleted = block('10.0.9.0/26', 9);
const blocks = [
  block('10.0.1.0/26', 5),
  block('172.16.0.0/26', 3),
  block('10.0.0.64/26', 64),
  block('fd00::40/122', 1),
  { ...deleted, spec: { ...deleted.spec, deleted: true } },
];

test('counts by pool and block, in order, orphans last', () => {
  const usage = summary(pools, blocks);
  expect(usage.map((one) => [one.pool, one.cidr, one.total, one.inUse, one.free])).toEqual([
    ['four', '10.0.0.0/16', 65536n, 69n, 65467n],
    ['odd', '192.168.0.0/24', 256n, 0n, 256n],
    ['six', 'fd00::/64', 2n ** 64n, 1n, 2n ** 64n - 1n],
    [undefined, '', 0n, 0n, 0n],
  ]);
  expect(usage[0]!.blocks.map(({ cidr }) => cidr)).toEqual(['10.0.0.64/26', '10.0.1.0/26']);
});

test('the rows of ipam show, without and with blocks', () => {
  expect(SUMMARY_COLUMNS.join(' | ')).toBe('GROUPING | CIDR | IPS TOTAL | IPS IN USE | IPS FREE');
  const lines = (showBlocks: boolean) =>
    summaryRows(summary(pools, blocks), showBlocks).map((row) => row.join(' | '));
  expect(lines(false)).toEqual([
    'IP Pool | 10.0.0.0/16 | 65536 | 69 (0%) | 65467 (100%)',
    'IP Pool | 192.168.0.0/24 | 256 | 0 (0%) | 256 (100%)',
    'IP Pool | fd00::/64 | 1.8447e+19 | 1 (0%) | 1.8447e+19 (100%)',
  ]);
  expect(lines(true)).toEqual([
    'IP Pool | 10.0.0.0/16 | 65536 | 69 (0%) | 65467 (100%)',
    'Block | 10.0.0.64/26 | 64 | 64 (100%) | 0 (0%)',
    'Block | 10.0.1.0/26 | 64 | 5 (8%) | 59 (92%)',
    'IP Pool | 192.168.0.0/24 | 256 | 0 (0%) | 256 (100%)',
    'IP Pool | fd00::/64 | 1.8447e+19 | 1 (0%) | 1.8447e+19 (100%)',
    'Block | fd00::40/122 | 64 | 1 (2%) | 63 (98%)',
    'Block | 172.16.0.0/26 | 64 | 3 (5%) | 61 (95%)',
  ]);
});

test('nothing at all is an empty table', () =>
  expect(summaryRows(summary([], []), true)).toEqual([]));
