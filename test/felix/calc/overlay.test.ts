import {
  formatAddress,
  formatPrefix,
  parseAddress,
  parseInterfaceAddress,
  parsePrefix,
} from 'net-ipaddr';
import {
  type Overlay,
  type OverlayInput,
  type OverlayNode,
  type OverlayPool,
  overlay,
} from '../../../felix/calc/overlay.ts';
import type { RemoteTarget } from '../../../felix/calc/route.ts';
import { type Tunnel, tunnelsOf } from '../../../felix/calc/tunnels.ts';
import type { TunnelKind } from '../../../felix/ours.ts';

/** What the datastore holds, as text; this node is `here`. */
interface Given {
  /** `here 192.0.2.1/24 2001:db8::1/64 vxlan 10.60.0.1 fd60::1 ipip 10.60.0.2 udp 10.60.0.3 fd60::3 receives tunl0 sends tunl0`. */
  nodes?: string[];
  /** `10.60.0.0/16 vxlan always`, `10.60.0.0/16 ipip cross-subnet by BGP`, `10.60.0.0/16 never`. */
  pools?: string[];
  /** `10.60.0.0/26 there`. */
  placements?: string[];
  mtu?: { 4?: number; 6?: number };
}

function given({ nodes = [], pools = [], placements = [], mtu = {} }: Given): OverlayInput {
  return {
    self: 'here',
    nodes: nodes.map(node),
    pools: pools.map(pool),
    placements: placements.map((text) => {
      const [prefix, name] = text.split(' ');
      return { prefix: parsePrefix(prefix!), node: name! };
    }),
    settings: { vxlan: { vni: 4096, port: 4789, mtu }, ipip: { mtu: undefined } },
  };
}

function node(text: string): OverlayNode {
  const [plain = '', ...words] = text.split(/ (?=receives|sends)/);
  const devices = (word: string) =>
    words
      .find((one) => one.startsWith(word))
      ?.split(' ')
      .slice(1);
  const [, name, own, vxlan = '', ipip, udp = ''] =
    /^(\S+) ?(.*?)(?: ?vxlan (.*?))?(?: ?ipip (\S+))?(?: ?udp (.*))?$/.exec(plain)!;
  const of = (family: number, addresses: string) =>
    addresses.split(' ').find((one) => one !== '' && one.includes(':') === (family === 6));
  const [own4, own6] = [of(4, own!), of(6, own!)];
  const [udp4, udp6] = [of(4, udp), of(6, udp)];
  const vtep = (family: number) => {
    const address = of(family, vxlan);
    return {
      address: address ? parseAddress(address) : undefined,
      mac: `66:00:00:00:${name === 'here' ? '01' : '02'}:0${family}`,
    };
  };
  return {
    name: name!,
    underlay: {
      ...(own4 && { 4: parseInterfaceAddress(own4) }),
      ...(own6 && { 6: parseInterfaceAddress(own6) }),
    },
    vteps: { 4: vtep(4), 6: vtep(6) },
    ipipAddress: ipip ? parseAddress(ipip) : undefined,
    udpAddresses: {
      ...(udp4 && { 4: parseAddress(udp4) }),
      ...(udp6 && { 6: parseAddress(udp6) }),
    },
    receives: devices('receives'),
    sends: devices('sends') ?? [],
  };
}

function pool(text: string): OverlayPool {
  const [plain = '', byBgp] = text.split(' by ');
  const [prefix, ...encapsulation] = plain.split(' ');
  const mode = encapsulation.pop() as OverlayPool['mode'];
  const common = {
    name: text,
    prefix: parsePrefix(prefix!),
    routesFrom: byBgp === undefined ? 'datastore' : 'BGP',
  } as const;
  if (mode === 'never') return { ...common, mode };
  return { ...common, tunnel: encapsulation[0] as TunnelKind, mode };
}

function routes({ routes: all, learned, tunnelled, unreachable }: Overlay): string[] {
  return [
    ...all.map(({ prefix, target: { gateway, device, yields } }) => {
      const by = device === undefined ? '' : ` dev ${device}`;
      const until = yields ? ' until BGP has it' : '';
      return `${formatPrefix(prefix)}${gateway ? ` via ${formatAddress(gateway)}` : ''}${by}${until}`;
    }),
    ...learned.map((prefix) => `${formatPrefix(prefix)} as BGP says`),
    ...tunnelled.flatMap(({ prefix, device, nextHops }) =>
      nextHops.map(
        (nextHop) => `${formatPrefix(prefix)} by BGP, ${formatAddress(nextHop)} dev ${device}`,
      ),
    ),
    ...unreachable.map(({ subject, reason }) => `${subject}: ${reason}`),
  ];
}

const HERE =
  'here 192.0.2.1/24 2001:db8::1/64 vxlan 10.60.0.1 fd60::1 ipip 10.60.0.2 udp 10.60.0.3 fd60::3';
const THERE = 'there 192.0.2.2/24 2001:db8::2/64 vxlan 10.60.1.1 fd60::41 ipip 10.60.1.2';
const FAR = 'far 198.51.100.3/24 2001:db8:3::3/64 vxlan 10.60.2.1 fd60::81 ipip 10.60.2.2';
const NODES = [HERE, THERE, FAR];

test.each<[name: string, given: Given, then: string[]]>([
  [
    'a remote block of a VXLAN pool by the tunnel, at the address of its node’s device',
    { nodes: NODES, pools: ['10.60.0.0/16 vxlan always'], placements: ['10.60.1.0/26 there'] },
    ['10.60.1.0/26 via 10.60.1.1 dev vxlan.calico'],
  ],
  [
    'IPv6 by the device of its own family',
    { nodes: NODES, pools: ['fd60::/64 vxlan always'], placements: ['fd60::40/122 there'] },
    ['fd60::40/122 via fd60::41 dev vxlan-v6.calico'],
  ],
  [
    'IPIP by the node’s own address',
    { nodes: NODES, pools: ['10.60.0.0/16 ipip always'], placements: ['10.60.1.0/26 there'] },
    ['10.60.1.0/26 via 192.0.2.2 dev tunl0'],
  ],
  [
    'UDP by the device alone: its forwarder knows the node',
    {
      nodes: NODES,
      pools: ['10.60.0.0/16 udp always', 'fd60::/64 udp cross-subnet'],
      placements: ['10.60.1.0/26 there', 'fd60::40/122 there', 'fd60::80/122 far'],
    },
    ['10.60.1.0/26 dev udp.tortie', 'fd60::40/122 via 2001:db8::2', 'fd60::80/122 dev udp.tortie'],
  ],
  [
    'CrossSubnet: directly in the same subnet, by the tunnel to another',
    {
      nodes: NODES,
      pools: ['10.60.0.0/16 vxlan cross-subnet', 'fd60::/64 vxlan cross-subnet'],
      placements: [
        '10.60.1.0/26 there',
        'fd60::40/122 there',
        '10.60.2.0/26 far',
        'fd60::80/122 far',
      ],
    },
    [
      '10.60.1.0/26 via 192.0.2.2',
      'fd60::40/122 via 2001:db8::2',
      '10.60.2.0/26 via 10.60.2.1 dev vxlan.calico',
      'fd60::80/122 via fd60::81 dev vxlan-v6.calico',
    ],
  ],
  [
    'CrossSubnet: an address without its network’s length is alone in its subnet',
    {
      nodes: ['here 192.0.2.1/32 vxlan 10.60.0.1', THERE],
      pools: ['10.60.0.0/16 ipip cross-subnet'],
      placements: ['10.60.1.0/26 there'],
    },
    ['10.60.1.0/26 via 192.0.2.2 dev tunl0'],
  ],
  [
    'a borrowed address to its borrower, also out of a block of ours',
    {
      nodes: NODES,
      pools: ['10.60.0.0/16 vxlan always'],
      placements: [
        '10.60.0.0/26 here',
        '10.60.0.7/32 there',
        '10.60.1.0/26 there',
        '10.60.1.9/32 far',
      ],
    },
    [
      '10.60.0.7/32 via 10.60.1.1 dev vxlan.calico',
      '10.60.1.0/26 via 10.60.1.1 dev vxlan.calico',
      '10.60.1.9/32 via 10.60.2.1 dev vxlan.calico',
    ],
  ],
  [
    'blocks of other pools are BGP’s',
    { nodes: NODES, pools: ['10.60.0.0/16 vxlan always'], placements: ['10.61.0.0/26 there'] },
    [],
  ],
  [
    'and so is one that does not lie in the pool as a whole',
    { nodes: NODES, pools: ['10.60.0.0/16 vxlan always'], placements: ['10.60.0.0/15 there'] },
    [],
  ],
  [
    'an unencapsulated pool of the datastore’s: directly, whatever the subnet',
    {
      nodes: NODES,
      pools: ['10.60.0.0/16 never', 'fd60::/64 never'],
      placements: ['10.60.1.0/26 there', '10.60.2.0/26 far', 'fd60::80/122 far'],
    },
    [
      '10.60.1.0/26 via 192.0.2.2',
      '10.60.2.0/26 via 198.51.100.3',
      'fd60::80/122 via 2001:db8:3::3',
    ],
  ],
  [
    'an IPIP pool of BGP’s: by the tunnel, where BGP says that the other node is the next hop',
    {
      nodes: NODES,
      pools: ['10.60.0.0/16 ipip always by BGP'],
      placements: ['10.60.1.0/26 there', '10.60.2.0/26 far'],
    },
    ['10.60.0.0/16 by BGP, 192.0.2.2 dev tunl0', '10.60.0.0/16 by BGP, 198.51.100.3 dev tunl0'],
  ],
  [
    'CrossSubnet of BGP’s: where the other node is in another subnet',
    { nodes: NODES, pools: ['10.60.0.0/16 ipip cross-subnet by BGP'], placements: [] },
    ['10.60.0.0/16 by BGP, 198.51.100.3 dev tunl0'],
  ],
  [
    'what is missing is said',
    {
      nodes: [HERE, 'there 192.0.2.2/24', 'far 2001:db8:3::3/64'],
      pools: ['10.60.0.0/16 vxlan always'],
      placements: ['10.60.1.0/26 there', '10.60.2.0/26 far', '10.60.3.0/26 gone'],
    },
    [
      '10.60.1.0/26: on node there: it has no IPv4 VXLAN address yet',
      '10.60.2.0/26: on node far: it has no IPv4 address',
      '10.60.3.0/26: on node gone: there is no such Node',
    ],
  ],
])('%s', (_, input, then) => {
  const nothingBefore = { isReady: () => true, wayTo: () => undefined, isLearned: () => false };
  expect(routes(overlay(given(input), nothingBefore))).toEqual(then);
});

test('UDP’s device is both families’, and a node may receive by it over one alone', () => {
  const input = given({
    nodes: [HERE, `${THERE} receives udp.tortie`, `${FAR} receives udp.tortie udp-v6.tortie`],
    pools: ['10.60.0.0/16 udp always', 'fd60::/64 udp always'],
    placements: ['10.60.1.0/26 there', 'fd60::40/122 there', 'fd60::80/122 far'],
  });
  const nothingBefore = { isReady: () => true, wayTo: () => undefined, isLearned: () => false };
  expect(routes(overlay(input, nothingBefore))).toEqual([
    '10.60.1.0/26 dev udp.tortie',
    'fd60::80/122 dev udp.tortie',
    'fd60::40/122: on node there: udp.tortie is not ready there yet',
  ]);
});

describe('make before break: a pool’s mode changes', () => {
  const block = '10.60.2.0/26';
  const by = (node: string, gateway: string, device?: string): RemoteTarget => ({
    ...{ kind: 'remote', node, gateway: parseAddress(gateway), device },
  });
  const byVxlan = by('far', '10.60.2.1', 'vxlan.calico');
  const byIpip = by('far', '198.51.100.3', 'tunl0');

  interface Now {
    readonly pool?: string;
    /** What node `far` says. */
    readonly far: string;
    readonly ready?: string;
    readonly before?: RemoteTarget;
    readonly learned?: boolean;
  }

  test.each<[name: string, now: Now, then: string[]]>([
    [
      'both ends of the new tunnel are ready',
      { pool: 'ipip always', far: 'receives tunl0', ready: 'tunl0', before: byVxlan },
      [`${block} via 198.51.100.3 dev tunl0`],
    ],
    [
      'the other end is not: by the old one',
      { pool: 'ipip always', far: 'receives vxlan.calico', ready: 'tunl0', before: byVxlan },
      [`${block} via 10.60.2.1 dev vxlan.calico`],
    ],
    [
      'this end is not: by the old one',
      { pool: 'vxlan always', far: 'receives vxlan.calico', before: byIpip },
      [`${block} via 198.51.100.3 dev tunl0`],
    ],
    [
      'a node that says nothing of its tunnels is believed to be ready',
      { pool: 'ipip always', far: '', ready: 'tunl0', before: byVxlan },
      [`${block} via 198.51.100.3 dev tunl0`],
    ],
    [
      'a node that says it has none is not',
      { pool: 'ipip always', far: 'receives', ready: 'tunl0' },
      [`${block}: on node far: tunl0 is not ready there yet`],
    ],
    [
      'from no tunnel to one that is not ready: as BGP says',
      { pool: 'vxlan always', far: 'receives', learned: true },
      [`${block} as BGP says`],
    ],
    [
      'from no tunnel to one that is ready',
      { pool: 'vxlan always', far: 'receives vxlan.calico', ready: 'vxlan.calico', learned: true },
      [`${block} via 10.60.2.1 dev vxlan.calico`],
    ],
    [
      'to no tunnel',
      { far: 'receives vxlan.calico', ready: 'vxlan.calico', before: byVxlan },
      [`${block} via 10.60.2.1 dev vxlan.calico until BGP has it`],
    ],
    [
      'to no tunnel, and to another again',
      {
        ...{ pool: 'ipip always', far: 'receives tunl0', ready: 'tunl0' },
        before: { ...byVxlan, yields: true },
      },
      [`${block} via 198.51.100.3 dev tunl0`],
    ],
    [
      'from Always to CrossSubnet',
      {
        ...{ pool: 'vxlan cross-subnet', far: 'receives vxlan.calico', ready: 'vxlan.calico' },
        before: by('far', '198.51.100.3'),
      },
      [`${block} via 10.60.2.1 dev vxlan.calico`],
    ],
    [
      'to IPIP as BGP says, whose tunnel is not ready yet: by the old one',
      { pool: 'ipip always by BGP', far: 'receives', ready: 'tunl0', before: byVxlan },
      [`${block} via 10.60.2.1 dev vxlan.calico`],
    ],
    [
      'and when it is: until BGP has the block',
      { pool: 'ipip always by BGP', far: 'receives tunl0', ready: 'tunl0', before: byVxlan },
      [
        `${block} via 10.60.2.1 dev vxlan.calico until BGP has it`,
        '10.60.0.0/16 by BGP, 198.51.100.3 dev tunl0',
      ],
    ],
    [
      'from BGP’s to the datastore’s, with the same tunnel',
      { pool: 'ipip always', far: 'receives tunl0', ready: 'tunl0', learned: true },
      [`${block} via 198.51.100.3 dev tunl0`],
    ],
    [
      'no tunnel, from the datastore’s to BGP’s',
      { far: '', before: by('far', '198.51.100.3') },
      [`${block} via 198.51.100.3 until BGP has it`],
    ],
    [
      'the way to the block when it was on another node is none',
      { pool: 'ipip always', far: 'receives', before: by('there', '10.60.1.1', 'tunl0') },
      [`${block}: on node far: tunl0 is not ready here yet`],
    ],
  ])('%s', (_, { pool: mode, far, ready, before, learned = false }, then) => {
    const input = given({
      nodes: [HERE, `${FAR} ${far}`.trim()],
      pools: mode === undefined ? [] : [`10.60.0.0/16 ${mode}`],
      placements: [`${block} far`],
    });
    const next = overlay(input, {
      isReady: (_, { device }) => device === undefined || device === ready,
      wayTo: () => before,
      isLearned: () => learned,
    });
    expect(routes(next)).toEqual(then);
  });

  test('a node that has no address of the family any more: the old way is none, either', () => {
    const input = given({
      nodes: [HERE, 'far 2001:db8:3::3/64'],
      pools: ['10.60.0.0/16 ipip always'],
      placements: [`${block} far`],
    });
    const before = { isReady: () => true, wayTo: () => byVxlan, isLearned: () => false };
    expect(routes(overlay(input, before))).toEqual([
      `${block}: on node far: it has no IPv4 address`,
    ]);
  });

  test.each<[name: string, given: Given, sends: string[], then: string[]]>([
    ['nobody sends by one that no pool needs', { nodes: NODES }, [], []],
    ['this node still does', { nodes: NODES }, ['vxlan.calico'], ['vxlan 4']],
    [
      'another node still does',
      { nodes: [HERE, `${FAR} sends tunl0 vxlan-v6.calico`] },
      [],
      ['ipip 4', 'vxlan 6'],
    ],
    [
      'by UDP’s device, which is both families’: of that in which it has an address',
      { nodes: ['here 192.0.2.1/24 2001:db8::1/64 udp 10.60.0.3'] },
      ['udp.tortie'],
      ['udp 4'],
    ],
    ['what this node’s own Node says is what was', { nodes: [`${HERE} sends tunl0`, FAR] }, [], []],
  ])('a tunnel stays while a node sends by it: %s', (_, input, sends, then) => {
    const tunnels = tunnelsOf(given(input), new Set(sends));
    expect(tunnels.map(({ kind, family }) => `${kind} ${family}`)).toEqual(then);
  });
});

function show(tunnel: Tunnel): string {
  const { kind, local, address, mtu } = tunnel;
  const text = `${kind} from ${formatAddress(local)} at ${address && formatAddress(address)} mtu ${mtu}`;
  if (tunnel.kind === 'ipip') return text;
  if (tunnel.kind === 'udp') {
    const ways = tunnel.ways.map(
      ({ prefix, node }) => `${formatPrefix(prefix)} ${formatAddress(node)}`,
    );
    return `${text} to ${ways.join(', ')}`;
  }
  const peers = tunnel.peers.map(
    (peer) => `${formatAddress(peer.address)} ${peer.mac} ${formatAddress(peer.node)}`,
  );
  return `${text} ${tunnel.mac} to ${peers.join(', ')}`;
}

test.each<[name: string, given: Given, then: string[]]>([
  ['no pool, no tunnel', { nodes: NODES }, []],
  [
    'a device a family, and every other node is a peer, whatever its subnet',
    {
      nodes: NODES,
      pools: ['10.60.0.0/16 vxlan cross-subnet', 'fd60::/64 vxlan always'],
      mtu: { 6: 1400 },
    },
    [
      'vxlan from 192.0.2.1 at 10.60.0.1 mtu undefined 66:00:00:00:01:04 to 10.60.1.1 66:00:00:00:02:04 192.0.2.2, 10.60.2.1 66:00:00:00:02:04 198.51.100.3',
      'vxlan from 2001:db8::1 at fd60::1 mtu 1400 66:00:00:00:01:06 to fd60::41 66:00:00:00:02:06 2001:db8::2, fd60::81 66:00:00:00:02:06 2001:db8:3::3',
    ],
  ],
  [
    'IPIP has no peers: routes name the node',
    { nodes: NODES, pools: ['10.60.0.0/16 ipip always'] },
    ['ipip from 192.0.2.1 at 10.60.0.2 mtu undefined'],
  ],
  [
    'UDP has the blocks of every other node that the datastore places, whatever its subnet and the pool',
    {
      nodes: [HERE, THERE, 'far 198.51.100.3/24'],
      pools: ['10.60.0.0/16 udp cross-subnet', 'fd60::/64 udp always', '10.61.0.0/16 vxlan always'],
      placements: [
        '10.60.0.0/26 here',
        '10.60.1.0/26 there',
        '10.60.1.9/32 far',
        '10.61.1.0/26 there',
        'fd60::40/122 there',
        'fd60::80/122 far',
      ],
    },
    [
      'vxlan from 192.0.2.1 at 10.60.0.1 mtu undefined 66:00:00:00:01:04 to 10.60.1.1 66:00:00:00:02:04 192.0.2.2',
      'udp from 192.0.2.1 at 10.60.0.3 mtu undefined to 10.60.1.0/26 192.0.2.2, 10.60.1.9/32 198.51.100.3, 10.61.1.0/26 192.0.2.2',
      'udp from 2001:db8::1 at fd60::3 mtu undefined to fd60::40/122 2001:db8::2',
    ],
  ],
  [
    'before IPAM has given an address the device is there already, to receive',
    { nodes: ['here 192.0.2.1/24', 'there 192.0.2.2/24'], pools: ['10.60.0.0/16 vxlan always'] },
    ['vxlan from 192.0.2.1 at undefined mtu undefined 66:00:00:00:01:04 to '],
  ],
  [
    'none over a family that this node does not have',
    { nodes: ['here 2001:db8::1/64'], pools: ['10.60.0.0/16 vxlan always'] },
    [],
  ],
])('tunnels: %s', (_, input, then) =>
  expect(tunnelsOf(given(input), new Set()).map(show)).toEqual(then),
);
