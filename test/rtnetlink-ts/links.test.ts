/** Interfaces, against the kernel and iproute2's opinion. Needs root: makes namespaces of its own. */
import { setImmediate } from 'node:timers/promises';
import { parseAddress } from 'net-ipaddr';
import type { Link, Operation } from 'rtnetlink-ts';
import { OffLoop } from '../../packages/rtnetlink-ts/off-loop.ts';
import { openPrivateNetwork, type PrivateNetwork } from './private-network.ts';
import { until } from './until.ts';

let network: PrivateNetwork;
let other: PrivateNetwork;
beforeAll(async () => {
  [network, other] = await Promise.all([openPrivateNetwork(), openPrivateNetwork()]);
});
afterAll(() => {
  network?.close();
  other?.close();
});

describe('veth', () => {
  test('both ends beside one another, with what they were given', () => {
    network.netlink.change({
      action: 'add',
      link: {
        name: 'left',
        mac: '02:00:00:00:00:0a',
        mtu: 1400,
        txQueueLength: 77,
        group: 5,
        up: true,
        kind: {
          kind: 'veth',
          peer: { name: 'right', mac: '02:00:00:00:00:0b', mtu: 1410 },
        },
      },
    });
    const [told] = network.ip('link', 'show', 'left');
    expect(told).toMatchObject({
      address: '02:00:00:00:00:0a',
      mtu: 1400,
      txqlen: 77,
      group: '5',
      linkinfo: { info_kind: 'veth' },
    });
    expect(network.ip('link', 'show', 'right')[0]).toMatchObject({
      address: '02:00:00:00:00:0b',
      mtu: 1410,
    });
    const left = network.netlink.link('left')!;
    const right = network.netlink.link('right')!;
    expect(left).toMatchObject({ kind: 'veth', up: true, hasCarrier: false, group: 5 });
    expect(left.peerIndex).toBe(right.index);
    expect(left.peerNamespaceId).toBeUndefined();
    network.netlink.change({ action: 'delete', link: { name: 'right' } });
    expect(network.netlink.link('left')).toBeUndefined();
  });

  test('the peer in another namespace, by path', async () => {
    network.netlink.change({
      action: 'add',
      link: {
        name: 'cali1',
        kind: { kind: 'veth', peer: { name: 'eth0', namespace: other.path } },
      },
    });
    const host = network.netlink.link('cali1')!;
    const pod = other.netlink.link('eth0')!;
    expect(host.peerIndex).toBe(pod.index);
    expect(pod.peerIndex).toBe(host.index);
    expect(host.peerNamespaceId).toBeGreaterThanOrEqual(0);
    expect(network.netlink.link('eth0')).toBeUndefined();
    other.netlink.change({ action: 'change', link: { name: 'eth0', up: true } });
    network.netlink.change({ action: 'change', link: { name: 'cali1', up: true } });
    await until(
      () => network.netlink.link('cali1')!.operState === 'up',
      () => JSON.stringify(network.netlink.link('cali1')),
    );
    expect(network.netlink.link('cali1')).toMatchObject({ hasCarrier: true });
    other.netlink.change({ action: 'delete', link: { name: 'eth0' } });
    expect(network.netlink.link('cali1')).toBeUndefined();
  });

  test('a second one of a name is EEXIST, in the words of the caller', () => {
    const add = {
      action: 'add',
      link: { name: 'twice', kind: { kind: 'veth', peer: { name: 'twice-peer' } } },
    } as const;
    network.netlink.change(add);
    expect(() => network.netlink.change(add)).toThrow(
      expect.objectContaining({ code: 'EEXIST', attempt: 'adding veth link twice' }),
    );
    network.netlink.change({ action: 'delete', link: { name: 'twice' } });
  });
});

test('bridge: ports come and go', async () => {
  const { netlink } = network;
  netlink.change(
    { action: 'add', link: { name: 'br0', kind: { kind: 'bridge' }, up: true } },
    { action: 'add', link: { name: 'p0', kind: { kind: 'veth', peer: { name: 'p1' } } } },
  );
  const bridge = netlink.link('br0')!;
  netlink.change({ action: 'change', link: { name: 'p0', master: bridge.index } });
  expect(network.ip('link', 'show', 'p0')[0].master).toBe('br0');
  expect((await netlink.links({ master: bridge.index })).map(({ name }) => name)).toEqual(['p0']);
  expect((await netlink.links({ kind: 'bridge' })).map(({ name }) => name)).toEqual(['br0']);
  netlink.change({ action: 'change', link: { name: 'p0', master: 0 } });
  expect(netlink.link('p0')!.master).toBeUndefined();
  netlink.change(
    { action: 'delete', link: { name: 'p0' } },
    { action: 'delete', link: { index: bridge.index } },
  );
});

describe('vxlan', () => {
  test('over IPv4, as iproute2 sees it', () => {
    const { netlink } = network;
    const device = netlink.link('lo')!.index;
    const kind = {
      kind: 'vxlan',
      id: 4096,
      local: parseAddress('127.0.0.1'),
      device,
      port: 4789,
      learning: false,
    } as const;
    netlink.change({ action: 'add', link: { name: 'vxlan.calico', mtu: 1450, kind } });
    expect(network.ip('link', 'show', 'vxlan.calico')[0]).toMatchObject({
      mtu: 1450,
      linkinfo: {
        info_kind: 'vxlan',
        info_data: { id: 4096, local: '127.0.0.1', link: 'lo', port: 4789, learning: false },
      },
    });
    expect(netlink.link('vxlan.calico')!.details).toEqual(kind);
    netlink.change({ action: 'delete', link: { name: 'vxlan.calico' } });
  });

  test('over IPv6, with the defaults', () => {
    const { netlink } = network;
    const local = parseAddress('fd00::1');
    netlink.change({ action: 'add', link: { name: 'vx6', kind: { kind: 'vxlan', id: 7, local } } });
    expect(network.ip('link', 'show', 'vx6')[0].linkinfo.info_data).toMatchObject({
      id: 7,
      local6: 'fd00::1',
      port: 4789,
      learning: false,
    });
    expect(netlink.link('vx6')!.details).toMatchObject({ local, learning: false, port: 4789 });
    netlink.change({ action: 'delete', link: { name: 'vx6' } });
  });

  test('a VNI that is taken: the reason is the kernel’s, where it gives one', () => {
    const kind = { kind: 'vxlan', id: 9 } as const;
    network.netlink.change({ action: 'add', link: { name: 'one', kind } });
    expect(() => network.netlink.change({ action: 'add', link: { name: 'two', kind } })).toThrow(
      'adding vxlan link two: EEXIST (A VXLAN device with the specified VNI already exists)',
    );
    network.netlink.change({ action: 'delete', link: { name: 'one' } });
  });
});

test('tun: as somebody else made it', () => {
  other.run('ip', 'tuntap', 'add', 'dev', 'tun7', 'mode', 'tun', 'vnet_hdr');
  const [told] = other.ip('link', 'show', 'tun7');
  expect(told.linkinfo.info_data).toMatchObject({ type: 'tun', pi: false, persist: true });
  expect(other.netlink.link('tun7')).toMatchObject({
    kind: 'tun',
    details: {
      kind: 'tun',
      mode: 'tun',
      persistent: true,
      packetInformation: false,
      vnetHeader: true,
    },
  });
  expect(other.netlink.link('tun7')!.mac).toBeUndefined();
  other.netlink.change({ action: 'delete', link: { name: 'tun7' } });
});

test('a kind that this kernel lacks is an error that says so', () => {
  const [error] = network.netlink.batch([
    { action: 'add', link: { name: 'tortie0', kind: { kind: 'ipip' } } },
  ]);
  // Where the kernel has ipip, there is none.
  if (network.netlink.link('tortie0')) expect(error).toBeUndefined();
  else {
    expect(error!.code).toMatch(/^E(OPNOT|NOT)SUPP$/);
    expect(error!.message).toContain('adding ipip link tortie0: E');
  }
});

test('change: name, flags and namespace', async () => {
  const { netlink } = network;
  netlink.change({
    action: 'add',
    link: { name: 'old', kind: { kind: 'veth', peer: { name: 'stays' } } },
  });
  const { index } = netlink.link('old')!;
  netlink.change({ action: 'change', link: { index, name: 'new', mtu: 1300, up: true } });
  expect(netlink.link('old')).toBeUndefined();
  expect(netlink.link(index)).toMatchObject({ name: 'new', mtu: 1300, up: true });
  netlink.change({ action: 'change', link: { index, up: false } });
  expect(netlink.link(index)).toMatchObject({ mtu: 1300, up: false });
  // Moving it blocks in the kernel: on another thread.
  const [error] = await netlink.batchOffLoop([
    { action: 'change', link: { index, namespace: other.path } },
  ]);
  expect(error).toBeUndefined();
  expect(netlink.link('new')).toBeUndefined();
  expect(other.netlink.link('new')).toMatchObject({ mtu: 1300 });
  netlink.change({ action: 'delete', link: { name: 'stays' } });
});

test('a dump agrees with iproute2 on every interface', async () => {
  const told = network.ip('link', 'show');
  const links = await network.netlink.links();
  const view = (link: Link) => [link.index, link.name, link.mtu, link.up, link.mac];
  expect(links.map(view)).toEqual(
    told.map((link) => [
      link.ifindex,
      link.ifname,
      link.mtu,
      link.flags.includes('UP'),
      link.link_type === 'tunnel' ? undefined : link.address,
    ]),
  );
});

describe('deleting off the loop', () => {
  const pods = Array.from({ length: 20 }, (_, i) => `pod${i}`);
  const addAll = () =>
    network.netlink.change(
      ...pods.map(
        (name) =>
          ({
            action: 'add',
            link: { name, kind: { kind: 'veth', peer: { name: `${name}-peer` } } },
          }) as const,
      ),
    );

  test('twenty together, some named twice, some not there, and nothing else', async () => {
    addAll();
    network.netlink.change({
      action: 'add',
      link: { name: 'bystander', kind: { kind: 'bridge' } },
    });
    const index = network.netlink.link('pod1')!.index;
    await network.netlink.deleteLinks([...pods, index, 'never-was', 'pod3-peer']);
    const names = (await network.netlink.links()).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('pod'))).toEqual([]);
    expect(names).toContain('bystander');
    await network.netlink.deleteLinks(['bystander', 'bystander']);
    await network.netlink.deleteLinks([]);
    expect(network.netlink.link('bystander')).toBeUndefined();
  });

  test('asked for one by one, they are one request, that of their group, and the loop turns meanwhile', async () => {
    addAll();
    const { run } = OffLoop.prototype;
    const requests: Operation[][] = [];
    OffLoop.prototype.run = function (operations) {
      requests.push([...operations]);
      return run.call(this, requests.at(-1)!);
    };
    try {
      const deleted = Promise.all(pods.map((name) => network.netlink.deleteLinks([name])));
      let turns = 0;
      for (let isDone = false; !isDone; turns++)
        isDone = await Promise.race([deleted.then(() => true), setImmediate(false)]);
      expect(turns).toBeGreaterThan(1);
      expect(requests).toEqual([[{ action: 'delete', link: { group: expect.any(Number) } }]]);
    } finally {
      OffLoop.prototype.run = run;
    }
    expect((await network.netlink.links()).map(({ name }) => name)).toEqual(['lo']);
  });

  test('asked for one by one, they go together, and each caller hears of its own', async () => {
    addAll();
    const results = await Promise.allSettled([
      ...pods.map((name) => network.netlink.deleteLinks([name])),
      network.netlink.deleteLinks(['lo']),
    ]);
    expect(results.slice(0, -1).every(({ status }) => status === 'fulfilled')).toBe(true);
    expect((await network.netlink.links()).map(({ name }) => name)).toEqual(['lo']);
  });
});

test.each([
  ['', 'a name'],
  ['sixteen-bytes-xx', 'a name'],
])('"%s" is not an interface name', (name) => {
  expect(() =>
    network.netlink.change({ action: 'add', link: { name, kind: { kind: 'bridge' } } }),
  ).toThrow(`"${name}" is not an interface name: it takes 1–15 bytes`);
});
