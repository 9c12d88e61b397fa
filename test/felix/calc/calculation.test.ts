import {
  formatAddress,
  formatPrefix,
  formatZonedAddress,
  parseAddress,
  parsePrefix,
  parseZonedAddress,
  type ZonedAddress,
} from 'net-ipaddr';
import { Calculation } from '../../../felix/calc/calculation.ts';
import type { Resolution } from '../../../felix/calc/next-hops.ts';
import type { Decision, Target } from '../../../felix/calc/route.ts';

/** Inputs as text: what there is, and nothing else. */
interface Given {
  nodes?: string[];
  /** Routes of the host; connected ones with a "c" in front: `c 192.168.1.0/24`. */
  underlay?: string[];
  blocks?: string[];
  /** `caliA 10.60.0.1 10.60.0.2`, in the order in which they were wired. */
  pods?: string[];
  /** `10.60.1.0/26 via 192.168.1.2 192.168.1.3`. */
  learned?: string[];
  /** `192.0.2.1 via 192.168.1.1` */
  peerRoutes?: string[];
  /** Of the datastore: `10.60.1.0/26 via 192.168.1.2`, `10.60.1.0/26 via 10.60.1.1 dev vxlan.calico until BGP has it`. */
  remote?: string[];
  /** Pools whose routes are the datastore's. */
  pools?: string[];
  /** And in them, what is BGP's for the time being. */
  exceptions?: string[];
  /** Where what BGP says leads into a tunnel: `10.62.0.0/16 192.168.1.2 192.168.1.3 dev tunl0`. */
  tunnelled?: string[];
}

/** A host on whose networks everybody is. */
function neighbour(nextHop: ZonedAddress): Resolution {
  return { cost: 0, gateways: [nextHop] };
}

function calculation(given: Given): Calculation {
  const calc = new Calculation(neighbour, 1);
  calc.setNodeAddresses((given.nodes ?? []).map(parseAddress));
  calc.setUnderlay(
    (given.underlay ?? []).map((text) => ({
      prefix: parsePrefix(text.replace('c ', '')),
      isConnected: text.startsWith('c '),
    })),
  );
  calc.setLocalBlocks((given.blocks ?? []).map(parsePrefix));
  for (const [since, pod] of (given.pods ?? []).entries()) {
    const [hostInterface, ...addresses] = pod.split(' ');
    calc.setWorkload(hostInterface!, {
      hostInterface: hostInterface!,
      addresses: addresses.map(parseAddress),
      since,
    });
  }
  for (const text of given.learned ?? []) learn(calc, text);
  calc.setPeerRoutes((given.peerRoutes ?? []).map(peerRoute));
  setRemote(calc, given);
  return calc;
}

function peerRoute(text: string) {
  const [peer, gateway] = text.split(' via ');
  return { peer: parseAddress(peer!), gateway: parseAddress(gateway!) };
}

function setRemote(
  calc: Calculation,
  { remote = [], pools = [], exceptions = [], tunnelled = [] }: Given,
): void {
  const routes = remote.map((text) => {
    const [, prefix, gateway, device, yields] =
      /^(\S+) via (\S+)(?: dev (\S+))?( until BGP has it)?$/.exec(text)!;
    const way = { kind: 'remote', node: 'there', gateway: parseAddress(gateway!), device } as const;
    return { prefix: parsePrefix(prefix!), target: { ...way, yields: yields !== undefined } };
  });
  calc.setRemote({
    ...{ routes, pools: pools.map(parsePrefix), learned: exceptions.map(parsePrefix) },
    tunnelled: tunnelled.map((text) => {
      const [hops, device] = text.split(' dev ');
      const [prefix, ...nextHops] = hops!.split(' ');
      return {
        prefix: parsePrefix(prefix!),
        device: device!,
        nextHops: nextHops.map(parseAddress),
      };
    }),
  });
}

function learn(calc: Calculation, text: string): void {
  const [prefix, , ...hops] = text.split(' ');
  calc.setLearned(parsePrefix(prefix!), hops.map(parseZonedAddress));
}

function show(decision: Decision): string {
  const routes = decision.route ? [showTarget(decision.route.target)] : [];
  return [...routes, ...decision.refusals.map((refusal) => `refused: ${refusal.rule}`)].join('; ');
}

function showTarget(target: Target): string {
  if (target.kind === 'workload') return `dev ${target.hostInterface}`;
  if (target.kind === 'blackhole') return 'blackhole';
  if (target.kind === 'remote') {
    const { gateway, device } = target;
    return `${gateway ? `via ${formatAddress(gateway)} ` : ''}${device ? `dev ${device}` : ''}`.trim();
  }
  return `via ${target.nextHops.map(formatZonedAddress).join(' ')}`;
}

/** Decides everything that is waiting: what a shell would be told to do now. */
function drain(calc: Calculation): Record<string, string> {
  const shown: Record<string, string> = {};
  while (calc.dirtyCount > 0) {
    for (const prefix of calc.takeDirty(2)) shown[formatPrefix(prefix)] = show(calc.decide(prefix));
  }
  return shown;
}

const LAN = 'c 192.168.1.0/24';
const NODES = ['192.168.1.1', '192.168.1.2', '2001:db8::1'];

test.each<[name: string, given: Given, prefix: string, then: string]>([
  ['nobody wants it', {}, '10.60.0.0/26', ''],
  [
    'a pod is routed to its interface',
    { pods: ['caliA 10.60.0.1'], blocks: ['10.60.0.0/26'] },
    '10.60.0.1/32',
    'dev caliA',
  ],
  ['an IPv6 pod too', { pods: ['caliA fd00::1'] }, 'fd00::1/128', 'dev caliA'],
  ['a block is a blackhole', { blocks: ['10.60.0.0/26'] }, '10.60.0.0/26', 'blackhole'],
  ['an IPv6 block too', { blocks: ['fd00::/122'] }, 'fd00::/122', 'blackhole'],
  ['a block of one address has no blackhole', { blocks: ['10.60.0.7/32'] }, '10.60.0.7/32', ''],
  ['nor one of one IPv6 address', { blocks: ['fd00::7/128'] }, 'fd00::7/128', ''],
  [
    'its pod has a route all the same',
    { blocks: ['10.60.0.7/32'], pods: ['caliA 10.60.0.7'] },
    '10.60.0.7/32',
    'dev caliA',
  ],
  [
    'of two pods with one address the newer has it',
    { pods: ['caliA 10.60.0.1', 'caliB 10.60.0.1'] },
    '10.60.0.1/32',
    'dev caliB; refused: address of two pods',
  ],
  [
    'a learned block goes by its next hop',
    { learned: ['10.60.1.0/26 via 192.168.1.2'], nodes: NODES, underlay: [LAN] },
    '10.60.1.0/26',
    'via 192.168.1.2',
  ],
  [
    'next hops are sorted and counted once',
    { learned: ['10.60.1.0/26 via 192.168.1.3 192.168.1.2 192.168.1.3'] },
    '10.60.1.0/26',
    'via 192.168.1.2 192.168.1.3',
  ],
  [
    'the nodes’ own subnet is not learned',
    { learned: ['192.168.1.0/24 via 192.168.1.2'], nodes: NODES, underlay: [LAN] },
    '192.168.1.0/24',
    'refused: covers a node address',
  ],
  [
    'nor a part of it that holds a node',
    { learned: ['192.168.1.0/30 via 192.168.1.2'], nodes: NODES, underlay: [LAN] },
    '192.168.1.0/30',
    'refused: covers a node address',
  ],
  [
    'nor a node itself',
    { learned: ['2001:db8::1/128 via 2001:db8::2'], nodes: NODES, underlay: ['c 2001:db8::/64'] },
    '2001:db8::1/128',
    'refused: covers a node address',
  ],
  [
    'nor what covers a node that only the default route reaches',
    {
      learned: ['10.0.0.0/8 via 192.168.1.2'],
      nodes: ['10.9.9.9'],
      underlay: [LAN, '0.0.0.0/0'],
    },
    '10.0.0.0/8',
    'refused: covers a node address',
  ],
  [
    'nor, with nothing known of the host, anything that holds a node',
    { learned: ['192.168.0.0/16 via 192.168.1.2'], nodes: NODES },
    '192.168.0.0/16',
    'refused: covers a node address',
  ],
  [
    'a default route is learned when all nodes have something longer',
    { learned: ['0.0.0.0/0 via 192.168.1.9'], nodes: ['192.168.1.1'], underlay: [LAN] },
    '0.0.0.0/0',
    'via 192.168.1.9',
  ],
  [
    'a connected network without a node is not displaced either',
    { learned: ['172.16.0.0/24 via 192.168.1.2'], underlay: ['c 172.16.0.0/24'] },
    '172.16.0.0/24',
    'refused: displaces a connected route',
  ],
  [
    'a static route of the host is no reason to refuse',
    { learned: ['172.16.0.0/24 via 192.168.1.2'], underlay: ['172.16.0.0/24'] },
    '172.16.0.0/24',
    'via 192.168.1.2',
  ],
  [
    'our block is not learned from others',
    { learned: ['10.60.0.0/26 via 192.168.1.2'], blocks: ['10.60.0.0/26'] },
    '10.60.0.0/26',
    'blackhole; refused: shadows a local block',
  ],
  [
    'nor a part of it',
    { learned: ['10.60.0.0/27 via 192.168.1.2'], blocks: ['10.60.0.0/26'] },
    '10.60.0.0/27',
    'refused: shadows a local block',
  ],
  [
    'nor our block of one address',
    { learned: ['10.60.0.7/32 via 192.168.1.2'], blocks: ['10.60.0.7/32'] },
    '10.60.0.7/32',
    'refused: shadows a local block',
  ],
  [
    'what is larger than our block shadows nothing',
    { learned: ['10.60.0.0/16 via 192.168.1.2'], blocks: ['10.60.0.0/26'] },
    '10.60.0.0/16',
    'via 192.168.1.2',
  ],
  [
    'an address that another node borrowed from our block is learned',
    { learned: ['10.60.0.9/32 via 192.168.1.2'], blocks: ['10.60.0.0/26'] },
    '10.60.0.9/32',
    'via 192.168.1.2',
  ],
  [
    'but not that of a pod here',
    { learned: ['10.60.0.9/32 via 192.168.1.2'], pods: ['caliA 10.60.0.9'] },
    '10.60.0.9/32',
    'dev caliA; refused: belongs to a local pod',
  ],
  [
    'a block that holds a node is no blackhole',
    { blocks: ['192.168.1.0/26'], nodes: NODES, underlay: [LAN] },
    '192.168.1.0/26',
    'refused: covers a node address',
  ],
  [
    'a pod with a node’s address gets no route',
    { pods: ['caliA 192.168.1.2'], nodes: NODES, underlay: [LAN] },
    '192.168.1.2/32',
    'refused: covers a node address',
  ],
  ...[
    '127.1.0.0/16 via 192.168.1.2',
    '169.254.1.1/32 via 192.168.1.2',
    '169.254.169.254/32 via 192.168.1.2',
    '0.1.0.0/16 via 192.168.1.2',
    '224.1.0.0/16 via 192.168.1.2',
    '::1/128 via fd00::2',
    'fe80::/64 via fd00::2',
    'ff02::/16 via fd00::2',
    '::ffff:10.0.0.0/104 via fd00::2',
  ].map((text): [string, Given, string, string] => [
    `no network to route to: ${text}`,
    { learned: [text] },
    text.split(' ')[0]!,
    'refused: is no network to route to',
  ]),
  [
    'an IPv6 route by an IPv4 next hop',
    { learned: ['fd00::/64 via 192.168.1.2'] },
    'fd00::/64',
    'refused: has an unusable next hop',
  ],
  [
    'a link-local next hop, one of two',
    { learned: ['fd00::/64 via fd00:1::2 fe80::1'] },
    'fd00::/64',
    'refused: has an unusable next hop',
  ],
  [
    'a link-local next hop on its link, once',
    { learned: ['fd00::/64 via fe80::1%eth1 fe80::1%eth0 fe80::1%eth1'] },
    'fd00::/64',
    'via fe80::1%eth0 fe80::1%eth1',
  ],
  [
    'RFC 8950: an IPv4 route by an IPv6 next hop',
    { learned: ['10.60.1.0/26 via fe80::1%eth0'] },
    '10.60.1.0/26',
    'via fe80::1%eth0',
  ],
  [
    'a guard holds whatever the next hop is',
    { nodes: ['192.168.1.2'], learned: ['192.168.1.0/24 via fe80::1%eth0'] },
    '192.168.1.0/24',
    'refused: covers a node address',
  ],
  [
    'the unspecified address as a next hop',
    { learned: ['10.60.1.0/26 via 0.0.0.0'] },
    '10.60.1.0/26',
    'refused: has an unusable next hop',
  ],
])('%s', (_, given, prefix, then) => {
  expect(show(calculation(given).decide(parsePrefix(prefix)))).toBe(then);
});

test('a reason names the prefix, what it touches, and the consequence', () => {
  const calc = calculation({
    learned: ['192.168.1.0/24 via 192.168.1.9'],
    nodes: ['192.168.1.1'],
    underlay: [LAN],
  });
  const [refusal] = calc.decide(parsePrefix('192.168.1.0/24')).refusals;
  expect(refusal!.reason).toMatch(/192\.168\.1\.0\/24 .* node address 192\.168\.1\.1, .* traffic/);
});

describe('a change marks what it may change, and only that', () => {
  const base: Given = {
    nodes: ['192.168.1.1'],
    underlay: [LAN],
    blocks: ['10.60.0.0/26'],
    pods: ['caliA 10.60.0.1'],
    learned: [
      '10.60.1.0/26 via 192.168.1.2',
      '192.168.0.0/16 via 192.168.1.2',
      '10.60.2.9/32 via 192.168.1.2',
    ],
  };

  test.each<[name: string, change: (calc: Calculation) => void, marked: Record<string, string>]>([
    [
      'a route is gone',
      (calc) => calc.setLearned(parsePrefix('10.60.1.0/26'), []),
      { '10.60.1.0/26': '' },
    ],
    [
      'a route that was never there is gone',
      (calc) => calc.setLearned(parsePrefix('10.99.0.0/26'), []),
      {},
    ],
    [
      'a node joins under a learned route',
      (calc) => calc.setNodeAddresses(['192.168.1.1', '192.168.7.7'].map(parseAddress)),
      { '192.168.0.0/16': 'refused: covers a node address' },
    ],
    [
      'the connected network goes away',
      (calc) => calc.setUnderlay([]),
      { '192.168.1.0/24': '', '192.168.0.0/16': 'refused: covers a node address' },
    ],
    [
      'a learned network is connected',
      (calc) =>
        calc.setUnderlay([
          { prefix: parsePrefix('192.168.1.0/24'), isConnected: true },
          { prefix: parsePrefix('10.60.1.0/26'), isConnected: true },
        ]),
      { '10.60.1.0/26': 'refused: displaces a connected route' },
    ],
    [
      'a block comes and one goes',
      (calc) => calc.setLocalBlocks(['10.60.1.0/24'].map(parsePrefix)),
      {
        '10.60.0.0/26': '',
        '10.60.1.0/24': 'blackhole',
        '10.60.1.0/26': 'refused: shadows a local block',
      },
    ],
    [
      'a pod takes a borrowed address home',
      (calc) =>
        calc.setWorkload('caliB', {
          hostInterface: 'caliB',
          addresses: [parseAddress('10.60.2.9')],
          since: 9,
        }),
      { '10.60.2.9/32': 'dev caliB; refused: belongs to a local pod' },
    ],
    ['a pod goes', (calc) => calc.setWorkload('caliA', undefined), { '10.60.0.1/32': '' }],
    [
      'all stays as it was',
      (calc) => {
        calc.setNodeAddresses([parseAddress('192.168.1.1')]);
        calc.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
        calc.setUnderlay([{ prefix: parsePrefix('192.168.1.0/24'), isConnected: true }]);
      },
      {},
    ],
  ])('%s', (_, change, marked) => {
    const calc = calculation(base);
    drain(calc);
    change(calc);
    expect(drain(calc)).toEqual(marked);
  });
});

test('the answer depends on the inputs, not on their order', () => {
  const given: Given = {
    nodes: NODES,
    underlay: [LAN],
    blocks: ['10.60.0.0/26', '10.60.3.0/26'],
    pods: ['caliA 10.60.0.1', 'caliB 10.60.0.1'],
    learned: ['10.60.0.1/32 via 192.168.1.2', '0.0.0.0/0 via 192.168.1.2'],
  };
  const forward = calculation(given);
  const backward = new Calculation(neighbour, 1);
  for (const text of given.learned!.toReversed()) learn(backward, text);
  for (const [since, hostInterface] of [
    [1, 'caliB'],
    [0, 'caliA'],
  ] as const) {
    backward.setWorkload(hostInterface, {
      hostInterface,
      addresses: [parseAddress('10.60.0.1')],
      since,
    });
  }
  backward.setLocalBlocks(given.blocks!.toReversed().map(parsePrefix));
  backward.setUnderlay([{ prefix: parsePrefix('192.168.1.0/24'), isConnected: true }]);
  backward.setNodeAddresses(NODES.toReversed().map(parseAddress));
  const wanted = drain(forward);
  expect(Object.keys(wanted)).toHaveLength(4 + 1);
  expect(drain(backward)).toEqual(wanted);
});

test('a link that comes or goes has its learned routes decided anew, and no others', () => {
  const learned = ['10.60.1.0/26 via fe80::1%eth0', '10.60.2.0/26 via fe80::1%eth1'];
  const calc = calculation({ learned });
  drain(calc);
  calc.touchLink('eth1');
  expect(drain(calc)).toEqual({ '10.60.2.0/26': 'via fe80::1%eth1' });
});

describe('the way to a BGP peer that is said', () => {
  const host = parsePrefix('192.0.2.1/32');

  test.each<[string, Given, string]>([
    ['is a route to it alone', {}, 'via 192.168.1.1'],
    ['wins over what BGP says', { learned: ['192.0.2.1/32 via 192.168.1.9'] }, 'via 192.168.1.1'],
    ['may lead to a node', { nodes: ['192.0.2.1'] }, 'via 192.168.1.1'],
    [
      'yields to a pod',
      { pods: ['caliA 192.0.2.1'] },
      'dev caliA; refused: belongs to a local pod',
    ],
    [
      'displaces no connected route',
      { underlay: ['c 192.0.2.1/32'] },
      'refused: displaces a connected route',
    ],
  ])('%s', (_, given, shown) => {
    const calc = calculation({ ...given, peerRoutes: ['192.0.2.1 via 192.168.1.1'] });
    expect(show(calc.decide(host))).toBe(shown);
  });

  test('only what differs is decided anew', () => {
    const calc = calculation({
      peerRoutes: ['192.0.2.1 via 192.168.1.1', '192.0.2.2 via 192.168.1.1'],
    });
    const dirty = () => calc.takeDirty(10).map(formatPrefix).sort();
    expect(dirty()).toEqual(['192.0.2.1/32', '192.0.2.2/32']);
    calc.setPeerRoutes(['192.0.2.1 via 192.168.1.1', '192.0.2.2 via 192.168.1.5'].map(peerRoute));
    expect(dirty()).toEqual(['192.0.2.2/32']);
    calc.setPeerRoutes([]);
    expect(dirty()).toEqual(['192.0.2.1/32', '192.0.2.2/32']);
    expect(show(calc.decide(host))).toBe('');
  });
});

describe('what the datastore says of other nodes', () => {
  const pools = ['10.60.0.0/16', 'fd60::/48'];

  test.each<[name: string, given: Given, prefix: string, then: string]>([
    [
      'a remote block goes by the tunnel',
      { remote: ['10.60.1.0/26 via 10.60.1.1 dev vxlan.calico'], pools },
      '10.60.1.0/26',
      'via 10.60.1.1 dev vxlan.calico',
    ],
    [
      'what BGP says of it too is not installed',
      {
        remote: ['10.60.1.0/26 via 10.60.1.1 dev vxlan.calico'],
        learned: ['10.60.1.0/26 via 192.168.1.2'],
        pools,
      },
      '10.60.1.0/26',
      'via 10.60.1.1 dev vxlan.calico',
    ],
    [
      'but for a block whose tunnel is not ready yet',
      { learned: ['10.60.1.0/26 via 192.168.1.2'], pools, exceptions: ['10.60.1.0/26'] },
      '10.60.1.0/26',
      'via 192.168.1.2',
    ],
    [
      'a pool without a tunnel by now: the tunnel until BGP has the block',
      { remote: ['10.60.1.0/26 via 10.60.1.1 dev vxlan.calico until BGP has it'] },
      '10.60.1.0/26',
      'via 10.60.1.1 dev vxlan.calico',
    ],
    [
      'and then what BGP says',
      {
        remote: ['10.60.1.0/26 via 10.60.1.1 dev vxlan.calico until BGP has it'],
        learned: ['10.60.1.0/26 via 192.168.1.2'],
      },
      '10.60.1.0/26',
      'via 192.168.1.2',
    ],
    [
      'nor what BGP alone says of a part of the pool',
      { learned: ['10.60.1.0/27 via 192.168.1.2'], pools },
      '10.60.1.0/27',
      '',
    ],
    [
      'nor what is nobody’s block: it is BGP alone that says so',
      {
        remote: ['10.60.1.0/26 via 192.168.1.2'],
        learned: ['10.60.1.9/32 via 192.168.1.3'],
        pools,
      },
      '10.60.1.9/32',
      '',
    ],
    ['nor of the whole', { learned: ['fd60::/48 via 2001:db8::2'], pools }, 'fd60::/48', ''],
    [
      'what holds the pool and more is learned',
      { learned: ['10.0.0.0/8 via 192.168.1.2'], pools },
      '10.0.0.0/8',
      'via 192.168.1.2',
    ],
    [
      'a block of this node stays a blackhole',
      { blocks: ['10.60.1.0/26'], remote: ['10.60.1.0/26 via 192.168.1.2'], pools },
      '10.60.1.0/26',
      'blackhole; refused: shadows a local block',
    ],
    [
      'an address that another node borrowed from it goes there',
      { blocks: ['10.60.1.0/26'], remote: ['10.60.1.9/32 via 192.168.1.2'], pools },
      '10.60.1.9/32',
      'via 192.168.1.2',
    ],
    [
      'a pod of this node has its address, whatever is said of it',
      { pods: ['caliA 10.60.1.9'], remote: ['10.60.1.9/32 via 192.168.1.2'], pools },
      '10.60.1.9/32',
      'dev caliA; refused: belongs to a local pod',
    ],
    [
      'it must not cut off a node either',
      { nodes: ['10.60.1.7'], remote: ['10.60.1.0/26 via 10.60.1.1 dev vxlan.calico'], pools },
      '10.60.1.0/26',
      'refused: covers a node address',
    ],
  ])('%s', (_, given, prefix, then) => {
    expect(show(calculation(given).decide(parsePrefix(prefix)))).toBe(then);
  });

  test.each<[name: string, learned: string, then: string]>([
    ['a node', '10.62.1.0/26 via 192.168.1.2', 'via 192.168.1.2%tunl0'],
    ['a node in the same subnet', '10.62.1.0/26 via 192.168.1.4', 'via 192.168.1.4'],
    [
      'several nodes share the load, each by its way',
      '10.62.1.9/32 via 192.168.1.4 192.168.1.3 192.168.1.2',
      'via 192.168.1.2%tunl0 192.168.1.3%tunl0 192.168.1.4',
    ],
    ['a prefix that is not all in the pool', '10.62.0.0/15 via 192.168.1.2', 'via 192.168.1.2'],
    ['what is in no pool', '10.63.1.0/26 via 192.168.1.2', 'via 192.168.1.2'],
  ])('an IPIP pool whose routes are BGP’s: %s', (_, learned, then) => {
    const tunnelled = ['10.62.0.0/16 192.168.1.2 192.168.1.3 dev tunl0'];
    const calc = calculation({ learned: [learned], tunnelled });
    const [prefix] = learned.split(' ');
    expect(drain(calc)).toEqual({ [prefix!]: then });
    // The order in which both come is nobody's choice.
    const other = calculation({ tunnelled });
    learn(other, learned);
    expect(drain(other)).toEqual({ [prefix!]: then });
    expect([...other.remote.devices()]).toEqual(['tunl0']);
  });

  test('a tunnel that comes, goes, or is made anew: only what BGP has in its pool is decided anew', () => {
    const given: Given = {
      learned: ['10.62.1.0/26 via 192.168.1.2', '10.61.0.0/26 via 192.168.1.2'],
      tunnelled: ['10.62.0.0/16 192.168.1.2 dev tunl0'],
    };
    const calc = calculation({ ...given, tunnelled: [] });
    drain(calc);
    setRemote(calc, given);
    const byTunnel = { '10.62.1.0/26': 'via 192.168.1.2%tunl0' };
    expect(drain(calc)).toEqual(byTunnel);
    setRemote(calc, given);
    expect(drain(calc)).toEqual({});
    calc.touchLink('tunl0');
    expect(drain(calc)).toEqual(byTunnel);
    setRemote(calc, {});
    expect(drain(calc)).toEqual({ '10.62.1.0/26': 'via 192.168.1.2' });
    expect([...calc.remote.devices()]).toEqual([]);
  });

  test('who programs a pool’s routes changes while both know them: no moment without', () => {
    const learned = ['10.62.1.0/26 via 192.168.1.2'];
    const route = '10.62.1.0/26 via 192.168.1.2 dev tunl0';
    const byBgp: Given = { tunnelled: ['10.62.0.0/16 192.168.1.2 dev tunl0'] };
    const calc = calculation({ learned, ...byBgp });
    expect(drain(calc)).toEqual({ '10.62.1.0/26': 'via 192.168.1.2%tunl0' });
    setRemote(calc, { remote: [route], pools: ['10.62.0.0/16'] });
    expect(drain(calc)).toEqual({ '10.62.1.0/26': 'via 192.168.1.2 dev tunl0' });
    setRemote(calc, { ...byBgp, remote: [`${route} until BGP has it`] });
    expect(drain(calc)).toEqual({ '10.62.1.0/26': 'via 192.168.1.2%tunl0' });
  });

  test('a node without a tunnel is reached as the host reaches it, and both change together', () => {
    let gateways = ['192.168.1.7'];
    const calc = new Calculation(() => ({ cost: 0, gateways: gateways.map(parseAddress) }), 1);
    const pool: Given = { remote: ['10.62.1.0/26 via 198.51.100.3'], pools: ['10.62.0.0/16'] };
    setRemote(calc, pool);
    expect(drain(calc)).toEqual({ '10.62.1.0/26': 'via 192.168.1.7' });
    gateways = ['192.168.1.7', '192.168.1.8'];
    calc.reviewNextHops();
    expect(drain(calc)).toEqual({ '10.62.1.0/26': 'via 192.168.1.7 192.168.1.8' });
    setRemote(calc, {});
    expect(drain(calc)).toEqual({ '10.62.1.0/26': '' });
    gateways = [];
    calc.reviewNextHops();
    setRemote(calc, pool);
    expect(drain(calc)).toEqual({ '10.62.1.0/26': 'refused: has an unusable next hop' });
  });

  const base: Given = {
    remote: ['10.60.1.0/26 via 10.60.1.1 dev vxlan.calico', 'fd60::40/122 via 2001:db8::2'],
    learned: ['10.60.2.0/26 via 192.168.1.2', '10.61.0.0/26 via 192.168.1.2'],
    pools,
  };

  test.each<[name: string, next: Given, marked: Record<string, string>]>([
    ['all stays as it was', base, {}],
    [
      'a block changes its way',
      { ...base, remote: ['10.60.1.0/26 via 192.168.1.3', 'fd60::40/122 via 2001:db8::2'] },
      { '10.60.1.0/26': 'via 192.168.1.3' },
    ],
    [
      'a pool goes over to BGP',
      { remote: base.remote!.slice(1), pools: ['fd60::/48'] },
      { '10.60.1.0/26': '', '10.60.2.0/26': 'via 192.168.1.2' },
    ],
  ])('%s: only that is decided anew', (_, next, marked) => {
    const calc = calculation(base);
    drain(calc);
    setRemote(calc, next);
    expect(drain(calc)).toEqual(marked);
  });

  test.each<[name: string, learned: string, then: string]>([
    ['an aggregate', '10.60.0.0/16 via 192.168.1.2', ''],
    ['an aggregate of more than the pool', '10.0.0.0/8 via 192.168.1.2', ''],
    [
      'a default route, which leads to no block',
      '0.0.0.0/0 via 192.168.1.2',
      'via 10.60.1.1 dev vxlan.calico',
    ],
    ['a route to a part of it', '10.60.1.0/27 via 192.168.1.2', 'via 10.60.1.1 dev vxlan.calico'],
  ])('BGP has no more than %s of a block that yields to it', (_, learned, then) => {
    const remote = ['10.60.1.0/26 via 10.60.1.1 dev vxlan.calico until BGP has it'];
    const block = parsePrefix('10.60.1.0/26');
    // Before the pool changed its mode, and after.
    const before = calculation({ remote, learned: [learned] });
    drain(before);
    expect(show(before.decide(block))).toBe(then);
    const after = calculation({ remote });
    drain(after);
    learn(after, learned);
    const [first] = Object.keys(drain(after));
    expect(first).toBe(learned.split(' ')[0]);
    expect(show(after.decide(block))).toBe(then);
    expect(after.remote.yielding()).toHaveLength(then === '' ? 0 : 1);
  });

  test('a way that BGP’s has come in place of does not come back when BGP’s goes', () => {
    const calc = calculation({
      remote: ['10.60.1.0/26 via 10.60.1.1 dev vxlan.calico until BGP has it'],
    });
    drain(calc);
    expect([...calc.remote.devices()]).toEqual(['vxlan.calico']);
    learn(calc, '10.60.1.0/26 via 192.168.1.2');
    expect(drain(calc)).toEqual({ '10.60.1.0/26': 'via 192.168.1.2' });
    expect([...calc.remote.devices()]).toEqual([]);
    calc.setLearned(parsePrefix('10.60.1.0/26'), []);
    expect(drain(calc)).toEqual({ '10.60.1.0/26': '' });
  });

  test('a tunnel’s device that is made anew has its routes decided anew', () => {
    const calc = calculation(base);
    drain(calc);
    calc.touchLink('vxlan.calico');
    expect(drain(calc)).toEqual({ '10.60.1.0/26': 'via 10.60.1.1 dev vxlan.calico' });
  });
});

describe('RFC 4271 §9.1.2.1: a next hop is reached', () => {
  const TUNNEL = ['10.60.1.0/26 via 10.60.1.1 dev vxlan.calico'];

  test.each<[what: string, given: Given, nextHop: string, then: string]>([
    ['as the host says', {}, '192.168.1.2', '192.168.1.2'],
    [
      'as the way to a peer says',
      { peerRoutes: ['10.8.0.1 via 192.168.1.9'] },
      '10.8.0.1',
      '192.168.1.9',
    ],
    [
      'on the veth of a pod',
      { pods: ['caliA 10.60.0.1'], blocks: ['10.60.0.0/26'] },
      '10.60.0.1',
      '10.60.0.1',
    ],
    ['not at all inside a block, if no pod has it', { blocks: ['10.60.0.0/26'] }, '10.60.0.1', ''],
    [
      'by a tunnel, in another node’s block',
      { remote: TUNNEL },
      '10.60.1.9',
      '10.60.1.1%vxlan.calico onlink',
    ],
    [
      'by the other node, without a tunnel',
      { remote: ['10.60.1.0/26 via 192.168.1.3'] },
      '10.60.1.9',
      '192.168.1.3',
    ],
    [
      'never by what BGP brought',
      { learned: ['10.7.0.0/16 via 192.168.1.2'] },
      '10.7.0.1',
      '10.7.0.1',
    ],
  ])('%s', (_, given, nextHop, then) => {
    const { gateways } = calculation(given).resolve(parseAddress(nextHop));
    const shown = gateways.map((one) => `${formatZonedAddress(one)}${one.onlink ? ' onlink' : ''}`);
    expect(shown.join(' ')).toBe(then);
  });

  test('and a route goes by the gateway, or is refused; both follow the host', () => {
    let gateways = ['192.168.1.7'];
    const calc = new Calculation(() => ({ cost: 0, gateways: gateways.map(parseAddress) }), 1);
    learn(calc, '10.60.1.0/26 via 10.8.0.1');
    expect(drain(calc)).toEqual({ '10.60.1.0/26': 'via 192.168.1.7' });
    gateways = ['192.168.1.8', '192.168.1.7'];
    calc.reviewNextHops();
    expect(drain(calc)).toEqual({ '10.60.1.0/26': 'via 192.168.1.7 192.168.1.8' });
    gateways = [];
    calc.reviewNextHops();
    learn(calc, '10.60.2.0/26 via 10.8.0.2');
    expect(drain(calc)).toEqual({ '10.60.2.0/26': 'refused: has an unusable next hop' });
    gateways = ['192.168.1.8'];
    calc.reviewNextHops();
    expect(drain(calc)).toEqual({
      '10.60.1.0/26': 'via 192.168.1.8',
      '10.60.2.0/26': 'via 192.168.1.8',
    });
  });

  test('IPv6 by IPv4 is refused by the next hop that was told, whatever gateway it has', () => {
    const calc = new Calculation(() => ({ cost: 0, gateways: [parseAddress('2001:db8::7')] }), 1);
    learn(calc, 'fd60::/122 via 192.168.1.2');
    learn(calc, '10.60.1.0/26 via 0.0.0.0');
    expect(drain(calc)).toEqual({
      'fd60::/122': 'refused: has an unusable next hop',
      '10.60.1.0/26': 'refused: has an unusable next hop',
    });
  });
});
