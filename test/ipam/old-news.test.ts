/** What was written or decided before something changed: a write that comes late must fail, and old news give and keep nothing. */
import { parseAddress, parsePrefix } from 'net-ipaddr';
import { BlockAffinity, IPAMBlock, IPAMHandle } from '../../api/index.ts';
import type { AssignRequest } from '../../ipam/allocator.ts';
import { giveBack, newBlock, take } from '../../ipam/block.ts';
import { newHandle } from '../../ipam/handle.ts';
import { affinityLabels, affinityName } from '../../ipam/names.ts';
import { Cluster, pool } from './cluster.ts';

const request = (handleId: string, asked: Partial<AssignRequest> = {}): AssignRequest => ({
  handleId,
  families: [4],
  attributes: {},
  ...asked,
});
const exactly = (address: string) => ({ addresses: [parseAddress(address)] });

let cluster: Cluster;
beforeEach(() => {
  cluster = new Cluster([pool('v4', '10.0.0.0/24', { blockSize: 26 })]);
});
afterEach(() => expect(cluster.problems()).toEqual([]));

const blockOf = (cidr: string) => cluster.blocks().find(({ spec }) => spec.cidr === cidr)!;

describe('a write of before that comes late fails', () => {
  test('a release, once its handle was told again what it holds', async () => {
    const first = cluster.allocator('node-1');
    const [given] = await cluster.clock.until(first.assign(request('net.a')));
    const late = giveBack(blockOf(given!.block), 'net.a').block;
    // Another process: the first one died in the middle of its release.
    const again = await cluster.clock.until(cluster.allocator('node-1').assign(request('net.a')));
    expect(again).toEqual([given]);
    await expect(cluster.clock.until(cluster.store.update(IPAMBlock, late))).rejects.toMatchObject({
      code: 'Conflict',
    });
  });

  test('a deletion of the handle, once it is about to hold something again', async () => {
    const ipam = cluster.allocator('node-1');
    const [warm] = await cluster.clock.until(ipam.assign(request('net.warm')));
    // What a release leaves that has emptied the block. It says already what the assignment will make it say.
    const stored = cluster.store.put(IPAMHandle, newHandle('net.a', new Map([[warm!.block, 1]])));
    const { uid, resourceVersion } = stored.metadata;
    await cluster.clock.until(ipam.assign(request('net.a')));
    const preconditions = { uid: uid!, resourceVersion: resourceVersion! };
    await expect(
      cluster.clock.until(cluster.store.delete(IPAMHandle, 'net.a', { preconditions })),
    ).rejects.toMatchObject({ code: 'Conflict' });
  });

  test('an assignment, once its handle is released', async () => {
    const ipam = cluster.allocator('node-1');
    const [warm] = await cluster.clock.until(ipam.assign(request('net.warm')));
    cluster.store.put(IPAMHandle, newHandle('net.a', new Map([[warm!.block, 1]])));
    const late = take(blockOf(warm!.block), 'net.a', {})!.block;
    expect(await cluster.clock.until(ipam.release({ handleId: 'net.a' }))).toEqual([]);
    await expect(cluster.clock.until(cluster.store.update(IPAMBlock, late))).rejects.toMatchObject({
      code: 'Conflict',
    });
    expect(cluster.handles().map(({ spec }) => spec.handleID)).toEqual(['net.warm']);
  });
});

test('an address that another process freed is refused on no old news', async () => {
  const ipam = cluster.allocator('node-1');
  await cluster.clock.until(ipam.assign(request('net.a', exactly('10.0.0.5'))));
  await cluster.clock.until(cluster.allocator('node-1').release({ handleId: 'net.a' }));
  const given = await cluster.clock.until(ipam.assign(request('net.b', exactly('10.0.0.5'))));
  expect(given[0]!.address).toBe('10.0.0.5');
});

test('a release reads a block that was full without the handle, when last seen', async () => {
  cluster = new Cluster([pool('v4', '10.0.0.0/32', { blockSize: 32 })]);
  const ipam = cluster.allocator('node-1');
  await cluster.clock.until(ipam.assign(request('net.a')));
  const other = cluster.allocator('node-1');
  await cluster.clock.until(other.release({ handleId: 'net.a' }));
  await cluster.clock.until(other.assign(request('net.b')));
  expect(await cluster.clock.until(ipam.release({ handleId: 'net.b' }))).toEqual(['10.0.0.0']);
  expect(cluster.allocated().size).toBe(0);
});

test('strictAffinity: a block that went to another node gives us nothing more', async () => {
  cluster.configure({ strictAffinity: true });
  const ipam = cluster.allocator('node-1');
  const [given] = await cluster.clock.until(ipam.assign(request('net.a', exactly('10.0.0.1'))));
  const block = blockOf(given!.block);
  cluster.store.put(IPAMBlock, { ...block, spec: { ...block.spec, affinity: 'host:node-2' } });
  await expect(
    cluster.clock.until(ipam.assign(request('net.b', exactly('10.0.0.2')))),
  ).rejects.toMatchObject({ code: 'Taken' });
  expect([...cluster.allocated().keys()]).toEqual(['net.a']);
});

test('an address that a block holds for a handle whose object is gone is answered, not a second one given', async () => {
  const block = take(newBlock(parsePrefix('10.0.0.0/26'), 'node-1', 0), 'net.a', {})!.block;
  cluster.store.put(IPAMBlock, block);
  cluster.store.put(IPAMHandle, newHandle('net.a', new Map([['10.0.0.0/26', 1]])));
  const ipam = cluster.allocator('node-1');
  await cluster.clock.until(ipam.assign(request('net.warm')));
  cluster.store.drop(IPAMHandle, 'net.a');
  const [given] = await cluster.clock.until(ipam.assign(request('net.a')));
  expect(given!.address).toBe('10.0.0.0');
  expect(cluster.allocated().get('net.a')).toEqual(['10.0.0.0']);
});

describe('which affinities make a block ours', () => {
  const CIDR = '10.0.0.192/26';
  const affinity = (spec: object) => ({
    apiVersion: 'projectcalico.org/v3' as const,
    kind: 'BlockAffinity' as const,
    metadata: { name: affinityName('node-1', CIDR), labels: affinityLabels('node-1', 4) },
    spec: { state: 'confirmed' as const, node: 'node-1', cidr: CIDR, deleted: false, ...spec },
  });

  test.each([
    ['one of a node', {}, [CIDR]],
    ['Calico’s of a load balancer of that name', { type: 'virtual' }, []],
    ['one whose deletion was begun', { deleted: true }, []],
    ['another’s under our name', { node: 'node-2' }, []],
  ])('%s', async (_, spec, ours) => {
    cluster.store.put(BlockAffinity, affinity(spec));
    cluster.store.put(IPAMBlock, newBlock(parsePrefix(CIDR), 'node-1', 0));
    expect(await cluster.clock.until(cluster.allocator('node-1').load())).toEqual(ours);
  });

  test.each([
    ['confirmed', true],
    ['pendingDeletion', false],
  ])('%s, without a block: whether it is claimed again first is %s', async (state, isFirst) => {
    cluster.store.put(BlockAffinity, affinity({ state }));
    const [given] = await cluster.clock.until(cluster.allocator('node-1').assign(request('net.a')));
    expect(given!.block === CIDR).toBe(isFirst);
  });
});
