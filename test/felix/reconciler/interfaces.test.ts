/** What becomes of routes when interfaces come and go: on a fake kernel, in no time. */

import { parseAddress } from 'net-ipaddr';
import { PlayedNode } from './played-node.ts';

let node: PlayedNode;

beforeEach(() => {
  node = new PlayedNode();
});

afterEach(() => node.reconciler.close());

test('learned routes are back when the link is, though the kernel told of nothing', async () => {
  await node.run();
  node.learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2');
  await node.clock.pass(0);
  node.stranger.change({ action: 'change', link: { index: node.uplink, up: false } });
  await node.clock.pass(2000);
  expect(await node.routes(80)).toEqual([]);
  node.stranger.change({ action: 'change', link: { index: node.uplink, up: true } });
  await node.clock.pass(100);
  expect(await node.routes(80)).toEqual(['10.60.1.0/26', '10.60.2.0/26']);
});

test('what failed is tried when an interface comes up, whether or not that is its own', async () => {
  const index = node.addLink('eth1');
  await node.run();
  node.stranger.change({ action: 'change', link: { index, up: false } });
  node.kernel.refuse = () => 'ENETDOWN';
  node.learn('10.60.1.0/26 via 192.0.2.2');
  await node.clock.pass(20_000);
  node.kernel.refuse = () => undefined;
  node.stranger.change({ action: 'change', link: { index, up: true } });
  await node.clock.pass(0);
  expect(await node.routes(80)).toEqual(['10.60.1.0/26']);
});

test('a pod’s routes too, without a look at the whole table', async () => {
  const pod = node.addLink('cali1');
  await node.run();
  node.reconciler.setWorkload('cali1', {
    hostInterface: 'cali1',
    addresses: [parseAddress('10.60.0.1'), parseAddress('fd60::1')],
    since: 0,
  });
  await node.clock.pass(0);
  const { resyncs } = node.reconciler.table.counters;
  node.stranger.change({ action: 'change', link: { index: pod, up: false } });
  node.stranger.change({ action: 'change', link: { index: pod, up: true } });
  await node.clock.pass(10);
  expect(await node.routes(80)).toEqual(['10.60.0.1/32', 'fd60::1/128']);
  expect(node.reconciler.table.counters.resyncs).toBe(resyncs);
});

test('a pod’s routes wait for its interface, and follow it to another index', async () => {
  await node.run();
  const addresses = [parseAddress('10.60.0.1')];
  node.reconciler.setWorkload('cali1', { hostInterface: 'cali1', addresses, since: 0 });
  await node.clock.pass(1000);
  expect(node.written()).toEqual([]);
  for (let i = 0; i < 2; i++) {
    const index = node.addLink('cali1');
    await node.clock.pass(100);
    expect((await node.stranger.routes({ protocol: 80 })).map(({ oif }) => oif)).toEqual([index]);
    await node.stranger.deleteLinks(['cali1']);
    await node.clock.pass(100);
    expect(await node.routes(80)).toEqual([]);
  }
  expect(node.problems()).toEqual([]);
});
