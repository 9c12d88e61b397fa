/** What felix writes for what it is told, and when: on a fake kernel, in no time. */

import { formatAddress, formatPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import { PlayedNode } from './played-node.ts';

let node: PlayedNode;

beforeEach(() => {
  node = new PlayedNode();
});

afterEach(() => node.reconciler.close());

test('nothing is written before it is opened, forwarding neither', async () => {
  node.stranger.change({ action: 'add', route: node.route('10.9.0.0/26 via 192.0.2.9', 80) });
  await node.reconciler.start();
  node.reconciler.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
  node.learn('10.60.1.0/26 via 192.0.2.2');
  node.reconciler.setLearnedInSync();
  await node.clock.pass(200_000);
  expect(node.kernel.batches).toEqual([]);
  expect(node.kernel.sysctls.read('net/ipv4/ip_forward')).toBe('0');

  await node.reconciler.open();
  await node.clock.pass(0);
  expect(await node.routes(80)).toEqual(['10.60.0.0/26', '10.60.1.0/26']);
  expect(node.kernel.sysctls.read('net/ipv4/ip_forward')).toBe('1');
  expect(node.kernel.sysctls.read('net/ipv6/conf/all/forwarding')).toBe('1');
});

test('changes of one turn go out in batches of at most 256, each route once', async () => {
  await node.run();
  for (let i = 0; i < 1000; i++) {
    const prefix = `10.${60 + (i >> 8)}.${i & 255}.0/24`;
    node.learn(`${prefix} via 192.0.2.2`, `${prefix} via 192.0.2.3`);
  }
  await node.clock.pass(0);
  expect(node.kernel.batches.map(({ length }) => length)).toEqual([256, 256, 256, 232]);
  expect(new Set(node.written()).size).toBe(1000);
});

test('a second look at what is as it should be writes nothing', async () => {
  await node.run();
  node.reconciler.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
  node.learn('10.60.1.0/26 via 192.0.2.2', 'fd60::/64 via 2001:db8::2 2001:db8::3');
  await node.clock.pass(0);
  node.kernel.batches.length = 0;
  await node.clock.pass(300_000);
  expect(node.reconciler.table.counters.resyncs).toBeGreaterThanOrEqual(4);
  expect(node.reconciler.table.counters.repaired).toBe(0);
  expect(node.kernel.batches).toEqual([]);
});

test('a kernel without next hop objects: each route names its gateways', async () => {
  await node.run();
  node.learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2 192.0.2.3');
  await node.clock.pass(0);
  const ours = (await node.stranger.routes()).filter(({ protocol }) => protocol === 80);
  const gateways = ours.map((one) => (one.multipath ?? [one]).map(({ gateway }) => gateway));
  expect(gateways.map((hops) => hops.map((hop) => formatAddress(hop!)))).toEqual([
    ['192.0.2.2'],
    ['192.0.2.2', '192.0.2.3'],
  ]);
  expect(node.kernel.batches.flat().filter((operation) => 'nextHop' in operation)).toEqual([]);
});

test('a stop leaves all routes, and stops all timers', async () => {
  await node.run();
  node.learn('10.60.1.0/26 via 192.0.2.2');
  await node.clock.pass(0);
  node.reconciler.close();
  node.kernel.batches.length = 0;
  node.stranger.change({ action: 'delete', route: node.route('10.60.1.0/26 via 192.0.2.2', 80) });
  await node.clock.pass(300_000);
  expect(node.kernel.batches).toEqual([]);
});

describe('RFC 4271 §9.1.2.1: next hops that are no neighbours', () => {
  const FAR = '10.60.1.0/26 via 198.51.100.2';
  const resolve = (nextHop: string) =>
    node.reconciler.calculation.resolve(parseAddress(nextHop)).gateways.map(formatAddress);
  const gatewayOf = async (prefix: string) => {
    const all = await node.stranger.routes({ protocol: 80 });
    const found = all.find((one) => formatPrefix(one.destination) === prefix);
    return found?.gateway && formatAddress(found.gateway);
  };

  test('routes go by the gateway that leads there, and follow it, in one review for a burst', async () => {
    await node.run();
    node.learn(FAR);
    await node.clock.pass(0);
    expect(await node.routes(80)).toEqual([]);
    expect(node.reconciler.refusals.reports()).toEqual([
      { subject: '10.60.1.0/26', reason: expect.stringContaining('no route of the host itself') },
    ]);
    node.stranger.change({ action: 'add', route: node.route('198.51.100.0/24 via 192.0.2.7') });
    await node.clock.pass(200);
    expect(await gatewayOf('10.60.1.0/26')).toBe('192.0.2.7');
    node.reviews = 0;
    for (let i = 0; i < 1000; i++)
      node.stranger.change({
        action: 'replace',
        route: node.route(`198.51.100.0/24 via 192.0.2.${i % 100}`),
      });
    await node.clock.pass(0);
    await node.clock.pass(60);
    expect([await gatewayOf('10.60.1.0/26'), node.reviews]).toEqual(['192.0.2.99', 1]);
  });

  test('what can’t be reached any more stays until BGP takes it back', async () => {
    await node.run();
    node.stranger.change({ action: 'add', route: node.route('198.51.100.0/24 via 192.0.2.7') });
    await node.clock.pass(100);
    node.learn(FAR);
    await node.clock.pass(0);
    node.stranger.change({ action: 'delete', route: node.route('198.51.100.0/24 via 192.0.2.7') });
    await node.clock.pass(100);
    expect([resolve('198.51.100.2'), await gatewayOf('10.60.1.0/26')]).toEqual([[], '192.0.2.7']);
    node.learn('10.60.1.0/26 via');
    await node.clock.pass(0);
    expect(await node.routes()).toEqual([]);
  });

  test('what BGP brought leads to none: a route would keep itself alive, or take itself away', async () => {
    await node.run();
    node.learn('198.51.100.0/24 via 192.0.2.2', FAR);
    await node.clock.pass(0);
    expect(await node.routes(80)).toEqual(['198.51.100.0/24']);
    expect([resolve('198.51.100.2'), resolve('192.0.2.2')]).toEqual([[], ['192.0.2.2']]);
    // Nor after a dump that has them.
    await node.reconciler.resync();
    expect(resolve('198.51.100.2')).toEqual([]);
  });

  test('our own ways do: to a peer, to a pod here; a block without the pod does not', async () => {
    await node.run();
    const gateway = parseAddress('192.0.2.7');
    node.reconciler.setPeerRoutes([{ peer: parseAddress('198.51.100.2'), gateway }]);
    node.reconciler.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
    node.addLink('cali1');
    const addresses = [parseAddress('10.60.0.1')];
    node.reconciler.setWorkload('cali1', { hostInterface: 'cali1', addresses, since: 1 });
    expect(['198.51.100.2', '10.60.0.1', '10.60.0.2'].map(resolve)).toEqual([
      ['192.0.2.7'],
      ['10.60.0.1'],
      [],
    ]);
  });
});

describe('guards', () => {
  test('what carries the nodes is known before anything is judged', async () => {
    node.stranger.change(
      { action: 'add', route: node.route('10.9.0.0/16 via 192.0.2.9') },
      { action: 'add', route: node.route('0.0.0.0/0 via 192.0.2.2', 80) },
    );
    await node.reconciler.start();
    node.reconciler.setNodeAddresses([parseAddress('10.9.0.9')]);
    node.learn('0.0.0.0/0 via 192.0.2.2');
    await node.reconciler.open();
    await node.clock.pass(1000);
    expect(node.written()).toEqual([]);
    expect(await node.routes(80)).toEqual(['0.0.0.0/0']);
  });

  test('a node that joins behind a learned route takes it away, and its leaving brings it back', async () => {
    await node.run();
    node.learn('10.0.0.0/8 via 192.0.2.2');
    await node.clock.pass(0);
    expect(await node.routes(80)).toEqual(['10.0.0.0/8']);
    node.reconciler.setNodeAddresses(['192.0.2.1', '10.7.7.7'].map(parseAddress));
    await node.clock.pass(1100);
    expect(await node.routes(80)).toEqual([]);
    expect(node.reconciler.refusals.reports()).toEqual([
      { subject: '10.0.0.0/8', reason: expect.stringMatching(/covers a node.*10\.7\.7\.7/) },
    ]);
    expect(node.log.lines).toEqual([expect.stringContaining('10.7.7.7')]);
    node.reconciler.setNodeAddresses([parseAddress('192.0.2.1')]);
    await node.clock.pass(100);
    expect(await node.routes(80)).toEqual(['10.0.0.0/8']);
    expect(node.reconciler.refusals.reports()).toEqual([]);
  });

  test('a default route stays when a node joins that a connected network carries', async () => {
    node.stranger.change({ action: 'add', route: node.route('10.9.0.0/16 via 192.0.2.9') });
    node.reconciler.setNodeAddresses([parseAddress('192.0.2.1')]);
    await node.run();
    node.learn('0.0.0.0/0 via 192.0.2.2');
    await node.clock.pass(0);
    node.kernel.batches.length = 0;
    // The second one by a static route, which is looked for only now.
    node.reconciler.setNodeAddresses(['192.0.2.1', '192.0.2.7', '10.9.0.9'].map(parseAddress));
    await node.clock.pass(1000);
    expect(await node.routes(80)).toEqual(['0.0.0.0/0']);
    expect(node.kernel.batches).toEqual([]);
    node.stranger.change({ action: 'delete', route: node.route('10.9.0.0/16 via 192.0.2.9') });
    await node.clock.pass(1000);
    expect(await node.routes(80)).toEqual([]);
  });

  test('a network that is connected meanwhile is given up', async () => {
    await node.run();
    node.learn('198.51.100.0/24 via 192.0.2.2');
    await node.clock.pass(0);
    const address = { link: node.uplink, address: parseAddress('198.51.100.1'), length: 24 };
    node.stranger.change({ action: 'add', address });
    await node.clock.pass(200);
    expect(await node.routes(80)).toEqual([]);
    expect(await node.routes(2)).toContain('198.51.100.0/24');
  });
});

describe('after a restart', () => {
  beforeEach(() => {
    node.stranger.change(
      { action: 'add', route: node.route('10.60.1.0/26 via 192.0.2.2', 80) },
      { action: 'add', route: node.route('10.60.2.0/26 via 192.0.2.2', 80) },
      { action: 'add', route: node.route('fd60::/64 via 2001:db8::2', 80) },
      {
        action: 'add',
        route: { ...node.route('10.60.9.0/26 via 192.0.2.2', 80), type: 'blackhole' },
      },
    );
  });

  test('learned routes stay until BGP has converged; a block that is no longer ours does not', async () => {
    await node.run();
    node.learn('10.60.1.0/26 via 192.0.2.2');
    await node.clock.pass(29_000);
    expect(await node.routes(80)).toEqual(['10.60.1.0/26', '10.60.2.0/26', 'fd60::/64']);
    node.reconciler.setLearnedInSync();
    await node.clock.pass(0);
    expect(await node.routes(80)).toEqual(['10.60.1.0/26']);
    expect(node.written()).not.toContain('add 10.60.1.0/26');
    expect(node.written()).not.toContain('replace 10.60.1.0/26');
  });

  test('or until a deadline', async () => {
    await node.run();
    await node.clock.pass(29_900);
    expect(await node.routes(80)).toHaveLength(3);
    await node.clock.pass(200);
    expect(await node.routes(80)).toEqual([]);
  });

  test('one that BGP learns and loses again goes before that', async () => {
    await node.run();
    node.learn('10.60.1.0/26 via 192.0.2.2');
    await node.clock.pass(0);
    node.learn('10.60.1.0/26 via');
    await node.clock.pass(0);
    expect(await node.routes(80)).toEqual(['10.60.2.0/26', 'fd60::/64']);
  });

  test('one that comes by another next hop now is changed in one message', async () => {
    await node.run();
    node.learn('10.60.1.0/26 via 192.0.2.3');
    await node.clock.pass(0);
    expect(node.written().filter((text) => text.includes('10.60.1.0'))).toEqual([
      'replace 10.60.1.0/26',
    ]);
  });
});

test('what can wait is not written while the table is read: each write would tear the dump', async () => {
  await node.run();
  node.kernel.duringDump = () => new Promise((resolve) => node.clock.after(10, resolve));
  const read = node.reconciler.resync();
  await node.clock.pass(1);
  node.learn('10.60.1.0/26 via 192.0.2.2');
  await node.clock.pass(15);
  expect(node.written()).toEqual([]);
  await node.clock.pass(5);
  await read;
  await node.clock.pass(0);
  expect(node.written()).toEqual(['add 10.60.1.0/26']);
});
