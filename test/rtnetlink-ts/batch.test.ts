/** Batches: one acknowledgement, every failure by itself. Needs root: makes a namespace of its own. */
import { formatPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import { NetlinkError, type Operation, openNetlink, type RouteSpec } from 'rtnetlink-ts';
import { addPair, openPrivateNetwork, type PrivateNetwork } from './private-network.ts';

let network: PrivateNetwork;
const gateway = parseAddress('10.0.0.2');
beforeAll(async () => {
  network = await openPrivateNetwork();
  const { a } = addPair(network);
  network.netlink.change({
    action: 'add',
    address: { link: a, address: parseAddress('10.0.0.1'), length: 24 },
  });
});
afterAll(() => network?.close());

function route(i: number): RouteSpec {
  const destination = parsePrefix(`11.${i >> 8}.${i & 255}.0/24`);
  return { destination, gateway, protocol: 80 };
}

async function installed(): Promise<string[]> {
  const routes = await network.netlink.routes({ protocol: 80 });
  return routes.map(({ destination }) => formatPrefix(destination)).sort();
}

test('a hundred, of which some fail in the middle: each error is at its place', async () => {
  const bad = new Map([
    [0, { ...route(0), gateway: parseAddress('10.77.0.1') }],
    [41, { ...route(41), gateway: parseAddress('10.77.0.1') }],
    [42, route(40)],
    [99, route(98)],
  ]);
  const results = network.netlink.batch(
    Array.from({ length: 100 }, (_, i) => ({ action: 'add', route: bad.get(i) ?? route(i) })),
  );
  expect(results).toHaveLength(100);
  const failures = results.flatMap((error, i) => (error ? [[i, error.message]] : []));
  expect(failures).toEqual([
    [0, 'adding route 11.0.0.0/24 via 10.77.0.1: ENETUNREACH (Nexthop has invalid gateway)'],
    [41, 'adding route 11.0.41.0/24 via 10.77.0.1: ENETUNREACH (Nexthop has invalid gateway)'],
    [42, 'adding route 11.0.40.0/24 via 10.0.0.2: EEXIST'],
    [99, 'adding route 11.0.98.0/24 via 10.0.0.2: EEXIST'],
  ]);
  expect(await installed()).toHaveLength(96);
  const removed = network.netlink.batch(
    Array.from({ length: 100 }, (_, i) => ({ action: 'delete', route: route(i) })),
  );
  expect(removed.flatMap((error, i) => (error ? [[i, error.code]] : []))).toEqual([
    [0, 'ESRCH'],
    [41, 'ESRCH'],
    [42, 'ESRCH'],
    [99, 'ESRCH'],
  ]);
  expect(await installed()).toEqual([]);
});

test('more than one buffer, and all of them fail', () => {
  const operations = Array.from({ length: 1001 }, (_, i) => ({
    action: 'delete' as const,
    route: route(i),
  }));
  const results = network.netlink.batch(operations);
  expect(results.map((error) => error?.code)).toEqual(operations.map(() => 'ESRCH'));
  expect(results.map((error) => error?.attempt)).toEqual(
    operations.map(({ route }) => `deleting route ${formatPrefix(route.destination)} via 10.0.0.2`),
  );
});

test('an iterable may hand out one object again and again', async () => {
  const bytes = new Uint8Array(4);
  const operation = {
    action: 'add' as Operation['action'],
    route: { destination: { address: { family: 4, bytes }, length: 24 }, gateway, protocol: 80 },
  } as { action: 'add' | 'delete'; route: RouteSpec };
  function* operations(action: 'add' | 'delete') {
    operation.action = action;
    for (let i = 0; i < 450; i++) {
      bytes.set([12, i >> 8, i & 255, 0]);
      yield operation;
    }
  }
  expect(network.netlink.batch(operations('add')).every((error) => !error)).toBe(true);
  const routes = await installed();
  expect([routes.length, routes.at(0), new Set(routes).size]).toEqual([450, '12.0.0.0/24', 450]);
  expect(network.netlink.batch(operations('delete')).every((error) => !error)).toBe(true);
});

test('what cannot be written as a request fails alone', async () => {
  const link = (name: string) =>
    ({ action: 'add', link: { name, kind: { kind: 'bridge' } } }) as const;
  const missing = {
    action: 'add',
    link: {
      name: 'v0',
      kind: { kind: 'veth', peer: { name: 'v1', namespace: '/run/netns/none-such' } },
    },
  } as const;
  const results = network.netlink.batch([
    link('br0'),
    link('a-name-that-is-too-long'),
    missing,
    link('br0'),
    link('br1'),
  ]);
  expect(results.map((error) => error?.code)).toEqual([
    undefined,
    'EINVAL',
    'ENOENT',
    'EEXIST',
    undefined,
  ]);
  expect(results[2]!.message).toContain('adding link v0: ENOENT');
  expect(results[2]!.message).toContain('/run/netns/none-such');
  await network.netlink.deleteLinks(['br0', 'br1']);
});

test('change: all are tried, the first error is thrown', async () => {
  const bad = { ...route(1), gateway: parseAddress('10.77.0.1') };
  expect(() =>
    network.netlink.change(
      { action: 'add', route: bad },
      { action: 'add', route: route(2) },
      { action: 'add', route: route(2) },
    ),
  ).toThrow('ENETUNREACH');
  expect(await installed()).toEqual(['11.0.2.0/24']);
  network.netlink.change({ action: 'delete', route: route(2) });
});

test('an error is one of this library, with code, attempt and reason', () => {
  const [error] = network.netlink.batch([
    { action: 'add', route: { ...route(1), gateway: parseAddress('10.77.0.1') } },
  ]);
  expect(error).toBeInstanceOf(NetlinkError);
  expect(error).toMatchObject({
    name: 'NetlinkError',
    code: 'ENETUNREACH',
    attempt: 'adding route 11.0.1.0/24 via 10.77.0.1',
    reason: 'Nexthop has invalid gateway',
  });
});

test('an iterable that throws: what it gave before is done or not, and the next batch is sound', () => {
  function* failing(): Iterable<Operation> {
    yield { action: 'add', route: route(7) };
    throw new Error('out of routes');
  }
  expect(() => network.netlink.batch(failing())).toThrow('out of routes');
  function* nested(): Iterable<Operation> {
    yield { action: 'add', route: route(8) };
    network.netlink.batch([]);
  }
  expect(() => network.netlink.batch(nested())).toThrow('by the iterable that it reads');
  expect(network.netlink.batch([{ action: 'delete', route: route(9) }])[0]!.code).toBe('ESRCH');
});

test('off the loop: the same results, in turn, while the loop runs', async () => {
  const add = (i: number) => ({ action: 'add', route: route(i) }) as const;
  const [first, second, third] = await Promise.all([
    network.netlink.batchOffLoop(Array.from({ length: 300 }, (_, i) => add(i))),
    network.netlink.batchOffLoop([add(299), add(300)]),
    network.netlink.batchOffLoop([]),
  ]);
  expect(first).toHaveLength(300);
  expect(first.every((error) => !error)).toBe(true);
  expect(second.map((error) => error?.code)).toEqual(['EEXIST', undefined]);
  expect(third).toEqual([]);
  expect(await installed()).toHaveLength(301);
});

test('a large message: more next hops than fit in the first buffer', async () => {
  const multipath = Array.from({ length: 200 }, (_, i) => ({
    gateway: parseAddress(`10.0.0.${(i % 250) + 3}`),
  }));
  const operations = Array.from({ length: 40 }, (_, i) => ({
    action: 'replace' as const,
    route: { destination: route(i).destination, protocol: 80, multipath, metric: 9 },
  }));
  expect(network.netlink.batch(operations).filter(Boolean)).toEqual([]);
  const read = (await network.netlink.routes({ protocol: 80 })).filter((r) => r.metric === 9);
  expect(read.map(({ multipath }) => multipath!.length)).toEqual(operations.map(() => 200));
});

test('after close', async () => {
  const netlink = openNetlink({ netns: network.path });
  const monitor = netlink.monitor(
    ['link'],
    () => {},
    () => {},
  );
  const dump = netlink.routes();
  const offLoop = netlink.batchOffLoop([{ action: 'add', route: route(400) }]);
  netlink.close();
  netlink.close();
  monitor.close();
  await expect(dump).rejects.toThrow();
  await Promise.allSettled([offLoop]);
  expect(netlink.batch([{ action: 'add', route: route(1) }])[0]!.code).toBe('EBADF');
  await expect(netlink.links()).rejects.toThrow('closed');
  await expect(netlink.deleteLinks(['a'])).rejects.toThrow();
  expect(() =>
    netlink.monitor(
      ['link'],
      () => {},
      () => {},
    ),
  ).toThrow('closed');
});
