/** A node that had blocks, and uses its pod CIDRs from now on. */
import { parseAddress, parsePrefix } from 'net-ipaddr';
import { type Assigned, PodCidrs } from '../../ipam/index.ts';
import { readHandles } from '../../src/agent/allocations.ts';
import { podCidrsAfterBlocks } from '../../src/agent/pod-cidrs-after-blocks.ts';
import { Cluster, pool } from '../ipam/cluster.ts';

const attributes = { node: 'node1', namespace: 'default', pod: 'p' };
const OLD = { handleId: 'net.old', families: [4] as const, attributes };
const NEW = { ...OLD, handleId: 'net.new' };

let cluster: Cluster;
let old: Assigned[];

beforeEach(async () => {
  cluster = new Cluster([pool('blocks', '10.0.0.0/24')]);
  old = await cluster.clock.until(cluster.allocator('node1').assign(OLD));
});

/** As the agent starts. */
async function open() {
  const wired = old.map(({ address }) => parseAddress(address));
  const podCidrs = new PodCidrs({
    node: 'node1',
    wired: () => [{ handleId: OLD.handleId, addresses: wired }],
  });
  podCidrs.setPrefixes([parsePrefix('10.66.3.0/24')]);
  const inBlocks = await cluster.clock.until(readHandles(cluster.store, 'node1'));
  return podCidrsAfterBlocks(podCidrs, cluster.allocator('node1'), inBlocks);
}

test('a pod of before keeps its address while it lives, and DEL frees it in its block', async () => {
  const source = await open();
  const again = await source.assign(OLD);
  expect(again.map(({ address }) => address)).toEqual(old.map(({ address }) => address));
  await cluster.clock.until(source.release(OLD));
  expect([cluster.handles(), cluster.allocated().size]).toEqual([[], 0]);
});

test('a release that fails is to be called again, and works then', async () => {
  const source = await open();
  cluster.store.faults = () => 'refused';
  await expect(cluster.clock.until(source.release(OLD))).rejects.toMatchObject({ code: 'Timeout' });
  cluster.store.faults = () => undefined;
  await cluster.clock.until(source.release(OLD));
  expect([cluster.handles(), cluster.allocated().size]).toEqual([[], 0]);
});

test('pods that come now, and their DELs, ask nothing of the datastore', async () => {
  const source = await open();
  cluster.store.calls = [];
  const [given] = await source.assign(NEW);
  expect(given).toMatchObject({ address: '10.66.3.1', block: '10.66.3.0/24' });
  expect(await source.release(NEW)).toEqual(['10.66.3.1']);
  expect(cluster.store.calls).toEqual([]);
});
