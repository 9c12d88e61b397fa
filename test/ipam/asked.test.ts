/** Addresses and pools that a request asks for by name. */
import { parseAddress, parsePrefix } from 'net-ipaddr';
import { IPAMBlock, IPPool } from '../../api/index.ts';
import { newBlock } from '../../ipam/block.ts';
import type { AssignRequest } from '../../ipam/index.ts';
import { Cluster, pool } from './cluster.ts';

const POOLS = [
  pool('a-first', '10.0.0.0/24', { blockSize: 26 }),
  pool('manual', '10.1.0.0/24', { assignmentMode: 'Manual', nodeSelector: 'has(rack)' }),
  pool('off', '10.2.0.0/24', { disabled: true }),
  pool('v6', 'fd00::/64'),
];

const request = (handleId: string, asked: Partial<AssignRequest> = {}): AssignRequest => ({
  handleId,
  families: [4],
  attributes: {},
  ...asked,
});

const exactly = (...addresses: string[]) => ({ addresses: addresses.map(parseAddress) });

let cluster: Cluster;
beforeEach(() => {
  cluster = new Cluster(POOLS);
});

const assign = async (node: string, asked: AssignRequest) =>
  await cluster.clock.until(cluster.allocator(node).assign(asked));

async function failure(node: string, asked: AssignRequest) {
  return (await assign(node, asked).catch((error) => error)) as { code: string; message: string };
}

afterEach(() => expect(cluster.problems()).toEqual([]));

describe('pools', () => {
  test.each([['manual'], ['10.1.0.0/24']])('%s, which serves nobody unasked', async (name) => {
    const [given] = await assign('node-1', request('net.a', { pools: { 4: [name] } }));
    expect(given!.address).toMatch(/^10\.1\.0\./);
  });

  test('of one family leave the other as it is', async () => {
    const asked = { families: [4, 6] as const, pools: { 4: ['manual'] } };
    const given = await assign('node-1', request('net.a', asked));
    expect(given.map(({ block }) => block)).toEqual([
      expect.stringMatching(/^10\.1\.0\./),
      expect.stringMatching(/^fd00::/),
    ]);
  });

  test('blocks of another pool are not taken from, full as the one asked for may be', async () => {
    cluster.store.put(IPPool, pool('tiny', '10.3.0.0/32', { blockSize: 32 }));
    const ipam = cluster.allocator('node-1');
    await cluster.clock.until(ipam.assign(request('net.warm')));
    const inTiny = (id: string) =>
      cluster.clock.until(ipam.assign(request(id, { pools: { 4: ['tiny'] } })));
    expect((await inTiny('net.a'))[0]!.address).toBe('10.3.0.0');
    await expect(inTiny('net.b')).rejects.toMatchObject({ code: 'Exhausted' });
  });

  test.each([
    ['nowhere', /"nowhere" that was asked for does not exist/],
    ['off', /"off" that was asked for is disabled/],
    ['v6', /"v6" that was asked for has no IPv4 addresses: it is fd00::\/64/],
  ])('%s is refused', async (name, message) => {
    const asked = request('net.a', { pools: { 4: [name] } });
    const error = await failure('node-1', asked);
    expect(error).toMatchObject({ code: 'NoPool', message: expect.stringMatching(message) });
    expect(cluster.handles()).toEqual([]);
  });
});

describe('an address', () => {
  test('of a block that nobody has: the block becomes this node’s', async () => {
    const ipam = cluster.allocator('node-1');
    const asked = request('net.a', { families: [4, 6], ...exactly('10.0.0.77', 'fd00::5') });
    const given = await cluster.clock.until(ipam.assign(asked));
    expect(given.map(({ address }) => address)).toEqual(['10.0.0.77', 'fd00::5']);
    expect(ipam.ownBlocks()).toEqual(['10.0.0.64/26', 'fd00::/122']);
    // Asked again, it is the same one.
    expect(await cluster.clock.until(ipam.assign(asked))).toEqual(given);
    await cluster.clock.until(ipam.release({ handleId: 'net.a' }));
    expect(cluster.allocated().size).toBe(0);
  });

  test('of a block that this node has', async () => {
    const ipam = cluster.allocator('node-1');
    const [first] = await cluster.clock.until(ipam.assign(request('net.a')));
    const next = first!.address.replace(/\d+$/, (last) => `${Number(last) + 9}`);
    const [given] = await cluster.clock.until(ipam.assign(request('net.b', exactly(next))));
    expect(given).toEqual({ ...first, address: next });
    expect(ipam.ownBlocks()).toHaveLength(1);
  });

  test('of another node’s block is borrowed, and the block stays that node’s', async () => {
    const owner = cluster.allocator('node-2');
    await cluster.clock.until(owner.assign(request('net.a', exactly('10.0.0.1'))));
    const ipam = cluster.allocator('node-1');
    await cluster.clock.until(ipam.assign(request('net.b', exactly('10.0.0.2'))));
    expect(ipam.ownBlocks()).toEqual([]);
    // The owner's picture of its block is stale now; it finds out and goes on.
    await cluster.clock.until(owner.assign(request('net.c')));
    expect([...cluster.allocated().values()].flat().sort()).toEqual([
      '10.0.0.0',
      '10.0.0.1',
      '10.0.0.2',
    ]);
    await cluster.clock.until(ipam.release({ handleId: 'net.b' }));
    expect(cluster.allocated().has('net.b')).toBe(false);
    expect(cluster.blocks()[0]!.spec.affinity).toBe('host:node-2');
  });

  test('of a block that nobody has is refused where the node may have no more', async () => {
    cluster.configure({ maxBlocksPerHost: 1, strictAffinity: true });
    const ipam = cluster.allocator('node-1');
    await cluster.clock.until(ipam.assign(request('net.a', exactly('10.0.0.1'))));
    const more = ipam.assign(request('net.b', exactly('10.0.0.65')));
    await expect(cluster.clock.until(more)).rejects.toMatchObject({ code: 'BlockLimit' });
    // Of the block that it has it may have any.
    await cluster.clock.until(ipam.assign(request('net.b', exactly('10.0.0.2'))));
    expect(ipam.ownBlocks()).toEqual(['10.0.0.0/26']);
  });

  test('of another’s block whose deletion was begun: that is ended, and the block becomes this node’s', async () => {
    cluster.configure({ strictAffinity: true });
    const block = newBlock(parsePrefix('10.0.0.0/26'), 'node-2', 0);
    cluster.store.put(IPAMBlock, { ...block, spec: { ...block.spec, deleted: true } });
    const ipam = cluster.allocator('node-1');
    await cluster.clock.until(ipam.assign(request('net.a', exactly('10.0.0.1'))));
    expect(ipam.ownBlocks()).toEqual(['10.0.0.0/26']);
    expect(cluster.blocks()[0]!.spec.deleted).toBe(false);
  });

  test('of a pool that was disabled just now is refused', async () => {
    const ipam = cluster.allocator('node-1');
    await cluster.clock.until(ipam.assign(request('net.a', exactly('10.0.0.1'))));
    cluster.store.put(IPPool, pool('a-first', '10.0.0.0/24', { blockSize: 26, disabled: true }));
    const more = ipam.assign(request('net.b', exactly('10.0.0.2')));
    await expect(cluster.clock.until(more)).rejects.toMatchObject({ code: 'NoPool' });
  });

  test('of another node’s block is refused where strictAffinity says so', async () => {
    cluster.configure({ strictAffinity: true });
    await assign('node-2', request('net.a', exactly('10.0.0.1')));
    const error = await failure('node-1', request('net.b', exactly('10.0.0.2')));
    expect(error.code).toBe('Taken');
    expect(error.message).toMatch(/^10\.0\.0\.2 lies in block 10\.0\.0\.0\/26 of host:node-2/);
  });

  test('that another holds is refused, with the name of who holds it', async () => {
    await assign('node-1', request('net.a', exactly('10.0.0.1')));
    const error = await failure('node-1', request('net.b', exactly('10.0.0.1')));
    expect(error.code).toBe('Taken');
    expect(error.message).toMatch(/^10\.0\.0\.1 is held by handle "net\.a"/);
    expect(cluster.handles().map(({ spec }) => spec.handleID)).toEqual(['net.a']);
  });

  test('two ask for at once: one gets it', async () => {
    const asked = ['node-1', 'node-2'].map((node) =>
      cluster.allocator(node).assign(request(`net.${node}`, exactly('10.0.0.1'))),
    );
    const settled = await cluster.clock.until(Promise.allSettled(asked));
    expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(cluster.allocated().size).toBe(1);
  });

  test.each([
    ['192.0.2.1', /192\.0\.2\.1 that was asked for lies in no IPPool/],
    ['10.2.0.1', /10\.2\.0\.1 that was asked for lies in IPPool "off", which is disabled/],
  ])('%s is refused', async (address, message) => {
    const error = await failure('node-1', request('net.a', exactly(address)));
    expect(error).toMatchObject({ code: 'NoPool', message: expect.stringMatching(message) });
  });
});
