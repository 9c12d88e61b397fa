/** Next hop objects, against the kernel and iproute2. Needs root: makes a namespace of its own. */
import { type Address, formatPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import type { LentRoute, NetlinkEvent, NextHopObject, Route, RouteSpec } from 'rtnetlink-ts';
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
  const all = await network.netlink.nextHops();
  network.netlink.batch(all.map((nextHop) => ({ action: 'delete', nextHop }) as const));
});
afterAll(() => network?.close());

const ip = (text: string): Address => parseAddress(text);
const by = (id: number, prefix = '10.9.0.0/24') => ({
  destination: parsePrefix(prefix),
  protocol: 80,
  metric: 7,
  nextHopId: id,
});

function add(...nextHops: NextHopObject[]): void {
  network.netlink.change(...nextHops.map((nextHop) => ({ action: 'add', nextHop }) as const));
}

/** The routes to a prefix, and by what, in iproute2's words. */
function shown(prefix: string): unknown[] {
  const family = prefix.includes(':') ? '-6' : '-4';
  return network.ip(family, 'route', 'show', prefix).map((route) => ({
    id: route.nhid,
    gateways: (route.nexthops ?? [route]).map(
      (hop: { gateway?: string; via?: { host: string } }) => hop.gateway ?? hop.via?.host,
    ),
  }));
}

test.each<[string, () => NextHopObject, object]>([
  [
    'by a gateway',
    () => ({ id: 1, protocol: 80, gateway: ip('10.0.0.2'), oif: a }),
    { id: 1, gateway: '10.0.0.2', dev: 'a', protocol: '80' },
  ],
  [
    'by a gateway of IPv6 that no address is on the link of',
    () => ({ id: 4_294_967_295, protocol: 80, gateway: ip('fd99::2'), oif: b, onlink: true }),
    { id: 4_294_967_295, gateway: 'fd99::2', dev: 'b', flags: ['onlink'] },
  ],
  ['by a link', () => ({ id: 2, protocol: 80, oif: a, family: 6 }), { id: 2, dev: 'a' }],
  ['blackhole', () => ({ id: 3, protocol: 80, blackhole: true }), { id: 3, blackhole: null }],
])('%s: iproute2 and a dump tell what was added', async (_, spec, told) => {
  add(spec());
  expect(network.ip('nexthop', 'show')).toMatchObject([told]);
  const [read] = await network.netlink.nextHops();
  expect(read).toMatchObject(spec());
  expect(network.netlink.batch([{ action: 'add', nextHop: spec() }])[0]!.code).toBe('EEXIST');
});

test('a group and its weights', async () => {
  add(
    { id: 1, gateway: ip('10.0.0.2'), oif: a },
    { id: 2, gateway: ip('10.0.1.2'), oif: b },
    { id: 10, protocol: 80, group: [{ id: 1 }, { id: 2, weight: 256 }] },
  );
  const [, , group] = network.ip('nexthop', 'show');
  expect(group).toMatchObject({ id: 10, protocol: '80' });
  expect(group.group).toEqual([{ id: 1 }, { id: 2, weight: 256 }]);
  const read = (await network.netlink.nextHops()).find(({ id }) => id === 10)!;
  expect(read.group).toEqual([
    { id: 1, weight: 1 },
    { id: 2, weight: 256 },
  ]);
});

test.each([
  ['10.9.0.0/24', '10.0.0.2', '10.0.0.3'],
  ['10.9.0.0/24', 'fd00::2', 'fd00::3'],
  ['fd09::/64', 'fd00::2', 'fd00::3'],
])('a route to %s goes where its object does: from %s to %s in one message', async (...row) => {
  const [prefix, one, two] = row;
  const { netlink } = network;
  add(
    { id: 1, gateway: ip(one), oif: a },
    { id: 2, gateway: ip(two), oif: a },
    { id: 10, group: [{ id: 1 }] },
  );
  netlink.change({ action: 'add', route: by(10, prefix) });
  expect(shown(prefix)).toEqual([{ id: 10, gateways: [one] }]);
  netlink.change({ action: 'replace', nextHop: { id: 10, group: [{ id: 1 }, { id: 2 }] } });
  expect(shown(prefix)).toEqual([{ id: 10, gateways: [one, two] }]);
  // A member that goes leaves its groups.
  netlink.change({ action: 'delete', nextHop: { id: 1 } });
  expect(shown(prefix)).toEqual([{ id: 10, gateways: [two] }]);

  const [route] = await netlink.routes({ protocol: 80 });
  expect(route).toMatchObject(by(10, prefix));
  netlink.change({ action: 'delete', route: route! });
  expect(shown(prefix)).toEqual([]);
});

test.each([
  ['10.9.0.0/24', '10.0.0.2'],
  ['fd09::/64', 'fd00::2'],
])('a route to %s by %s is replaced by one by an object, and back', (prefix, gateway) => {
  const { netlink } = network;
  add({ id: 1, gateway: ip(gateway), oif: a }, { id: 10, group: [{ id: 1 }] });
  const { nextHopId: _, ...route } = { ...by(10, prefix), gateway: ip(gateway) };
  netlink.change({ action: 'add', route });
  netlink.change({ action: 'replace', route: by(10, prefix) });
  expect(shown(prefix)).toEqual([{ id: 10, gateways: [gateway] }]);
  netlink.change({ action: 'replace', route });
  expect(shown(prefix)).toEqual([{ id: undefined, gateways: [gateway] }]);
  netlink.change({ action: 'delete', route });
});

test('with the last member go the group and its routes, and with the link all by it', async () => {
  const { netlink } = network;
  add(
    { id: 1, gateway: ip('10.0.0.2'), oif: a },
    { id: 2, gateway: ip('10.0.1.2'), oif: b },
    { id: 10, group: [{ id: 1 }] },
    { id: 11, group: [{ id: 2 }] },
  );
  netlink.change(
    { action: 'add', route: by(10) },
    { action: 'add', route: by(11, '10.8.0.0/24') },
    { action: 'delete', nextHop: { id: 1 } },
  );
  expect((await netlink.nextHops()).map(({ id }) => id)).toEqual([2, 11]);
  expect((await netlink.routes({ protocol: 80 })).map(({ nextHopId }) => nextHopId)).toEqual([11]);
  netlink.change({ action: 'change', link: { index: b, up: false } });
  expect(await netlink.nextHops()).toEqual([]);
  expect(await netlink.routes({ protocol: 80 })).toEqual([]);
  netlink.change({ action: 'change', link: { index: b, up: true } });
});

test('what the kernel refuses is told in its words', () => {
  const { netlink } = network;
  const errors = netlink.batch([
    { action: 'add', nextHop: { id: 1, gateway: ip('10.0.0.2') } },
    { action: 'add', nextHop: { id: 10, group: [{ id: 1 }, { id: 2 }] } },
    { action: 'delete', nextHop: { id: 1 } },
    { action: 'add', route: by(10) },
  ]);
  expect(errors.map((error) => error!.message)).toEqual([
    expect.stringMatching(/^adding next hop 1 via 10\.0\.0\.2: EINVAL \(Device attribute/),
    expect.stringMatching(/^adding next hop 10, group 1\/2: EINVAL \(Invalid nexthop id\)/),
    expect.stringMatching(/^deleting next hop 1: ENOENT/),
    expect.stringMatching(/^adding route 10\.9\.0\.0\/24 by next hop 10: EINVAL/),
  ]);
});

test('a monitor tells what others do to them, and not what we do', async () => {
  const { netlink } = network;
  const events: NetlinkEvent[] = [];
  const monitor = netlink.monitor(
    ['nextHop'],
    (event) => events.push(event),
    () => {},
  );
  add({ id: 1, gateway: ip('10.0.0.2'), oif: a });
  network.run('ip', 'nexthop', 'add', 'id', '10', 'group', '1', 'proto', '80');
  network.run('ip', 'nexthop', 'del', 'id', '1');
  await until(
    () => events.length === 3,
    () => JSON.stringify(events),
  );
  monitor.close();
  expect(events).toMatchObject([
    { kind: 'nextHop', gone: false, nextHop: { id: 10, protocol: 80, group: [{ id: 1 }] } },
    { kind: 'nextHop', gone: true, nextHop: { id: 1, gateway: ip('10.0.0.2') } },
    { kind: 'nextHop', gone: true, nextHop: { id: 10 } },
  ]);
});

test.each<[family: 4 | 6, lent: string[], rest: string[]]>([
  [
    4,
    ['0.0.0.0/0 by 7, protocol 80, metric 7', '10.9.0.0/24 by 8, protocol 80, metric 7'],
    // By no object, with a preferred source, or to nowhere.
    ['10.9.1.0/24', '10.9.2.0/24', '10.9.3.0/24'],
  ],
  [6, ['fd09::/64 by 9, protocol 80, metric 7'], ['fd09:1::/64']],
])(
  'IPv%s: eachRoute asks first whether a route by an object is known, and passes over it',
  async (family, lent, rest) => {
    const gateway = ip('10.0.0.2');
    add({ id: 7, gateway, oif: a }, { id: 8, group: [{ id: 7 }] }, { id: 10, blackhole: true });
    add({ id: 9, gateway: ip('fd00::2'), oif: a });
    const preferredSource = ip('10.0.0.1');
    const specs = [
      by(7, '0.0.0.0/0'),
      by(8),
      { ...by(0, '10.9.1.0/24'), nextHopId: undefined, gateway },
      { ...by(7, '10.9.2.0/24'), preferredSource },
      { ...by(0, '10.9.3.0/24'), nextHopId: undefined, type: 'blackhole' },
      by(9, 'fd09::/64'),
      { ...by(0, 'fd09:1::/64'), nextHopId: undefined, oif: a },
    ].map(({ nextHopId, ...spec }) => ({ ...spec, ...(nextHopId && { nextHopId }) }) as RouteSpec);
    network.netlink.change(...specs.map((route) => ({ action: 'add', route }) as const));
    const read = async (isKnown: (route: LentRoute) => boolean) => {
      let visited: string[] = [];
      const begin = () => {
        visited = [];
        return ({ destination, protocol }: Route) => {
          if (protocol === 80) visited.push(formatPrefix(destination));
        };
      };
      await network.netlink.eachRoute({ family, table: 254 }, begin, isKnown);
      return visited.sort();
    };
    const asked: string[] = [];
    const visited = await read(({ destination, metric, nextHopId, protocol, type }) => {
      expect(type).toBe('unicast');
      const prefix = formatPrefix(destination);
      asked.push(`${prefix} by ${nextHopId}, protocol ${protocol}, metric ${metric}`);
      return true;
    });
    expect(asked.sort()).toEqual(lent);
    expect(visited).toEqual(rest);
    const prefixes = lent.map((text) => text.split(' ')[0]);
    expect(await read(() => false)).toEqual([...prefixes, ...rest].sort());
    network.netlink.change(...specs.map((route) => ({ action: 'delete', route }) as const));
  },
);
