import { comparePrefixes, containsPrefix, formatPrefix, overlaps, parsePrefix } from 'net-ipaddr';
import type { IPPool } from '../../api/index.ts';
import { freeBlocks, poolsFor, readPools } from '../../ipam/pools.ts';
import { pool } from './cluster.ts';

const eligible = (family: 4 | 6, pools: IPPool[]) => poolsFor(family, readPools(pools));

describe('which pools serve a node', () => {
  test('enabled and automatic ones of the family, by name', () => {
    const found = eligible(4, [
      pool('b', '10.2.0.0/16'),
      pool('a', '10.1.0.0/16', { blockSize: 28, nodeSelector: ' all() ', namespaceSelector: '' }),
      pool('six', 'fd00::/64'),
      pool('off', '10.3.0.0/16', { disabled: true, nodeSelector: 'rack == "1"' }),
      pool('manual', '10.4.0.0/16', { assignmentMode: 'Manual' }),
      pool('tunnel', '10.5.0.0/16', { allowedUses: ['Tunnel'] }),
    ]);
    expect(
      found.map(({ name, prefix, blockSize }) => [name, formatPrefix(prefix), blockSize]),
    ).toEqual([
      ['a', '10.1.0.0/16', 28],
      ['b', '10.2.0.0/16', 26],
    ]);
    expect(eligible(6, [pool('six', 'fd00::/64')])[0]!.blockSize).toBe(122);
  });

  test.each([
    ['nodeSelector', { nodeSelector: 'rack == "1"' }],
    ['namespaceSelector', { namespaceSelector: 'has(team)' }],
  ])('%s other than all() is an error that names the pool', (field, spec) => {
    expect(() =>
      eligible(4, [pool('ok', '10.1.0.0/16'), pool('rack-1', '10.2.0.0/16', spec)]),
    ).toThrow(
      `IPPool "rack-1": ${field} ${JSON.stringify(Object.values(spec)[0])}: selectors other than all() are not supported yet`,
    );
  });

  test('without one, the error says what became of each', () => {
    expect(() => eligible(4, [])).toThrow(
      'no IPPool can give an IPv4 address: there is no IPv4 pool. Create or enable one',
    );
    const pools = [pool('off', '10.3.0.0/16', { disabled: true }), pool('bad', '10.9.9.9/16')];
    expect(() => eligible(4, pools)).toThrow('IPPool "off" is disabled');
    expect(() => eligible(4, pools)).toThrow('10.9.0.0/16');
  });
});

describe('the order of a pool’s blocks', () => {
  const [ten] = eligible(4, [pool('ten', '10.0.0.0/20', { blockSize: 26 })]);

  test('visits every block once, in an order of its own for each node, always the same', () => {
    const one = [...freeBlocks(ten!, [], 'node-1')];
    expect(new Set(one.map(formatPrefix)).size).toBe(64);
    for (const block of one) expect(containsPrefix(ten!.prefix, block)).toBe(true);
    expect([...freeBlocks(ten!, [], 'node-1')]).toEqual(one);
    const first = new Set<string>();
    for (let node = 0; node < 40; node++) {
      first.add(formatPrefix(freeBlocks(ten!, [], `node-${node}`).next().value!));
    }
    expect(first.size).toBeGreaterThan(20); // 40 balls in 64 bins: 30 on average
    expect(one.toSorted(comparePrefixes)).not.toEqual(one);
  });

  test('passes over whatever overlaps a block that exists, of any size', () => {
    const existing = [
      '10.0.0.64/26',
      '10.0.1.0/24',
      '10.0.4.4/30',
      '10.0.0.65/32',
      '192.0.2.0/24',
      'fd00::/122',
    ].map(parsePrefix);
    const free = [...freeBlocks(ten!, existing, 'node-1')];
    expect(free).toHaveLength(64 - 1 - 4 - 1);
    for (const block of free)
      for (const other of existing) expect(overlaps(block, other)).toBe(false);
    expect([...freeBlocks(ten!, [parsePrefix('10.0.0.0/16')], 'node-1')]).toEqual([]);
    const [inside] = eligible(4, [pool('inside', '10.0.16.0/20', { blockSize: 26 })]);
    expect([...freeBlocks(inside!, [parsePrefix('10.0.0.0/16')], 'node-1')]).toEqual([]);
  });

  test('is lazy in a pool of 2^58 blocks, and gives up in a full one', () => {
    const [six] = eligible(6, [pool('six', 'fd00::/64')]);
    const blocks = freeBlocks(six!, [], 'node-1');
    expect(formatPrefix(blocks.next().value!)).not.toBe(formatPrefix(blocks.next().value!));
    const halves = ['fd00::/65', 'fd00:0:0:0:8000::/66', 'fd00:0:0:0:c000::/66'].map(parsePrefix);
    expect(freeBlocks(six!, halves, 'node-1').next().done).toBe(true);
  });
});
