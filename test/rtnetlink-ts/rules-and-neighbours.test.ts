/** Rules, neighbours, forwarding entries, against the kernel and iproute2. Needs root. */
import { formatAddress, parseAddress, parsePrefix } from 'net-ipaddr';
import type { FdbEntry, Rule } from 'rtnetlink-ts';
import { addPair, openPrivateNetwork, type PrivateNetwork } from './private-network.ts';

let network: PrivateNetwork;
let link: number;
beforeAll(async () => {
  network = await openPrivateNetwork();
  link = addPair(network).a;
});
afterAll(() => network?.close());

describe('rules', () => {
  test.each<[string, Rule, object]>([
    [
      'lookup by source',
      { family: 4, priority: 100, from: parsePrefix('10.1.0.0/16'), table: 70_000, protocol: 80 },
      { priority: 100, src: '10.1.0.0', srclen: 16, table: '70000', protocol: '80' },
    ],
    [
      'by mark and mask, inverted',
      { family: 4, priority: 101, mark: 0x10, markMask: 0xf0, invert: true, table: 100 },
      { priority: 101, fwmark: '0x10', fwmask: '0xf0', not: null, table: '100' },
    ],
    [
      'by interfaces, to a prefix, prohibit',
      {
        family: 6,
        priority: 102,
        to: parsePrefix('fd00::/16'),
        inputInterface: 'a',
        outputInterface: 'b',
        action: 'prohibit',
      },
      { priority: 102, dst: 'fd00::', dstlen: 16, iif: 'a', oif: 'b', action: 'prohibit' },
    ],
  ])('%s', async (_, rule, told) => {
    const { netlink } = network;
    const { family, priority } = rule;
    netlink.change({ action: 'add', rule });
    const said = network.ip(`-${family}`, 'rule', 'show');
    expect(said.find((each) => each.priority === priority)).toMatchObject(told);
    const read = (await netlink.rules({ family })).find((each) => each.priority === priority)!;
    expect(read).toMatchObject(rule);
    expect(netlink.batch([{ action: 'add', rule }])[0]!.code).toBe('EEXIST');
    netlink.change({ action: 'delete', rule: read });
    const [error] = netlink.batch([{ action: 'delete', rule }]);
    expect(error!.code).toBe('ENOENT');
    expect(error!.message).toContain(`deleting IPv${family} rule ${priority}:`);
  });

  test('a dump of both families agrees with iproute2', async () => {
    const told = ['-4', '-6'].flatMap((family) => network.ip(family, 'rule', 'show'));
    const rules = await network.netlink.rules();
    expect(rules.map(({ priority }) => priority)).toEqual(told.map(({ priority }) => priority));
    expect(rules.map(({ table }) => table)).toEqual([255, 254, 253, 255, 254]);
  });
});

describe('neighbours', () => {
  test.each([
    ['10.0.0.9', '02:00:00:00:00:09', undefined, 'permanent', 'PERMANENT'],
    ['fd00::9', '02:00:00:00:00:0a', 'reachable', 'reachable', 'REACHABLE'],
    ['169.254.1.1', '02:00:00:00:00:0b', 'stale', 'stale', 'STALE'],
  ] as const)('%s', async (text, mac, given, read, told) => {
    const { netlink } = network;
    const neighbour = {
      link,
      address: parseAddress(text),
      mac,
      ...(given !== undefined && { state: given }),
    };
    netlink.change({ action: 'add', neighbour });
    const [said] = network.ip('neigh', 'show', text, 'dev', 'a');
    expect(said).toMatchObject({ dst: text, lladdr: mac, state: [told] });
    const entries = await netlink.neighbours({ link });
    expect(entries.find(({ address }) => formatAddress(address) === text)).toEqual({
      ...neighbour,
      state: read,
    });
    expect(netlink.batch([{ action: 'add', neighbour }])[0]!.code).toBe('EEXIST');
    const changed = { ...neighbour, mac: '02:00:00:00:00:0c', state: 'permanent' } as const;
    netlink.change({ action: 'replace', neighbour: changed });
    expect(network.ip('neigh', 'show', text, 'dev', 'a')[0].lladdr).toBe('02:00:00:00:00:0c');
    netlink.change({ action: 'delete', neighbour: changed });
    expect(netlink.batch([{ action: 'delete', neighbour }])[0]!.message).toBe(
      `deleting neighbour ${text} on link ${link}: ENOENT`,
    );
  });

  test('proxy entries are apart from the others', async () => {
    const { netlink } = network;
    const proxies = ['10.0.0.77', 'fd00::77'].map((text) => ({
      link,
      address: parseAddress(text),
      proxy: true,
    }));
    netlink.change(...proxies.map((neighbour) => ({ action: 'add', neighbour }) as const));
    expect(network.ip('-4', 'neigh', 'show', 'proxy')).toMatchObject([{ dst: '10.0.0.77' }]);
    const read = await netlink.neighbours({ proxy: true });
    expect(read).toEqual(proxies.map((proxy) => ({ ...proxy, state: 'none' })));
    expect(await netlink.neighbours({ family: 6, proxy: true })).toHaveLength(1);
    expect((await netlink.neighbours()).filter(({ proxy }) => proxy)).toEqual([]);
    netlink.change(...proxies.map((neighbour) => ({ action: 'delete', neighbour }) as const));
    expect(await netlink.neighbours({ proxy: true })).toEqual([]);
  });

  test('a MAC that is none', () => {
    const neighbour = { link, address: parseAddress('10.0.0.9'), mac: '02:00' };
    expect(network.netlink.batch([{ action: 'add', neighbour }])[0]!.message).toBe(
      'adding neighbour: EINVAL ("02:00" is not a MAC address such as 02:00:00:00:00:01)',
    );
  });
});

describe('forwarding entries of a vxlan', () => {
  let vxlan: number;
  beforeAll(() => {
    network.netlink.change({
      action: 'add',
      link: {
        name: 'vxlan.calico',
        up: true,
        kind: { kind: 'vxlan', id: 4096, local: parseAddress('10.0.0.1') },
      },
    });
    vxlan = network.netlink.link('vxlan.calico')!.index;
  });

  const told = () => JSON.parse(network.run('bridge', '-j', 'fdb', 'show', 'dev', 'vxlan.calico'));

  test('added, told, replaced, deleted', async () => {
    const { netlink } = network;
    const fdb: FdbEntry = {
      link: vxlan,
      mac: '66:00:00:00:00:01',
      destination: parseAddress('10.0.0.2'),
    };
    netlink.change({ action: 'add', fdb });
    expect(told()).toMatchObject([{ mac: fdb.mac, dst: '10.0.0.2', state: 'permanent' }]);
    expect(await netlink.fdb({ link: vxlan })).toEqual([{ ...fdb, state: 'permanent' }]);
    const moved = { ...fdb, destination: parseAddress('10.0.0.3'), port: 8472, id: 7 };
    netlink.change({ action: 'replace', fdb: moved });
    expect(told()).toMatchObject([{ dst: '10.0.0.3', port: 8472, vni: 7 }]);
    expect(await netlink.fdb({ link: vxlan })).toEqual([{ ...moved, state: 'permanent' }]);
    netlink.change({ action: 'delete', fdb: moved });
    expect(await netlink.fdb({ link: vxlan })).toEqual([]);
    expect(netlink.batch([{ action: 'delete', fdb }])[0]!.message).toBe(
      `deleting forwarding entry 66:00:00:00:00:01 to 10.0.0.2 on link ${vxlan}: ENOENT`,
    );
  });

  test('append: one MAC, several destinations', async () => {
    const { netlink } = network;
    const entries = ['10.0.0.2', '10.0.0.3'].map((text) => ({
      link: vxlan,
      mac: '00:00:00:00:00:00',
      destination: parseAddress(text),
    }));
    netlink.change(...entries.map((fdb) => ({ action: 'append', fdb }) as const));
    expect(told()).toHaveLength(2);
    expect((await netlink.fdb({ link: vxlan })).map(({ destination }) => destination)).toEqual(
      entries.map(({ destination }) => destination),
    );
    netlink.change(...entries.map((fdb) => ({ action: 'delete', fdb }) as const));
  });

  test('a bridge’s own', async () => {
    const { netlink } = network;
    netlink.change({ action: 'add', link: { name: 'br0', kind: { kind: 'bridge' }, up: true } });
    const bridge = netlink.link('br0')!.index;
    netlink.change({ action: 'change', link: { index: link, master: bridge } });
    const fdb: FdbEntry = { link, mac: '66:00:00:00:00:02', master: true, state: 'noarp' };
    netlink.change({ action: 'add', fdb });
    expect(await netlink.fdb({ link })).toContainEqual(fdb);
    netlink.change({ action: 'delete', fdb });
    expect(await netlink.fdb({ link })).not.toContainEqual(fdb);
    netlink.change({ action: 'delete', link: { index: bridge } });
  });
});
