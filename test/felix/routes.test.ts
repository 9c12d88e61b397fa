/** Felix and the host's routes, on the real kernel in a network namespace of its own. Needs root. */

import { formatPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import { openNetlink } from 'rtnetlink-ts';
import { eventually } from './namespace.ts';
import { OneNode } from './one-node.ts';
import { pod } from './pod.ts';

let node: OneNode;

beforeEach(async () => {
  node = await OneNode.make();
});

afterEach(() => node.end());

describe('routes', () => {
  beforeEach(() => node.addUplink());

  test('blocks, learned routes and ECMP come, change and go', async () => {
    await node.run();
    node.felix.setLocalBlocks(
      ['10.60.0.0/26', '10.60.9.9/32', 'fd60::/122', 'fd60:9::9/128'].map(parsePrefix),
    );
    node.learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2 192.0.2.3');
    node.learn('fd60:1::/122 via 2001:db8::2', 'fd60:2::/122 via 2001:db8::2 2001:db8::3');
    const blackholes = [
      'blackhole 10.60.0.0/26 proto 80 metric 1024',
      'blackhole fd60::/122 dev lo proto 80 metric 1024',
    ];
    await node.has(
      blackholes[0]!,
      '10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024',
      '10.60.2.0/26 proto 80 metric 1024 nexthop via 192.0.2.2 dev eth0 weight 1 nexthop via 192.0.2.3 dev eth0 weight 1',
      blackholes[1]!,
      'fd60:1::/122 via 2001:db8::2 dev eth0 proto 80 metric 1024',
      'fd60:2::/122 proto 80 metric 1024 nexthop via 2001:db8::2 dev eth0 weight 1 nexthop via 2001:db8::3 dev eth0 weight 1',
    );
    node.learn('10.60.1.0/26 via 192.0.2.2 192.0.2.4', '10.60.2.0/26 via 192.0.2.3');
    node.learn('fd60:1::/122 via 2001:db8::2 2001:db8::4', 'fd60:2::/122 via 2001:db8::3');
    await node.has(
      blackholes[0]!,
      '10.60.1.0/26 proto 80 metric 1024 nexthop via 192.0.2.2 dev eth0 weight 1 nexthop via 192.0.2.4 dev eth0 weight 1',
      '10.60.2.0/26 via 192.0.2.3 dev eth0 proto 80 metric 1024',
      blackholes[1]!,
      'fd60:1::/122 proto 80 metric 1024 nexthop via 2001:db8::2 dev eth0 weight 1 nexthop via 2001:db8::4 dev eth0 weight 1',
      'fd60:2::/122 via 2001:db8::3 dev eth0 proto 80 metric 1024',
    );
    node.felix.setLocalBlocks(['10.60.1.0/26', 'fd60:1::/122'].map(parsePrefix));
    node.learn('10.60.2.0/26 via', 'fd60:2::/122 via');
    await node.has(
      'blackhole 10.60.1.0/26 proto 80 metric 1024',
      'blackhole fd60:1::/122 dev lo proto 80 metric 1024',
    );
    expect(node.felix.inspect().refused.map(({ subject }) => subject)).toEqual([
      '10.60.1.0/26',
      'fd60:1::/122',
    ]);
    node.felix.setLocalBlocks([]);
    node.learn('10.60.1.0/26 via', 'fd60:1::/122 via');
    await node.has();
    expect(node.felix.inspect()).toMatchObject({ refused: [], failed: [] });
  });

  test('the way to a BGP peer is a route in the kernel, for as long as it is said', async () => {
    await node.run();
    const ways = [
      ['198.51.100.7', '192.0.2.2'],
      ['2001:db8:7::1', '2001:db8::2'],
    ];
    node.felix.setPeerRoutes(
      ways.map(([peer, gateway]) => ({
        peer: parseAddress(peer!),
        gateway: parseAddress(gateway!),
      })),
    );
    await node.has(
      '198.51.100.7 via 192.0.2.2 dev eth0 proto 80 metric 1024',
      '2001:db8:7::1 via 2001:db8::2 dev eth0 proto 80 metric 1024',
    );
    node.felix.setPeerRoutes([]);
    await node.has();
  });

  test('a second reading of what is there writes nothing', async () => {
    await node.run();
    node.felix.setLocalBlocks(['10.60.0.0/26', 'fd60::/122'].map(parsePrefix));
    node.learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2 192.0.2.3');
    node.learn('fd60:1::/122 via 2001:db8::2', 'fd60:2::/122 via 2001:db8::2 2001:db8::3');
    await node.felix.addEndpoint(pod('a', await node.makeNamespace(), '10.60.0.1', 'fd60::1'));
    await eventually(() => node.felix.inspect().routes.pending === 0);
    const { resyncs: _, ...before } = node.felix.inspect().routes;
    await node.felix.resync();
    await eventually(() => node.felix.inspect().routes.pending === 0);
    expect(node.felix.inspect().routes).toMatchObject(before);
  });

  test('a flap of the uplink, which the kernel is silent of, is repaired', async () => {
    await node.run();
    node.learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2 192.0.2.3');
    node.learn('fd60:1::/122 via 2001:db8::2');
    const v4 = [
      '10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024',
      '10.60.2.0/26 proto 80 metric 1024 nexthop via 192.0.2.2 dev eth0 weight 1 nexthop via 192.0.2.3 dev eth0 weight 1',
    ];
    const v6 = 'fd60:1::/122 via 2001:db8::2 dev eth0 proto 80 metric 1024';
    await node.has(...v4, v6);
    await node.host.ip('link set eth0 down');
    await node.has();
    await node.host.ip('link set eth0 up');
    // The kernel took the IPv6 address for good.
    await node.has(...v4);
    expect(node.felix.inspect().failed.map(({ subject }) => subject)).toEqual(['fd60:1::/122']);
    await node.host.ip('addr add 2001:db8::1/64 dev eth0 nodad');
    await node.has(...v4, v6);
    expect(node.felix.inspect().failed).toEqual([]);
  });

  test('a flap of a pod’s interface too', async () => {
    const a = await node.makeNamespace();
    await node.run();
    const endpoint = await node.felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    const { hostInterface } = endpoint;
    await node.host.ip(`link set ${hostInterface} down`);
    await node.has();
    await node.host.ip(`link set ${hostInterface} up`);
    await node.has(
      `10.60.0.1 dev ${hostInterface} proto 80 scope link metric 1024`,
      `fd60::1 dev ${hostInterface} proto 80 metric 1024`,
    );
    await eventually(
      async () => (await node.felix.checkEndpoint({ ...endpoint, netns: a.path })).length === 0,
    );
    await a.run('ping -c 1 -W 5 -I 10.60.0.1 192.0.2.1');
  });

  test('routes of others stay, wherever ours come to', async () => {
    const theirs = [
      '10.60.1.0/26 via 192.0.2.9 dev eth0 proto static metric 1024',
      '10.60.2.0/26 via 192.0.2.9 dev eth0 proto bird metric 32',
      '10.60.3.0/26 via 192.0.2.9 dev eth0',
      'fd60:1::/122 via 2001:db8::9 dev eth0 proto static metric 1024',
    ];
    for (const route of theirs) await node.host.ip(`route add ${route}`);
    await node.run();
    node.learn(...[1, 2, 3].map((i) => `10.60.${i}.0/26 via 192.0.2.2`));
    node.learn('fd60:1::/122 via 2001:db8::2');
    const ours = [2, 3].map((i) => `10.60.${i}.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024`);
    const withOurs = [theirs[0]!, theirs[1]!, ours[0]!, theirs[2]!, ours[1]!, theirs[3]!];
    await node.has(...withOurs);
    expect(node.felix.inspect().failed).toEqual([
      { subject: '10.60.1.0/26', reason: expect.stringMatching(/192\.0\.2\.9.*protocol 4/) },
      { subject: 'fd60:1::/122', reason: expect.stringMatching(/2001:db8::9.*protocol 4/) },
    ]);
    // One is put before ours, in the same place: a replacement would take it.
    await node.host.ip('route prepend 10.60.2.0/26 via 192.0.2.8 proto static metric 1024');
    await node.felix.resync();
    await eventually(() => node.felix.inspect().routes.pending === 0);
    node.learn('10.60.2.0/26 via 192.0.2.3');
    await node.has(
      theirs[0]!,
      theirs[1]!,
      '10.60.2.0/26 via 192.0.2.8 dev eth0 proto static metric 1024',
      theirs[2]!,
      ours[1]!,
      theirs[3]!,
    );
    // They make way: ours take their places.
    await node.host.ip('route del 10.60.1.0/26');
    await node.host.ip('-6 route del fd60:1::/122');
    await node.has(
      '10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024',
      theirs[1]!,
      '10.60.2.0/26 via 192.0.2.8 dev eth0 proto static metric 1024',
      theirs[2]!,
      ours[1]!,
      'fd60:1::/122 via 2001:db8::2 dev eth0 proto 80 metric 1024',
    );
  });

  test('a learned route has a metric of its own, changes it, and leaves a stranger’s of that metric', async () => {
    await node.run();
    const withMetric = (text: string, metric?: number) =>
      node.felix.updateLearned([
        { prefix: parsePrefix(text), nextHops: [parseAddress('192.0.2.2')], metric },
      ]);
    withMetric('10.60.1.0/26', 100);
    await node.has('10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 100');
    withMetric('10.60.1.0/26', 200);
    await node.has('10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 200');
    await node.felix.resync();
    await node.has('10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 200');
    await node.host.ip('route add blackhole 10.60.1.0/26 metric 300');
    withMetric('10.60.1.0/26', 300);
    await node.has('blackhole 10.60.1.0/26 metric 300');
    await node.felix.resync();
    expect(node.felix.inspect().failed).toMatchObject([{ subject: '10.60.1.0/26' }]);
    withMetric('10.60.1.0/26');
    await node.has(
      'blackhole 10.60.1.0/26 metric 300',
      '10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024',
    );
    expect(node.felix.inspect().failed).toEqual([]);
  });

  test('many learned routes come, are read again, which writes nothing, and go', async () => {
    const MANY = 10_000;
    const learnMany = (routeAt: (i: number) => string) => {
      // As the speaker tells of them.
      for (let from = 0; from < MANY; from += 2000)
        node.learn(...Array.from({ length: 2000 }, (_, i) => routeAt(from + i)));
    };
    const prefixAt = (i: number) =>
      i % 2 === 0 ? `11.${i >> 8}.${i & 255}.0/24` : `fd61:0:${i.toString(16)}::/64`;
    const isDone = () => node.felix.inspect().routes.pending === 0;
    await node.run();
    node.felix.setLearnedInSync();
    learnMany((i) =>
      i % 2 === 0 ? `${prefixAt(i)} via 192.0.2.2` : `${prefixAt(i)} via 2001:db8::2`,
    );
    await eventually(isDone, () => node.felix.inspect());
    expect(node.felix.inspect()).toMatchObject({ failed: [], refused: [] });
    expect(await node.kernel.host.routes({ table: 254, protocol: 80 })).toHaveLength(MANY);
    // The uplink's own IPv6 routes, and hints that it is there, may come as late as now.
    const changes: string[] = [];
    const observer = openNetlink({ netns: node.host.path });
    const monitor = observer.monitor(
      ['route'],
      (event) => {
        if (event.kind !== 'route') return;
        const { destination, table, protocol } = event.route;
        const text = formatPrefix(destination);
        if (protocol === 80 || (table === 254 && text === '10.99.0.0/24')) changes.push(text);
      },
      () => changes.push('some were lost'),
    );
    const { resyncs, ...written } = node.felix.inspect().routes;
    await node.felix.resync();
    expect(node.felix.inspect().routes).toMatchObject(written);
    expect(node.felix.inspect().routes.resyncs).toBeGreaterThan(resyncs);
    await node.host.ip('route add 10.99.0.0/24 dev lo');
    await eventually(
      () => changes.length > 0,
      () => changes,
    );
    expect(changes).toEqual(['10.99.0.0/24']);
    monitor.close();
    observer.close();
    learnMany((i) => `${prefixAt(i)} via`);
    await eventually(isDone, () => node.felix.inspect());
    expect(await node.kernel.host.routes({ table: 254, protocol: 80 })).toEqual([]);
  });

  test('routes of ours in another table, and of others, are nobody’s business', async () => {
    await node.host.ip('route add 10.60.1.0/26 via 192.0.2.9 table 100 proto 80');
    await node.host.ip('route add 10.60.2.0/26 via 192.0.2.9');
    await node.run();
    node.felix.setLearnedInSync();
    await node.felix.resync();
    expect(await node.host.ip('route show table 100')).toMatch(/10\.60\.1\.0\/26/);
    expect(await node.host.routes(/10\.60/)).toEqual(['10.60.2.0/26 via 192.0.2.9 dev eth0']);
  });

  test('no learned route takes the nodes’ own network', async () => {
    node.felix.setNodeAddresses(['192.0.2.1', '192.0.2.2', '2001:db8::1'].map(parseAddress));
    await node.run();
    node.learn(
      '192.0.2.0/24 via 192.0.2.2',
      '192.0.2.0/25 via 192.0.2.2',
      '192.0.2.2/32 via 192.0.2.9',
    );
    node.learn('2001:db8::/64 via 2001:db8::2', '169.254.0.0/16 via 192.0.2.2');
    node.learn('10.60.1.0/26 via 192.0.2.2', '0.0.0.0/0 via 192.0.2.2');
    await node.has(
      'default via 192.0.2.2 dev eth0 proto 80 metric 1024',
      '10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024',
    );
    expect(node.felix.inspect().refused).toHaveLength(5);
  });
});
