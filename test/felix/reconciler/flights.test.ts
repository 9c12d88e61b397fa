/** Many routes at a time, which another thread writes, and what comes between: on a fake kernel, in no time. */

import { formatAddress, parseAddress, parsePrefix } from 'net-ipaddr';
import { PlayedNode } from './played-node.ts';

const MANY = 5000;
const prefixAt = (i: number) => `10.${60 + (i >> 8)}.${i & 255}.0/24`;
const learnMany = (how: string) =>
  node.learn(...Array.from({ length: MANY }, (_, i) => `${prefixAt(i)} ${how}`));
let node: PlayedNode;
let letFly: () => void;

beforeEach(async () => {
  node = new PlayedNode();
  await node.run();
  const hold = new Promise<void>((resolve) => {
    letFly = resolve;
  });
  node.kernel.beforeFlight = () => hold;
});

afterEach(() => node.reconciler.close());

test('two thousand each, one waiting for the other; the rest at once, each route once', async () => {
  learnMany('via 192.0.2.2');
  await node.clock.pass(0);
  expect(node.kernel.batches).toEqual([]);
  expect(node.reconciler.table.flights).toBe(2);
  expect(node.reconciler.table.pendingCount).toBe(MANY);
  letFly();
  await node.clock.pass(0);
  const lengths = node.kernel.batches.map(({ length }) => length);
  expect(lengths).toEqual([2000, 2000, 256, 256, 256, 232]);
  expect(new Set(node.written()).size).toBe(MANY);
  expect(node.reconciler.table.pendingCount).toBe(0);
  expect(await node.routes(80)).toHaveLength(MANY);
});

test('what is asked for meanwhile of the same prefixes follows', async () => {
  learnMany('via 192.0.2.2');
  await node.clock.pass(0);
  node.learn(`${prefixAt(0)} via 192.0.2.3`, `${prefixAt(1)} via`);
  await node.clock.pass(0);
  letFly();
  await node.clock.pass(0);
  const [first, ...others] = await node.stranger.routes({ protocol: 80 });
  expect(formatAddress(first!.gateway!)).toBe('192.0.2.3');
  expect(others).toHaveLength(MANY - 2);
  expect(node.reconciler.table.pendingCount).toBe(0);
});

test('what was withdrawn and refused meanwhile is forgotten, and can come again', async () => {
  node.kernel.refuse = () => 'ENETUNREACH';
  learnMany('via 192.0.2.2');
  await node.clock.pass(0);
  node.learn(`${prefixAt(0)} via`);
  await node.clock.pass(0);
  letFly();
  await node.clock.pass(0);
  expect(node.reconciler.table.failingCount).toBe(MANY - 1);
  node.kernel.refuse = () => undefined;
  node.learn(`${prefixAt(0)} via 192.0.2.3`);
  await node.clock.pass(60_000);
  expect(await node.routes(80)).toHaveLength(MANY);
  expect(node.problems()).toEqual([]);
});

test('a pod’s address that is among them waits for it, another does not', async () => {
  learnMany('via 192.0.2.2');
  await node.clock.pass(0);
  expect(await node.reconciler.settle([parsePrefix('10.9.0.0/24')])).toEqual([]);
  const settled = node.reconciler.settle([parsePrefix(prefixAt(0))]);
  expect(node.kernel.batches).toEqual([]);
  letFly();
  expect(await settled).toEqual([]);
  expect(await node.routes(80)).toContain(prefixAt(0));
});

test('a pod’s interface that goes down once its route is written, and before that has landed', async () => {
  const pod = node.addLink('cali1');
  const workload = { hostInterface: 'cali1', addresses: [parseAddress('10.9.0.1')], since: 1 };
  node.reconciler.setWorkload('cali1', workload);
  learnMany('via 192.0.2.2');
  await node.clock.pass(0);
  const ofPod = () => node.stranger.routes({ oif: pod, protocol: 80 });
  let [writes, ofPodThen] = [0, ofPod()];
  node.kernel.refuse = () => {
    writes += 1;
    if (writes !== 1000) return undefined;
    ofPodThen = ofPod();
    node.stranger.change({ action: 'change', link: { index: pod, up: false } });
    return undefined;
  };
  letFly();
  await node.clock.pass(1000);
  expect(await ofPodThen).toHaveLength(1);
  expect(await ofPod()).toEqual([]);
  expect(node.problems()).toEqual([expect.stringMatching(/^10\.9\.0\.1\/32: .*ENETDOWN/)]);
});

test('the table is read when they have landed, and is as it should be', async () => {
  learnMany('via 192.0.2.2');
  await node.clock.pass(0);
  let hasRead = false;
  node.kernel.duringDump = () => {
    hasRead = true;
  };
  const resynced = node.reconciler.resync();
  await node.clock.pass(0);
  expect(hasRead).toBe(false);
  letFly();
  await node.clock.pass(1000);
  await resynced;
  expect(hasRead).toBe(true);
  expect(node.reconciler.table.counters).toMatchObject({ added: MANY, repaired: 0, failed: 0 });
});

test('the socket’s failure is no route’s: it is looked at, and tried again', async () => {
  node.kernel.nextBatchError = new Error('EIO');
  learnMany('via 192.0.2.2');
  await node.clock.pass(0);
  letFly();
  await node.clock.pass(60_000);
  expect(await node.routes(80)).toHaveLength(MANY);
  expect(node.problems()).toEqual([]);
});

test('closed meanwhile: what is under way ends, and nothing follows', async () => {
  learnMany('via 192.0.2.2');
  await node.clock.pass(0);
  const settled = node.reconciler.settle([parsePrefix(prefixAt(0))]);
  node.reconciler.close();
  letFly();
  await node.clock.pass(300_000);
  await settled;
  expect(node.kernel.batches.filter(({ length }) => length > 1)).toHaveLength(2);
});
