/** Notifications, also when the kernel drops some. Needs root: makes a namespace of its own. */
import { formatAddress, parseAddress, parsePrefix } from 'net-ipaddr';
import { type Monitor, type NetlinkEvent, openNetlink, type Rtnetlink } from 'rtnetlink-ts';
import { addPair, openPrivateNetwork, type PrivateNetwork } from './private-network.ts';
import { until } from './until.ts';

const MAIN = 254;

let network: PrivateNetwork;
let a: number;
let monitor: Monitor | undefined;
const events: NetlinkEvent[] = [];
let resyncs = 0;
beforeAll(async () => {
  network = await openPrivateNetwork();
  ({ a } = addPair(network));
});
beforeEach(() => {
  events.length = 0;
  resyncs = 0;
});
afterEach(() => monitor?.close());
afterAll(() => network?.close());

function watch(groups: Parameters<typeof network.netlink.monitor>[0], receiveBufferBytes?: number) {
  monitor = network.netlink.monitor(
    groups,
    (event) => {
      // Routes of the table `local` are the kernel's own: they come when carrier does.
      if (event.kind !== 'route' || event.route.table === MAIN) events.push(event);
    },
    () => resyncs++,
    receiveBufferBytes === undefined ? {} : { receiveBufferBytes },
  );
}

const seenSoFar = () => `seen: ${events.length} events, ${resyncs} resyncs`;

test('links come, change and go; what a bridge says of its ports is not about the interface', async () => {
  watch(['link']);
  const { netlink } = network;
  netlink.change({ action: 'add', link: { name: 'br0', kind: { kind: 'bridge' }, up: true } });
  const master = netlink.link('br0')!.index;
  netlink.change({ action: 'change', link: { index: a, master } });
  netlink.change({ action: 'change', link: { index: a, master: 0 } });
  netlink.change({ action: 'delete', link: { name: 'br0' } });
  await until(() => events.some((event) => event.gone), seenSoFar);
  const gone = events.filter((event) => event.gone);
  expect(gone).toEqual([
    expect.objectContaining({ kind: 'link', link: expect.objectContaining({ name: 'br0' }) }),
  ]);
  const masters = events.flatMap((e) =>
    e.kind === 'link' && e.link.index === a ? [e.link.master] : [],
  );
  expect(masters).toContain(master);
  expect(masters.at(-1)).toBeUndefined();
});

test('addresses, neighbours, forwarding entries and rules', async () => {
  watch(['address', 'neighbour', 'rule']);
  const { netlink } = network;
  const address = { link: a, address: parseAddress('10.0.0.1'), length: 24 };
  const neighbour = { link: a, address: parseAddress('10.0.0.2'), mac: '02:00:00:00:00:02' };
  const rule = { family: 6, priority: 50, from: parsePrefix('fd00::/64'), table: 50 } as const;
  netlink.change(
    { action: 'add', address },
    { action: 'add', neighbour },
    { action: 'add', rule },
    { action: 'add', link: { name: 'vx', kind: { kind: 'vxlan', id: 5 } } },
  );
  const fdb = {
    link: netlink.link('vx')!.index,
    mac: '66:00:00:00:00:01',
    destination: parseAddress('10.0.0.9'),
  };
  netlink.change(
    { action: 'add', fdb },
    { action: 'delete', fdb },
    { action: 'delete', link: { name: 'vx' } },
    { action: 'delete', rule },
    { action: 'delete', neighbour },
    { action: 'delete', address },
  );
  const seen = (kind: string, gone: boolean) =>
    events.find((event) => event.kind === kind && event.gone === gone);
  await until(() => seen('address', true) !== undefined, seenSoFar);
  for (const gone of [false, true]) {
    expect(seen('address', gone)).toMatchObject({ address });
    expect(seen('rule', gone)).toMatchObject({ rule });
    expect(seen('fdb', gone)).toMatchObject({ fdb });
    expect(seen('neighbour', gone)).toMatchObject({ neighbour: { link: a } });
  }
});

test('routes of others are told, our own are not', async () => {
  watch(['route']);
  const other = openNetlink({ netns: network.path });
  const route = (text: string) => ({ destination: parsePrefix(text), oif: a, protocol: 80 });
  network.netlink.change({ action: 'add', route: route('10.1.0.0/16') });
  await network.netlink.batchOffLoop([{ action: 'add', route: route('10.2.0.0/16') }]);
  other.change({ action: 'add', route: route('10.3.0.0/16') });
  network.run('ip', 'route', 'del', '10.1.0.0/16');
  network.netlink.change({ action: 'delete', route: route('10.2.0.0/16') });
  network.netlink.change({ action: 'delete', route: route('10.3.0.0/16') });
  other.change({ action: 'add', route: route('fd01::/64') });
  await until(() => events.length >= 3, seenSoFar);
  expect(
    events.map((event) =>
      event.kind === 'route'
        ? [event.gone, formatAddress(event.route.destination.address)]
        : event.kind,
    ),
  ).toEqual([
    [false, '10.3.0.0'],
    [true, '10.1.0.0'],
    [false, 'fd01::'],
  ]);
  other.close();
});

describe('when the kernel drops notifications (ENOBUFS)', () => {
  const flood = (action: 'add' | 'delete') => {
    const other = openNetlink({ netns: network.path });
    floodBy(other, action);
    other.close();
  };
  const floodBy = (netlink: Rtnetlink, action: 'add' | 'delete') => {
    const results = netlink.batch(
      Array.from({ length: 2000 }, (_, i) => ({
        action,
        route: { destination: parsePrefix(`11.${i >> 8}.${i & 255}.0/24`), oif: a, protocol: 81 },
      })),
    );
    expect(results.filter(Boolean)).toHaveLength(0);
  };

  test('it says so once, after which only newer events come, and lives on', async () => {
    watch(['route'], 4096);
    flood('add');
    await until(() => resyncs > 0, seenSoFar);
    expect(resyncs).toBe(1);
    expect(events.length).toBeLessThan(100);
    events.length = 0;
    const other = openNetlink({ netns: network.path });
    const route = { destination: parsePrefix('12.0.0.0/24'), oif: a };
    other.change({ action: 'add', route }, { action: 'delete', route });
    other.close();
    await until(() => events.length === 2, seenSoFar);
    expect(events.map(({ gone }) => gone)).toEqual([false, true]);
    flood('delete');
    await until(() => resyncs > 1, seenSoFar);
    expect(resyncs).toBe(2);
  });

  test('our own take no room', async () => {
    watch(['route'], 4096);
    floodBy(network.netlink, 'add');
    floodBy(network.netlink, 'delete');
    const other = openNetlink({ netns: network.path });
    other.change({ action: 'add', route: { destination: parsePrefix('12.0.0.0/24'), oif: a } });
    other.close();
    await until(() => events.length > 0, seenSoFar);
    expect([events.length, resyncs]).toEqual([1, 0]);
    network.run('ip', 'route', 'del', '12.0.0.0/24');
  });

  test('with the default buffer two thousand come without loss', async () => {
    watch(['route']);
    flood('add');
    await until(() => events.length === 2000, seenSoFar);
    flood('delete');
    await until(() => events.length === 4000, seenSoFar);
    expect(resyncs).toBe(0);
  });
});

test('closed by its own callback, it calls no more', async () => {
  let calls = 0;
  const own = network.netlink.monitor(
    ['route'],
    () => {
      calls++;
      own.close();
    },
    () => {},
  );
  const other = openNetlink({ netns: network.path });
  const route = { destination: parsePrefix('12.0.0.0/24'), oif: a };
  other.change({ action: 'add', route }, { action: 'delete', route });
  other.close();
  await until(() => calls > 0, seenSoFar);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(calls).toBe(1);
});

test('a callback may ask the kernel meanwhile', async () => {
  const seen: (string | undefined)[] = [];
  monitor = network.netlink.monitor(
    ['link'],
    (event) => {
      if (event.kind === 'link') seen.push(network.netlink.link(event.link.index)?.name);
    },
    () => {},
  );
  network.netlink.change({ action: 'change', link: { index: a, mtu: 1400 } });
  await until(() => seen.length > 0, seenSoFar);
  expect(seen[0]).toBe('a');
});
