/** What felix relies on, held against the real kernel and the fake alike. Needs root. */

import { formatAddress, formatPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import type { NetlinkEvent, RouteSpec } from 'rtnetlink-ts';
import { type Kernel, type Netlink, openKernel } from '../../felix/kernel.ts';
import { FakeKernel } from './fake-kernel.ts';
import { eventually, TestNamespace } from './namespace.ts';

interface Bench {
  kernel: Kernel;
  /** Another program's. */
  stranger: Netlink;
  pod: string;
  end(): void;
}

async function realBench(): Promise<Bench> {
  const [host, pod] = [await TestNamespace.make(), await TestNamespace.make()];
  const kernel = openKernel(host.path);
  const stranger = openKernel(host.path).host;
  return {
    kernel,
    stranger,
    pod: pod.path,
    end() {
      kernel.host.close();
      stranger.close();
      host.end();
      pod.end();
    },
  };
}

async function fakeBench(): Promise<Bench> {
  const kernel = new FakeKernel();
  return { kernel, stranger: kernel.stranger(), pod: kernel.addPod('pod'), end() {} };
}

function route(text: string): RouteSpec {
  const [, prefix, gateway, protocol, metric] =
    /^(\S+)(?: via (\S+))?(?: proto (\d+))?(?: metric (\d+))?$/.exec(text)!;
  return {
    destination: parsePrefix(prefix!),
    ...(gateway ? { gateway: parseAddress(gateway) } : { type: 'blackhole' }),
    protocol: Number(protocol ?? 80),
    metric: Number(metric ?? 1024),
  };
}

describe.each([
  ['the real kernel', realBench],
  ['the fake', fakeBench],
])('%s', (_, open) => {
  let bench: Bench;
  let kernel: Kernel;
  let stranger: Netlink;
  let events: string[];

  beforeEach(async () => {
    bench = await open();
    ({ kernel, stranger } = bench);
    events = [];
  });

  afterEach(() => bench.end());

  function listen(): void {
    kernel.host.monitor(
      ['link', 'address', 'route'],
      (event) => events.push(show(event)),
      () => {},
    );
  }

  /** An interface up, with its peer in the pod's namespace up too, and an address in either family. */
  function connect(): number {
    const peer = { name: 'peer', namespace: bench.pod };
    kernel.host.change({ action: 'add', link: { name: 'up0', kind: { kind: 'veth', peer } } });
    const pod = kernel.enter(bench.pod);
    pod.change({ action: 'change', link: { name: 'peer', up: true } });
    pod.close();
    const { index } = kernel.host.link('up0')!;
    kernel.host.change(
      { action: 'change', link: { index, up: true } },
      { action: 'add', address: { link: index, address: parseAddress('192.0.2.1'), length: 24 } },
      {
        action: 'add',
        address: { link: index, address: parseAddress('2001:db8::1'), length: 64, noDad: true },
      },
    );
    return index;
  }

  async function routes(): Promise<string[]> {
    const all = await kernel.host.routes({ table: 254 });
    return all.filter(({ protocol }) => protocol !== 2).map(showRoute);
  }

  test('a veth is made with its other end in a pod, and goes as a whole', async () => {
    const peer = { name: 'eth0', namespace: bench.pod, mtu: 1400 };
    const link = { name: 'cali1', mtu: 1400, mac: 'ee:ee:ee:ee:ee:ee' };
    kernel.host.change({ action: 'add', link: { ...link, kind: { kind: 'veth', peer } } });
    const host = kernel.host.link('cali1')!;
    expect(host).toMatchObject({ ...link, kind: 'veth', up: false });
    const pod = kernel.enter(bench.pod);
    const other = pod.link('eth0')!;
    expect(other).toMatchObject({ mtu: 1400, up: false, peerIndex: host.index });
    expect(host.peerIndex).toBe(other.index);

    // Either name may be the one that is taken.
    for (const [name, inPod] of [
      ['cali1', 'eth1'],
      ['cali2', 'eth0'],
    ] as const) {
      const kind = { kind: 'veth', peer: { name: inPod, namespace: bench.pod } } as const;
      const [error] = kernel.host.batch([{ action: 'add', link: { name, kind } }]);
      expect(error?.code).toBe('EEXIST');
    }

    await kernel.host.deleteLinks([host.index, 'cali9']);
    expect(kernel.host.link('cali1')).toBeUndefined();
    await eventually(() => pod.link('eth0') === undefined);
    pod.close();
  });

  test('a route is added once, replaced in place, deleted by whose it is', async () => {
    connect();
    for (const [prefix, one, two] of [
      ['10.1.0.0/26', '192.0.2.2', '192.0.2.3'],
      ['fd01::/64', '2001:db8::2', '2001:db8::3'],
    ]) {
      const codes = kernel.host
        .batch([
          { action: 'add', route: route(`${prefix} via ${one}`) },
          { action: 'add', route: route(`${prefix} via ${two} proto 4`) },
          { action: 'replace', route: route(`${prefix} via ${two}`) },
          { action: 'delete', route: route(`${prefix} via ${one}`) },
          { action: 'delete', route: route(`${prefix} via ${two} proto 4`) },
        ])
        .map((error) => error?.code);
      expect(codes).toEqual([undefined, 'EEXIST', undefined, 'ESRCH', 'ESRCH']);
      expect(await routes()).toEqual([`${prefix} via ${two} proto 80 metric 1024`]);
      kernel.host.change({ action: 'replace', route: route(`${prefix}`) });
      expect(await routes()).toEqual([`blackhole ${prefix} proto 80 metric 1024`]);
      kernel.host.change({ action: 'delete', route: route(`${prefix}`) });
      expect(await routes()).toEqual([]);
    }
  });

  test('a replacement takes the place of a stranger’s route', async () => {
    connect();
    stranger.change({ action: 'add', route: route('10.1.0.0/26 via 192.0.2.9 proto 4') });
    kernel.host.change({ action: 'replace', route: route('10.1.0.0/26 via 192.0.2.2') });
    expect(await routes()).toEqual(['10.1.0.0/26 via 192.0.2.2 proto 80 metric 1024']);
  });

  test('of another metric is another route; IPv6 metric 0 reads back as 1024', async () => {
    connect();
    kernel.host.change(
      { action: 'add', route: route('10.1.0.0/26 via 192.0.2.2 metric 0') },
      { action: 'add', route: route('10.1.0.0/26 via 192.0.2.2') },
      { action: 'add', route: route('fd01::/64 via 2001:db8::2 metric 0') },
    );
    expect(await routes()).toEqual([
      '10.1.0.0/26 via 192.0.2.2 proto 80 metric 0',
      '10.1.0.0/26 via 192.0.2.2 proto 80 metric 1024',
      'fd01::/64 via 2001:db8::2 proto 80 metric 1024',
    ]);
  });

  test('several next hops are one route', async () => {
    connect();
    for (const [prefix, ...hops] of [
      ['10.1.0.0/26', '192.0.2.2', '192.0.2.3'],
      ['fd01::/64', '2001:db8::2', '2001:db8::3'],
    ]) {
      const multipath = hops.map((hop) => ({ gateway: parseAddress(hop) }));
      const { type: _, ...spec } = route(prefix!);
      kernel.host.change({ action: 'add', route: { ...spec, multipath } });
      kernel.host.change({ action: 'replace', route: { ...spec, multipath } });
      expect(await routes()).toEqual([
        `${prefix} via ${hops[0]} via ${hops[1]} proto 80 metric 1024`,
      ]);
      const [read] = await kernel.host.routes({ table: 254, protocol: 80 });
      kernel.host.change({ action: 'delete', route: read! });
      expect(await routes()).toEqual([]);
    }
  });

  test('a gateway out of reach is refused', () => {
    connect();
    const codes = kernel.host
      .batch([
        { action: 'add', route: route('10.1.0.0/26 via 198.51.100.1') },
        { action: 'add', route: route('fd01::/64 via fd99::1') },
      ])
      .map((error) => error?.code);
    expect(codes).toEqual(['ENETUNREACH', 'EHOSTUNREACH']);
  });

  test('with an interface that goes down go its routes: IPv4’s in silence', async () => {
    const index = connect();
    kernel.host.change(
      { action: 'add', route: route('10.1.0.0/26 via 192.0.2.2') },
      { action: 'add', route: route('fd01::/64 via 2001:db8::2') },
    );
    listen();
    stranger.change({ action: 'change', link: { index, up: false } });
    expect(await routes()).toEqual([]);
    await eventually(() => events.includes('gone fd01::/64 via 2001:db8::2'));
    expect(events.filter((event) => event.includes('10.1.0.0/26'))).toEqual([]);
    expect(events).toContain('up0 is down');

    stranger.change({ action: 'change', link: { index, up: true } });
    expect(await routes()).toEqual([]);
    // IPv4 addresses stayed, and their connected routes come back; IPv6's went for good.
    const connected = (await kernel.host.routes({ table: 254, family: 4 })).map(showRoute);
    expect(connected).toEqual(['192.0.2.0/24 proto 2 metric 0']);
    await eventually(() => events.includes('up0 is up'));
    await eventually(async () => {
      const addresses = await kernel.host.addresses({ family: 6, link: index });
      return addresses.map(({ scope }) => scope).join() === 'link';
    });
  });

  test('others’ routes are told of, our own are not; links and addresses are, whoever’s', async () => {
    const index = connect();
    listen();
    kernel.host.change({ action: 'add', route: route('10.1.0.0/26 via 192.0.2.2') });
    stranger.change({ action: 'add', route: route('10.2.0.0/26 via 192.0.2.2 proto 4') });
    stranger.change({ action: 'delete', route: route('10.1.0.0/26 via 192.0.2.2') });
    kernel.host.change({
      action: 'add',
      address: { link: index, address: parseAddress('198.51.100.1'), length: 24 },
    });
    kernel.host.change({ action: 'change', link: { index, mtu: 1400 } });
    await eventually(() => events.includes('up0 is up'));
    // The real one tells of an address a second time, and of the local table.
    const news = events.filter((event) => !/another table|2001:db8::1|fe80/.test(event));
    expect(news).toEqual([
      'new 10.2.0.0/26 via 192.0.2.2',
      'gone 10.1.0.0/26 via 192.0.2.2',
      'address 198.51.100.1',
      'new 198.51.100.0/24',
      'up0 is up',
    ]);
  });

  test('a dump tells all routes of a family, and can be asked for an interface’s', async () => {
    const index = connect();
    kernel.host.change({ action: 'add', route: route('10.1.0.0/26 via 192.0.2.2') });
    kernel.host.change({ action: 'add', route: route('10.2.0.0/26') });
    let seen: string[] = [];
    await kernel.host.eachRoute({ family: 4, table: 254 }, () => {
      seen = [];
      return (one) => seen.push(formatPrefix(one.destination));
    });
    expect(seen.sort()).toEqual(['10.1.0.0/26', '10.2.0.0/26', '192.0.2.0/24']);
    const via = await kernel.host.routes({ table: 254, family: 4, oif: index });
    expect(via.map(({ destination }) => formatPrefix(destination)).sort()).toEqual([
      '10.1.0.0/26',
      '192.0.2.0/24',
    ]);
  });

  test('sysctls of the host and of a pod are apart', () => {
    connect();
    const key = 'net/ipv4/conf/up0/proxy_arp';
    kernel.sysctls.write({ [key]: 1 });
    expect(kernel.sysctls.read(key)).toBe('1');
    expect(kernel.sysctls.read(key, bench.pod)).toBeUndefined();
    kernel.sysctls.write({ 'net/ipv4/conf/peer/proxy_arp': 1 }, bench.pod);
    expect(kernel.sysctls.read('net/ipv4/conf/peer/proxy_arp', bench.pod)).toBe('1');
    expect(() => kernel.sysctls.write({ 'net/ipv4/conf/none/proxy_arp': 1 })).toThrow(/ENOENT/);
  });

  test('a namespace that is not there cannot be entered', () => {
    expect(() => kernel.enter('/proc/0/ns/net')).toThrow(/ENOENT/);
  });
});

function show(event: NetlinkEvent): string {
  if (event.kind === 'link') return `${event.link.name} is ${event.link.up ? 'up' : 'down'}`;
  if (event.kind === 'address')
    return `${event.gone ? 'gone ' : ''}address ${formatAddress(event.address.address)}`;
  if (event.kind !== 'route' || event.route.table !== 254) return `${event.kind} of another table`;
  const [text] = showRoute(event.route).split(' proto');
  return `${event.gone ? 'gone' : 'new'} ${text}`;
}

function showRoute(one: RouteSpec): string {
  const type = one.type === 'blackhole' ? 'blackhole ' : '';
  const via = (one.multipath ?? [one])
    .map(({ gateway }) => (gateway ? ` via ${formatAddress(gateway)}` : ''))
    .join('');
  return `${type}${formatPrefix(one.destination)}${via} proto ${one.protocol} metric ${one.metric}`;
}
