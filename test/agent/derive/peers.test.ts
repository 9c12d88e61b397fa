import { parseAddress, parsePrefix } from 'net-ipaddr';
import type { BGPConfiguration, BGPPeer, Node } from '../../../api/index.ts';
import { readBgpSettings, readNodes } from '../../../src/agent/derive/cluster.ts';
import { type DerivedPeer, derivePeers } from '../../../src/agent/derive/peers.ts';

interface Given {
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
}

function node(name: string, index: number, { annotations = {}, labels = {} }: Given = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels,
      annotations: { 'projectcalico.org/IPv4Address': `192.0.2.${index}/24`, ...annotations },
    },
  };
}

function peer(name: string, spec: Partial<BGPPeer['spec']>): BGPPeer {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'BGPPeer',
    metadata: { name },
    spec: spec as BGPPeer['spec'],
  };
}

function derive(
  nodeName: string,
  nodes: Node[],
  peers: BGPPeer[] = [],
  spec: BGPConfiguration['spec'] = {},
) {
  const problems: string[] = [];
  const settings = readBgpSettings(
    [
      {
        apiVersion: 'projectcalico.org/v3',
        kind: 'BGPConfiguration',
        metadata: { name: 'default' },
        spec,
      },
    ],
    nodeName,
    problems,
  );
  const derived = derivePeers(
    { nodeName, nodes: readNodes(nodes, settings.asNumber, problems), peers, settings },
    problems,
  );
  return { derived, problems };
}

const NO_MESH = { nodeToNodeMeshEnabled: false };

const short = (one: DerivedPeer) =>
  `${one.name} AS${one.remoteAs} ${one.type}${one.passive ? ' passive' : ''}${one.routeReflectorClient ? ' client' : ''}`;

describe('the mesh', () => {
  test('every other node, an AS of its own where it has one, one side of each pair passive', () => {
    const nodes = [
      node('a', 1),
      node('b', 2, { annotations: { 'projectcalico.org/ASNumber': '64600' } }),
      node('c', 3),
    ];
    expect(derive('b', nodes).derived.map(short)).toEqual([
      '192.0.2.1 AS64512 node-to-node mesh',
      '192.0.2.3 AS64512 node-to-node mesh passive',
    ]);
    const passive = (self: string, other: number) =>
      derive(self, nodes).derived.find((one) => one.name === `192.0.2.${other}`)!.passive;
    expect(passive('a', 2)).not.toBe(passive('b', 1));
  });

  test('both families where both ends have them', () => {
    const v6 = (index: number) => ({
      annotations: { 'projectcalico.org/IPv6Address': `2001:db8::${index}/64` },
    });
    const nodes = [node('a', 1, v6(1)), node('b', 2, v6(2)), node('c', 3)];
    expect(derive('a', nodes).derived.map((one) => one.name)).toEqual([
      '192.0.2.2',
      '192.0.2.3',
      '2001:db8::2',
    ]);
  });

  test('not with it disabled, and not for a route reflector', () => {
    const nodes = [
      node('a', 1),
      node('rr', 2, { annotations: { 'projectcalico.org/RouteReflectorClusterID': '244.0.0.1' } }),
    ];
    expect(derive('a', [node('a', 1), node('b', 2)], [], NO_MESH).derived).toEqual([]);
    expect(derive('a', nodes).derived).toEqual([]);
    expect(derive('rr', nodes).derived).toEqual([]);
  });
});

test('RFC 8538 is for routers elsewhere: of peers it is known which are nodes, however they came to be peers', () => {
  const nodes = [node('a', 1), node('b', 2), node('c', 3, { labels: { rr: 'yes' } })];
  const peers = [
    peer('tor', { peerIP: '203.0.113.1', asNumber: 65001 }),
    peer('b', { peerIP: '192.0.2.2' }),
    peer('rr', { node: 'a', peerSelector: 'has(rr)' }),
    peer('range', { peerRange: '198.51.100.0/24', asNumber: 65001 }),
  ];
  const isNode = derive('a', nodes, peers, NO_MESH).derived.map((one) => [one.name, one.isNode]);
  expect(Object.fromEntries(isNode)).toEqual({
    '192.0.2.2': true,
    '192.0.2.3': true,
    '198.51.100.0/24': false,
    '203.0.113.1': false,
  });
  expect(derive('a', nodes).derived.map((one) => one.isNode)).toEqual([true, true]);
});

test('the mesh has BGPConfiguration’s bfd, a BGPPeer its own at both ends, and others none', () => {
  const nodes = [node('a', 1), node('b', 2), node('c', 3, { labels: { rr: 'yes' } })];
  const peers = [
    peer('tor', { peerIP: '203.0.113.1', asNumber: 65001 }),
    peer('rr', { node: 'a', peerSelector: 'has(rr)', bfd: { multiplier: 5, multihop: true } }),
  ];
  const bfdOf = (name: string) =>
    Object.fromEntries(
      derive(name, nodes, peers, { bfd: {} }).derived.map((one) => [one.name, one.bfd]),
    );
  const mesh = { intervalMs: 300, detectMult: 3 };
  const own = { intervalMs: 300, detectMult: 5, hops: 'multi' };
  expect(bfdOf('a')).toEqual({ '203.0.113.1': undefined, '192.0.2.2': mesh, '192.0.2.3': own });
  expect(bfdOf('c')).toEqual({ '203.0.113.1': undefined, '192.0.2.1': own, '192.0.2.2': mesh });
});

describe('addPaths and routeReflectorClient', () => {
  const nodes = [
    node('a', 1),
    node('b', 2),
    node('rr', 3, {
      labels: { rr: 'yes' },
      annotations: { 'projectcalico.org/RouteReflectorClusterID': '244.0.0.1' },
    }),
  ];
  const addPathsOf = (name: string, spec: Partial<BGPPeer['spec']>) => {
    const peers = [
      peer('tor', { peerIP: '203.0.113.1', asNumber: 65001 }),
      peer('rr', { node: 'a', peerSelector: 'has(rr)', ...spec }),
    ];
    return Object.fromEntries(
      derive(name, nodes, peers).derived.map((one) => [one.name, one.addPaths]),
    );
  };

  test('RFC 7911 between nodes, as in Calico; not with others unless a BGPPeer says so', () => {
    expect(addPathsOf('a', {})).toEqual({
      '203.0.113.1': 'none',
      '192.0.2.2': 'both',
      '192.0.2.3': 'both',
    });
    const others = [peer('tor', { peerIP: '203.0.113.1', asNumber: 65001, addPaths: 'Receive' })];
    expect(derive('a', [node('a', 1)], others).derived[0]?.addPaths).toBe('receive');
  });

  test('what a BGPPeer says of its side, the other end takes the other way round', () => {
    const ends = (addPaths: 'Send' | 'None') => [
      addPathsOf('a', { addPaths })['192.0.2.3'],
      addPathsOf('rr', { addPaths })['192.0.2.1'],
    ];
    expect(ends('Send')).toEqual(['send', 'receive']);
    expect(ends('None')).toEqual(['none', 'none']);
  });

  test('RFC 4456: routeReflectorClient beats what the cluster ids say, at this end only', () => {
    const isClientOf = (name: string, routeReflectorClient: boolean) =>
      derive(name, nodes, [
        peer('rr', { nodeSelector: 'has(rr)', peerSelector: '!has(rr)', routeReflectorClient }),
      ]).derived.find((one) => name !== 'rr' || one.name === '192.0.2.1')?.routeReflectorClient;
    expect(isClientOf('rr', true)).toBe(true);
    expect(isClientOf('rr', false)).toBe(false);
    expect(isClientOf('a', true)).toBe(false);
  });
});

describe('BGPPeers', () => {
  test('global, by node name and by nodeSelector', () => {
    const nodes = [node('a', 1, { labels: { rack: '1' } }), node('b', 2)];
    const peers = [
      peer('all', { peerIP: '203.0.113.1', asNumber: 65001 }),
      peer('one', { node: 'b', peerIP: '203.0.113.2:1790', asNumber: '65001.1' }),
      peer('rack', { nodeSelector: "rack == '1'", peerIP: '203.0.113.3', asNumber: 65003 }),
    ];
    expect(derive('a', nodes, peers, NO_MESH).derived.map(short)).toEqual([
      '203.0.113.1 AS65001 global',
      '203.0.113.3 AS65003 node specific',
    ]);
    expect(
      derive('b', nodes, peers, NO_MESH).derived.map((one) => [one.name, one.port, one.remoteAs]),
    ).toEqual([
      ['203.0.113.1', 179, 65001],
      ['203.0.113.2', 1790, 65001 * 65536 + 1],
    ]);
  });

  test('unnumbered: the neighbour on an interface, of any other AS where none is given', () => {
    const nodes = [node('a', 1), node('b', 2)];
    const peers = [
      peer('tor', { nodeSelector: 'all()', interface: 'eth1' }),
      peer('own', { node: 'a', interface: 'eth2', asNumber: 64512 }),
    ];
    expect(derive('a', nodes, peers, NO_MESH).derived).toMatchObject([
      { name: 'eth1', interface: 'eth1', address: undefined, remoteAs: 'external', port: 179 },
      { name: 'eth2', interface: 'eth2', address: undefined, remoteAs: 64512, port: 179 },
    ]);
    expect(derive('b', nodes, peers, NO_MESH).derived.map(short)).toEqual([
      'eth1 ASexternal node specific',
    ]);
  });

  test('a global peer beats a node’s own for the same address', () => {
    const peers = [
      peer('own', { node: 'a', peerIP: '203.0.113.1', asNumber: 65009 }),
      peer('all', { peerIP: '203.0.113.1', asNumber: 65001 }),
    ];
    expect(derive('a', [node('a', 1)], peers).derived.map(short)).toEqual([
      '203.0.113.1 AS65001 global',
    ]);
  });

  test('peerSelector peers with nodes, and the nodes peer back; reflectors see clients', () => {
    const nodes = [
      node('a', 1),
      node('rr1', 2, {
        labels: { rr: 'yes' },
        annotations: { 'projectcalico.org/RouteReflectorClusterID': '244.0.0.1' },
      }),
    ];
    const peers = [peer('to-rr', { nodeSelector: '!has(rr)', peerSelector: 'has(rr)' })];
    expect(derive('a', nodes, peers).derived.map(short)).toEqual([
      '192.0.2.2 AS64512 node specific',
    ]);
    expect(derive('rr1', nodes, peers).derived.map(short)).toEqual([
      '192.0.2.1 AS64512 node specific client',
    ]);
    const manual = [peer('to-rr', { ...peers[0]!.spec, reversePeering: 'Manual' })];
    expect(derive('rr1', nodes, manual).derived).toEqual([]);
  });

  test('passwords, hops and words: each session of a BGPPeer, also the reverse one; the mesh has its own', () => {
    const secretKeyRef = (key: string) => ({ secretKeyRef: { name: 'bgp', key } });
    const nodes = [node('a', 1), node('b', 2, { labels: { tor: 'yes' } }), node('c', 3)];
    const peers = [
      peer('up', {
        node: 'a',
        peerSelector: 'has(tor)',
        password: secretKeyRef('up'),
        ttlSecurity: 2,
        description: 'the top of the rack',
      }),
    ];
    const spec = { nodeMeshPassword: secretKeyRef('mesh') };
    const seen = (name: string) =>
      derive(name, nodes, peers, spec).derived.map(
        (one) =>
          `${one.name} ${one.signing.md5Key?.owner} ${one.signing.md5Key?.key} ${one.ttlSecurityHops} ${one.description}`,
      );
    expect(seen('a')).toEqual([
      '192.0.2.2 BGPPeer "up" up 2 the top of the rack',
      '192.0.2.3 BGPConfiguration "default" mesh 0 undefined',
    ]);
    expect(seen('b')[0]).toBe('192.0.2.1 BGPPeer "up" up 2 the top of the rack');
  });

  test('peerRange: whoever connects from within, of the AS that is said', () => {
    const spec = { peerRange: '203.0.113.0/24', asNumber: 65001, maxPeers: 5 };
    const [derived] = derive('a', [node('a', 1)], [peer('racks', spec)]).derived;
    expect(derived).toMatchObject({
      name: '203.0.113.0/24',
      remoteAs: 65001,
      resource: 'racks',
      range: { prefix: parsePrefix('203.0.113.0/24'), maxPeers: 5 },
    });
  });

  test('reachableBy: the gateway to the peer, for those who dial it', () => {
    const spec = { peerIP: '203.0.113.1', asNumber: 65001, reachableBy: '192.0.2.254' };
    const { derived, problems } = derive('a', [node('a', 1)], [peer('tor', spec)]);
    expect(derived).toMatchObject([{ reachableBy: parseAddress('192.0.2.254') }]);
    expect(problems).toEqual([]);
  });

  test('passive: this node waits for the peer', () => {
    const peers = [peer('x', { peerIP: '203.0.113.1', asNumber: 65001, passive: true })];
    expect(derive('a', [node('a', 1)], peers).derived.map(short)).toEqual([
      '203.0.113.1 AS65001 global passive',
    ]);
  });

  test('a malformed one is named and the others count', () => {
    const peers = [
      peer('bad', { peerIP: '10.0.0.300', asNumber: 65001 }),
      peer('good', { peerIP: '203.0.113.1', asNumber: 65001 }),
    ];
    const { derived, problems } = derive('a', [node('a', 1)], peers);
    expect(derived.map(short)).toEqual(['203.0.113.1 AS65001 global']);
    expect(problems).toEqual([expect.stringContaining('BGPPeer "bad": spec.peerIP')]);
  });
});

const WITHOUT_MESH = { nodeToNodeMeshEnabled: false };

test('RFC 7705: localASNumber is what we are to the peer, and what a node on the other end takes us for', () => {
  const nodes = [node('a', 1), node('b', 2)];
  const peers = [
    peer('tor', { node: 'a', peerIP: '198.51.100.1', asNumber: 65001, localASNumber: 65100 }),
    peer('to-b', { node: 'a', peerIP: '192.0.2.2', asNumber: 64512, localASNumber: '0.65101' }),
  ];
  const as = (self: string) =>
    derive(self, nodes, peers, WITHOUT_MESH).derived.map(
      ({ name, localAs, remoteAs }) => `${name}: ${localAs} and ${remoteAs}`,
    );
  expect(as('a')).toEqual(['192.0.2.2: 65101 and 64512', '198.51.100.1: 65100 and 65001']);
  expect(as('b')).toEqual(['192.0.2.1: 64512 and 65101']);
});

test('keepOriginalNextHop is for eBGP only; nextHopMode for both', () => {
  const mode = (spec: Partial<BGPPeer['spec']>) =>
    derive('a', [node('a', 1)], [peer('p', { peerIP: '198.51.100.1', ...spec })], WITHOUT_MESH)
      .derived[0]!.nextHopMode;
  expect(mode({ asNumber: 65001, keepOriginalNextHop: true })).toBe('keep');
  expect(mode({ asNumber: 64512, keepOriginalNextHop: true })).toBe('auto');
  expect(mode({ asNumber: 64512, keepOriginalNextHop: true, localASNumber: 65100 })).toBe('keep');
  expect(mode({ asNumber: 64512, nextHopMode: 'Keep' })).toBe('keep');
  expect(mode({ asNumber: 64512, nextHopMode: 'Self' })).toBe('self');
});
