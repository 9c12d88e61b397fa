/** Routes, against the kernel and iproute2. Needs root: makes a namespace of its own. */
import { formatPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import type { Route, RouteSpec } from 'rtnetlink-ts';
import {
  addPairWithAddresses,
  openPrivateNetwork,
  type PrivateNetwork,
} from './private-network.ts';
import { until } from './until.ts';

let network: PrivateNetwork;
let a: number;
let b: number;
beforeAll(async () => {
  network = await openPrivateNetwork();
  ({ a, b } = addPairWithAddresses(network));
});
afterEach(async () => {
  const routes = await ours();
  network.netlink.batch(routes.map((route) => ({ action: 'delete', route }) as const));
});
afterAll(() => network?.close());

const to = (destination: string) => ({ destination: parsePrefix(destination), protocol: 80 });

async function ours(filter = {}): Promise<Route[]> {
  return network.netlink.routes({ protocol: 80, ...filter });
}

/** Each route, and what iproute2 must say of it. */
const ROUTES: [name: string, spec: () => RouteSpec, told: object][] = [
  [
    'by a gateway',
    () => ({ ...to('10.1.0.0/26'), gateway: parseAddress('10.0.0.2') }),
    { type: 'unicast', dst: '10.1.0.0/26', gateway: '10.0.0.2', dev: 'a', scope: 'global' },
  ],
  [
    'to a host on a link',
    () => ({ ...to('10.1.1.7/32'), oif: a }),
    { dst: '10.1.1.7', dev: 'a', scope: 'link' },
  ],
  [
    'default',
    () => ({ ...to('0.0.0.0/0'), gateway: parseAddress('10.0.0.2'), metric: 7 }),
    { dst: 'default', gateway: '10.0.0.2', metric: 7 },
  ],
  [
    'on-link gateway',
    () => ({ ...to('10.2.0.0/26'), gateway: parseAddress('172.16.0.9'), oif: a, onlink: true }),
    { gateway: '172.16.0.9', dev: 'a', flags: ['onlink'] },
  ],
  [
    'preferred source and metric',
    () => ({
      ...to('10.3.0.0/16'),
      gateway: parseAddress('10.0.0.2'),
      preferredSource: parseAddress('10.0.1.1'),
      metric: 4_000_000_000,
    }),
    { prefsrc: '10.0.1.1', metric: 4_000_000_000 },
  ],
  [
    'IPv4 by an IPv6 gateway (RTA_VIA)',
    () => ({ ...to('10.4.0.0/16'), gateway: parseAddress('fd00::2'), oif: a }),
    { via: { family: 'inet6', host: 'fd00::2' }, dev: 'a' },
  ],
  [
    'several next hops',
    () => ({
      ...to('10.5.0.0/16'),
      multipath: [
        { gateway: parseAddress('10.0.0.2'), oif: a, weight: 1 },
        { gateway: parseAddress('10.0.1.2'), oif: b, weight: 256 },
        { gateway: parseAddress('fd00::9'), oif: a, weight: 2 },
        { gateway: parseAddress('172.16.0.9'), oif: b, onlink: true, weight: 1 },
      ],
    }),
    {
      nexthops: [
        { gateway: '10.0.0.2', dev: 'a', weight: 1, flags: [] },
        { gateway: '10.0.1.2', dev: 'b', weight: 256, flags: [] },
        { via: { family: 'inet6', host: 'fd00::9' }, dev: 'a', weight: 2, flags: [] },
        { gateway: '172.16.0.9', dev: 'b', weight: 1, flags: ['onlink'] },
      ],
    },
  ],
  [
    'blackhole',
    () => ({ ...to('10.6.0.0/26'), type: 'blackhole' }),
    { type: 'blackhole', dst: '10.6.0.0/26' },
  ],
  ['unreachable', () => ({ ...to('10.7.0.0/26'), type: 'unreachable' }), { type: 'unreachable' }],
  ['prohibit', () => ({ ...to('10.8.0.0/26'), type: 'prohibit' }), { type: 'prohibit' }],
  [
    'local',
    () => ({ ...to('10.9.0.1/32'), type: 'local', oif: a, table: 255 }),
    { type: 'local', table: 'local', scope: 'host' },
  ],
  [
    'in a table beyond 255',
    () => ({ ...to('10.1.0.0/26'), gateway: parseAddress('10.0.0.2'), table: 70_000 }),
    { table: '70000', dst: '10.1.0.0/26' },
  ],
  [
    'IPv6 by a gateway',
    () => ({ ...to('fd10::/64'), gateway: parseAddress('fd00::2') }),
    { dst: 'fd10::/64', gateway: 'fd00::2', dev: 'a', metric: 1024 },
  ],
  [
    'IPv6 to a host on a link',
    () => ({ ...to('fd10:1::7/128'), oif: a, metric: 5 }),
    { dst: 'fd10:1::7', dev: 'a', metric: 5 },
  ],
  [
    'IPv6 default by a link-local gateway',
    () => ({ ...to('::/0'), gateway: parseAddress('fe80::1'), oif: a }),
    { dst: 'default', gateway: 'fe80::1', dev: 'a' },
  ],
  [
    'IPv6 several next hops',
    () => ({
      ...to('fd11::/64'),
      multipath: [
        { gateway: parseAddress('fd00::2'), oif: a },
        { gateway: parseAddress('fd00::3'), oif: a, weight: 2 },
      ],
    }),
    {
      nexthops: [
        { gateway: 'fd00::2', dev: 'a', weight: 1, flags: [] },
        { gateway: 'fd00::3', dev: 'a', weight: 2, flags: [] },
      ],
    },
  ],
  [
    'IPv6 blackhole',
    () => ({ ...to('fd12::/64'), type: 'blackhole' }),
    { type: 'blackhole', dst: 'fd12::/64' },
  ],
];

test.each(ROUTES)('%s: added, told, read back, deleted', async (_, spec, told) => {
  const route = spec();
  const family = route.destination.address.family;
  network.netlink.change({ action: 'add', route });
  const said = network.ip(`-${family}`, 'route', 'show', 'table', 'all', 'proto', '80');
  expect(said).toHaveLength(1);
  expect(said[0]).toMatchObject(told);
  const [read, ...others] = await ours();
  expect(others).toEqual([]);
  expect(read).toMatchObject({
    table: 254,
    type: 'unicast',
    ...route,
    ...(route.multipath && {
      multipath: route.multipath.map((hop) => expect.objectContaining(hop)),
    }),
  });
  // What was read is an operation's argument too.
  network.netlink.change({ action: 'delete', route: read! });
  expect(await ours()).toEqual([]);
});

test('replace changes, append adds, delete takes what matches', async () => {
  const { netlink } = network;
  const route = { ...to('10.20.0.0/16'), gateway: parseAddress('10.0.0.2') };
  netlink.change({ action: 'replace', route });
  netlink.change({ action: 'replace', route: { ...route, gateway: parseAddress('10.0.0.3') } });
  expect((await ours()).map(({ gateway }) => gateway)).toEqual([parseAddress('10.0.0.3')]);
  netlink.change({ action: 'append', route });
  expect((await ours()).map(({ gateway }) => gateway)).toEqual([
    parseAddress('10.0.0.3'),
    parseAddress('10.0.0.2'),
  ]);
  netlink.change({ action: 'delete', route });
  expect(await ours()).toHaveLength(1);
  // No protocol and no next hop: any.
  netlink.change({ action: 'delete', route: { destination: route.destination } });
  expect(await ours()).toHaveLength(0);
  const [error] = netlink.batch([{ action: 'delete', route }]);
  expect(error!.code).toBe('ESRCH');
});

test('IPv6: append makes a next hop of the same route', async () => {
  const { netlink } = network;
  const route = { ...to('fd20::/64'), gateway: parseAddress('fd00::2') };
  netlink.change({ action: 'add', route });
  netlink.change({ action: 'append', route: { ...route, gateway: parseAddress('fd00::3') } });
  const [read, ...others] = await ours();
  expect(others).toEqual([]);
  expect(read!.multipath!.map(({ gateway }) => gateway)).toEqual([
    parseAddress('fd00::2'),
    parseAddress('fd00::3'),
  ]);
  netlink.change({ action: 'delete', route: read! });
});

test('a dump is filtered by the kernel: table, protocol, type, interface, family', async () => {
  const { netlink } = network;
  const four = { ...to('10.30.0.0/24'), gateway: parseAddress('10.0.0.2') };
  const routes: RouteSpec[] = [
    four,
    { ...four, destination: parsePrefix('10.30.1.0/24'), protocol: 81 },
    { ...four, destination: parsePrefix('10.30.2.0/24'), table: 1000 },
    { ...to('10.30.3.0/24'), type: 'blackhole' },
    { ...to('10.30.4.0/24'), gateway: parseAddress('10.0.1.2') },
    { ...to('fd30::/64'), gateway: parseAddress('fd00::2') },
  ];
  netlink.change(...routes.map((route) => ({ action: 'add', route }) as const));
  const found = async (filter: object) =>
    (await netlink.routes(filter)).map(({ destination }) => formatPrefix(destination)).sort();
  expect(await found({ protocol: 81 })).toEqual(['10.30.1.0/24']);
  expect(await found({ table: 1000 })).toEqual(['10.30.2.0/24']);
  expect(await found({ protocol: 80, type: 'blackhole' })).toEqual(['10.30.3.0/24']);
  expect(await found({ protocol: 80, oif: b })).toEqual(['10.30.4.0/24']);
  expect(await found({ protocol: 80, family: 6 })).toEqual(['fd30::/64']);
  expect(await found({ protocol: 80, table: 254, family: 4 })).toEqual([
    '10.30.0.0/24',
    '10.30.3.0/24',
    '10.30.4.0/24',
  ]);
  expect(await found({ table: 424242 })).toEqual([]);
  netlink.change(...routes.map((route) => ({ action: 'delete', route }) as const));
});

test('every route of every table, as iproute2 counts them', async () => {
  const told = ['-4', '-6'].flatMap((family) =>
    network.ip(family, 'route', 'show', 'table', 'all'),
  );
  const routes = await network.netlink.routes();
  const text = (prefix: string) =>
    prefix.replace(/^(0\.0\.0\.0|::)\/0$/, 'default').replace(/\/(32|128)$/, '');
  expect(routes.map(({ destination }) => text(formatPrefix(destination))).sort()).toEqual(
    told.map(({ dst }) => text(dst)).sort(),
  );
});

test('a route whose link has no carrier says so', async () => {
  const { netlink } = network;
  netlink.change({ action: 'add', route: { ...to('10.40.0.0/24'), oif: a, metric: 3 } });
  netlink.change({ action: 'change', link: { index: b, up: false } });
  await until(
    async () => (await ours())[0]!.linkDown,
    () => 'not down yet',
  );
  netlink.change({ action: 'change', link: { index: b, up: true } });
  // The kernel looks at carriers now and then.
  await until(
    async () => !(await ours())[0]!.linkDown,
    () => 'still down',
  );
  netlink.change({ action: 'delete', route: to('10.40.0.0/24') });
});

test.each([
  [
    { ...to('10.50.0.0/26'), gateway: parseAddress('10.99.0.2') },
    'adding route 10.50.0.0/26 via 10.99.0.2: ENETUNREACH (Nexthop has invalid gateway)',
  ],
  [
    { ...to('10.50.0.0/26'), gateway: parseAddress('10.0.0.2'), oif: 999, table: 77 },
    'adding route 10.50.0.0/26 via 10.0.0.2 by link 999 in table 77: ENETUNREACH (Nexthop has invalid gateway)',
  ],
  [
    { ...to('fd50::/64'), gateway: parseAddress('fd99::1') },
    'adding route fd50::/64 via fd99::1: EHOSTUNREACH',
  ],
  [
    { ...to('fd50::/64'), gateway: parseAddress('fe80::1') },
    'adding route fd50::/64 via fe80::1: EINVAL (Egress device not specified)',
  ],
  [
    { destination: { address: parseAddress('10.50.0.1'), length: 24 }, oif: 1 },
    'adding route 10.50.0.1/24 by link 1: EINVAL (Invalid prefix for given prefix length)',
  ],
])('the kernel’s refusal in words: %#', (route, message) => {
  expect(network.netlink.batch([{ action: 'add', route }])[0]!.message).toBe(message);
});
