/** Two nodes' felix in namespaces of their own, with VXLAN over a bridge between them. Needs root. */

import { parseAddress, parsePrefix } from 'net-ipaddr';
import { openKernel } from '../../../felix/kernel.ts';
import { deaf } from '../deaf.ts';
import { eventually, type TestNamespace } from '../namespace.ts';
import { ADDRESS4, ADDRESS6, MACS, overlayNode, type TestNode, TwoNodes } from './two-nodes.ts';

let stage: TwoNodes;
let nodes: TestNode[];
let pods: readonly TestNamespace[];

beforeEach(async () => {
  stage = await TwoNodes.start('vxlan', 1430);
  ({ nodes, pods } = stage);
});

afterEach(() => stage.end());

const podsReachEachOther = () => stage.podsReachEachOther();

/** All that node `one` has of tunnels, as sorted lines. */
async function tunnelState(): Promise<string> {
  const { namespace } = nodes[0]!;
  const commands = [
    ...['ip -o -d link show type vxlan', 'ip -br addr', 'ip neigh show nud permanent'],
    'bridge fdb show',
    'sysctl -e net/ipv4/conf/vxlan.calico/rp_filter',
  ];
  const shown = await Promise.all(commands.map((command) => namespace.run(command)));
  const lines = shown
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.includes('vxlan'))
    // Of a device that is made anew these are others: its index, and what the kernel made before it had its MAC.
    .map((line) => line.replace(/^\d+: /, '').replaceAll(/fe80::\S+/g, ''));
  return [...lines, ...(await namespace.routes(/proto 80/))]
    .map((line) => line.trim())
    .sort()
    .join('\n');
}

function tunnels(): Promise<string> {
  return nodes[0]!.namespace.ip('-br link show type vxlan');
}

test('pods of two nodes reach each other, and the largest packet that fits passes', async () => {
  await podsReachEachOther();
  // An underlay of 1500 bytes, less 50 and 70 (IPv4, IPv6) of the tunnels, less IP's and ICMP's headers.
  await pods[0]!.run(`ping -n -c 1 -W 2 -M do -s ${1430 - 28} ${ADDRESS4}`);
  await pods[0]!.run(`ping -n -c 1 -W 2 -M do -s ${1430 - 48} ${ADDRESS6}`);
  const { namespace, felix } = nodes[0]!;
  expect(await namespace.ip('link show vxlan.calico')).toMatch(/mtu 1450 /);
  expect(await namespace.ip('link show vxlan-v6.calico')).toMatch(/mtu 1430 /);
  expect(felix.podMtu(1500)).toBe(1430);
  expect(felix.inspect()).toMatchObject({ failed: [], refused: [], unreachable: [] });
});

test('strict reverse-path filtering of the host does not drop what comes out of the tunnel', async () => {
  await podsReachEachOther();
  const [one, two] = nodes as [TestNode, TestNode];
  await one.namespace.run('sysctl -qw net.ipv4.conf.all.rp_filter=1');
  // The answer to this address goes by eth0, where it came by the tunnel.
  await two.namespace.run('ping -n -c 1 -W 5 -I 192.0.2.2 10.60.0.9');
});

/** What is done to node `one` by hand, and is to be undone. */
const HARMS: [name: string, commands: string[]][] = [
  ['devices deleted', ['ip link del vxlan.calico', 'ip link del vxlan-v6.calico']],
  [
    'links flap: routes, neighbours and IPv6 addresses went with them',
    ['vxlan.calico', 'vxlan-v6.calico'].flatMap((device) =>
      ['down', 'up'].map((state) => `ip link set ${device} ${state}`),
    ),
  ],
  ['a link down', ['ip link set vxlan.calico down']],
  ['another MTU', ['ip link set vxlan.calico mtu 1400']],
  ['another MAC address', ['ip link set vxlan-v6.calico address 66:00:00:00:00:09']],
  [
    'addresses deleted',
    ['ip addr del 10.60.0.1/32 dev vxlan.calico', 'ip addr del fd60:0::1/128 dev vxlan-v6.calico'],
  ],
  ['an address too many', ['ip addr add 10.60.0.77/32 dev vxlan.calico']],
  [
    'neighbours deleted',
    [
      'ip neigh del 10.60.1.1 dev vxlan.calico',
      'ip neigh del fd60:1::1 dev vxlan-v6.calico',
      'ip neigh flush dev vxlan.calico nud permanent',
    ],
  ],
  [
    'a neighbour with another MAC address',
    ['ip neigh replace 10.60.1.1 lladdr 66:00:00:00:00:09 dev vxlan.calico nud permanent'],
  ],
  [
    'a neighbour that nobody asked for',
    ['ip neigh add 10.60.1.7 lladdr 66:00:00:00:00:07 dev vxlan.calico nud permanent'],
  ],
  [
    'forwarding entries deleted',
    [
      `bridge fdb del ${MACS[1]} dev vxlan.calico dst 192.0.2.2`,
      `bridge fdb del ${MACS[1]} dev vxlan-v6.calico dst 2001:db8::2`,
    ],
  ],
  [
    'a forwarding entry to another node',
    [`bridge fdb replace ${MACS[1]} dev vxlan-v6.calico dst 2001:db8::9`],
  ],
  ['routes deleted', ['ip -4 route flush proto 80', 'ip -6 route flush proto 80']],
];

/** The kernel tells nobody. */
const STRICT: (typeof HARMS)[number] = [
  'reverse-path filtering is strict',
  ['sysctl -qw net/ipv4/conf/vxlan.calico/rp_filter=1'],
];

/** It takes nothing of the tunnel's, but tells of much. */
const UNDERLAY_FLAPS: (typeof HARMS)[number] = [
  'the underlay’s link flaps',
  ['ip link set eth0 down', 'ip link set eth0 up', 'ip addr add 2001:db8::1/64 dev eth0 nodad'],
];

/** What somebody undoes meanwhile cannot be done a second time. */
async function harm(commands: readonly string[]): Promise<void> {
  for (const command of commands) await nodes[0]!.namespace.run(command).catch(() => {});
}

test('whatever is done to it by hand is undone as soon as the kernel tells of it', async () => {
  await podsReachEachOther();
  const before = await tunnelState();
  for (const [name, commands] of [...HARMS, UNDERLAY_FLAPS]) {
    await harm(commands);
    await eventually(
      async () => (await tunnelState()) === before && nodes[0]!.felix.inspect().failed.length === 0,
      async () => [name, await tunnelState(), nodes[0]!.felix.inspect().failed],
    );
  }
  await podsReachEachOther();
});

test('where the kernel told of nothing, one pass undoes it', async () => {
  await podsReachEachOther();
  const felix = await stage.restart(0, deaf(nodes[0]!.kernel));
  const before = await tunnelState();
  for (const [name, commands] of [...HARMS, STRICT]) {
    await harm(commands);
    expect([name, await tunnelState()]).not.toEqual([name, before]);
    const { resyncs } = felix.inspect().routes;
    await felix.resync();
    await eventually(() => felix.inspect().routes.pending === 0);
    expect([name, await tunnelState()]).toEqual([name, before]);
    const { failed, routes } = felix.inspect();
    expect([name, failed, routes.resyncs]).toEqual([name, [], resyncs + 1]);
  }
  await podsReachEachOther();
});

test('a device that somebody made anew with another VNI', async () => {
  await podsReachEachOther();
  const before = await tunnelState();
  const stranger = openKernel(nodes[0]!.namespace.path).host;
  // At once, before we notice that ours is gone.
  stranger.change(
    { action: 'delete', link: { name: 'vxlan.calico' } },
    { action: 'add', link: { name: 'vxlan.calico', kind: { kind: 'vxlan', id: 7 } } },
  );
  stranger.close();
  await eventually(async () => (await tunnelState()) === before, tunnelState);
  await podsReachEachOther();
});

test('the tunnels’ MTU follows the underlay’s', async () => {
  await podsReachEachOther();
  const { namespace } = nodes[0]!;
  await namespace.ip('link set eth0 mtu 1400');
  const mtuOf = async (name: string) =>
    /mtu (\d+)/.exec(await namespace.ip(`link show ${name}`))![1];
  await eventually(
    async () =>
      (await mtuOf('vxlan.calico')) === '1350' && (await mtuOf('vxlan-v6.calico')) === '1330',
  );
});

test('another port, VNI and MTU of FelixConfiguration on both nodes', async () => {
  await podsReachEachOther();
  const settings = { vxlan: { vni: 77, port: 4790, mtu: { 4: 1300 } }, ipip: { mtu: undefined } };
  for (const [index, { felix }] of nodes.entries())
    felix.setOverlay(stage.overlay(index, { settings }));
  await eventually(async () => {
    const shown = await nodes[0]!.namespace.ip('-o -d link show type vxlan');
    return /mtu 1300 .*vxlan id 77 .*dstport 4790 /.test(shown);
  });
  await podsReachEachOther();
  expect(nodes[0]!.felix.podMtu(1500)).toBe(1300);
});

test('mixed pools: one by the tunnel, another directly, both as the datastore says', async () => {
  for (const [index, { felix }] of nodes.entries()) {
    const [v4, v6] = stage.overlay(index).pools;
    const { name, prefix, routesFrom } = v6!;
    felix.setOverlay(
      stage.overlay(index, { pools: [v4!, { name, prefix, routesFrom, mode: 'never' }] }),
    );
  }
  const { felix, namespace } = nodes[0]!;
  await eventually(async () => !(await tunnels()).includes('vxlan-v6'), tunnels);
  expect(await namespace.routes(/via/)).toEqual([
    '10.60.1.0/26 via 10.60.1.1 dev vxlan.calico proto 80 metric 1024 onlink',
    'fd60:1::/122 via 2001:db8::2 dev eth0 proto 80 metric 1024',
  ]);
  await podsReachEachOther();
  expect(felix.podMtu(1500)).toBe(1450);
});

test('addresses that another node borrowed out of a block of this one are reached there', async () => {
  const [one, two] = nodes as [TestNode, TestNode];
  const borrowed = ['10.60.0.33/32', 'fd60::33/128'];
  for (const address of borrowed) await two.namespace.ip(`addr add ${address} dev lo`);
  const overlay = stage.overlay(0);
  const placements = borrowed.map((text) => ({ prefix: parsePrefix(text), node: 'two' }));
  one.felix.setOverlay({ ...overlay, placements: [...overlay.placements, ...placements] });
  await eventually(async () => (await one.namespace.routes(/33 via/)).length === 2);
  expect(await one.namespace.routes(/33 via/)).toEqual([
    '10.60.0.33 via 10.60.1.1 dev vxlan.calico proto 80 metric 1024 onlink',
    'fd60::33 via fd60:1::1 dev vxlan-v6.calico proto 80 metric 1024 onlink',
  ]);
  for (const address of ['10.60.0.33', 'fd60::33'])
    await pods[0]!.run(`ping -n -c 1 -W 5 ${address}`);
});

test('ECMP over the tunnel: a route by a pod on another node, and by a neighbour', async () => {
  await podsReachEachOther();
  const { felix, namespace } = nodes[0]!;
  felix.updateLearned(
    [
      ['10.99.0.0/24', ADDRESS4, '192.0.2.2'],
      ['fd99::/64', ADDRESS6, '2001:db8::2'],
    ].map(([prefix, ...nextHops]) => ({
      prefix: parsePrefix(prefix!),
      nextHops: nextHops.map(parseAddress),
    })),
  );
  const shown = async () => `${await namespace.ip('route')}\n${await namespace.ip('-6 route')}`;
  const wanted = [
    [
      /^10\.99\.0\.0\/24 /,
      /via 10\.60\.1\.1 dev vxlan\.calico .*onlink/,
      /via 192\.0\.2\.2 dev eth0/,
    ],
    [/^fd99::\/64 /, /via fd60:1::1 dev vxlan-v6\.calico .*onlink/, /via 2001:db8::2 dev eth0/],
  ].flat();
  await eventually(async () => {
    const text = await shown();
    return wanted.every((pattern) => new RegExp(pattern, 'm').test(text));
  }, shown);
  expect(felix.inspect().failed).toEqual([]);
});

test('a node that leaves: its routes and peers go, and when no pool needs the tunnels these too', async () => {
  await podsReachEachOther();
  const { felix, namespace } = nodes[0]!;
  felix.setOverlay(stage.overlay(0, { nodes: [overlayNode(0)], placements: [] }));
  await eventually(async () => !/10\.60\.1\.1|192\.0\.2\.2|fd60:1/.test(await tunnelState()));
  expect(await namespace.ip('-br link show type vxlan')).toMatch(/^vxlan\S*\.calico .*\nvxlan/);

  felix.setOverlay(stage.overlay(0, { pools: [], placements: [] }));
  await eventually(async () => (await namespace.ip('-br link show type vxlan')) === '');
  expect(felix.podMtu(1500)).toBe(1500);
});

test('a restart writes nothing: the tunnels stay as they are', async () => {
  await podsReachEachOther();
  const { namespace } = nodes[0]!;
  const before = await tunnelState();
  const indices = await namespace.ip('-o link show type vxlan');
  const next = await stage.restart(0);
  await next.resync();
  expect(await tunnelState()).toBe(before);
  expect(await namespace.ip('-o link show type vxlan')).toBe(indices);
  expect(next.inspect().routes).toMatchObject({ added: 0, replaced: 0, removed: 0 });
});

test('an interface of that name that is no VXLAN device is left alone, and said', async () => {
  const { felix, namespace } = nodes[0]!;
  felix.setOverlay(stage.overlay(0, { pools: [], placements: [] }));
  await eventually(async () => (await namespace.ip('-br link show type vxlan')) === '');
  await namespace.ip('link add vxlan.calico type bridge');
  felix.setOverlay(stage.overlay(0));
  const reason = 'an interface of this name is there and is no vxlan: remove it';
  await eventually(() =>
    felix.inspect().failed.some((one) => one.subject === 'vxlan.calico' && one.reason === reason),
  );
  // The other family's tunnel works.
  await eventually(async () => (await namespace.ip('-br link show vxlan-v6.calico')) !== '');
  await namespace.ip('link del vxlan.calico');
  await podsReachEachOther();
  expect(felix.inspect().failed).toEqual([]);
});
