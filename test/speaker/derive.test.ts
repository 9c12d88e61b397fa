import { parseAddress } from 'net-ipaddr';
import type {
  BGPConfiguration,
  BGPFilter,
  BGPPeer,
  IPAMBlock,
  IPPool,
  Node,
} from '../../api/index.ts';
import type { RuleList } from '../../bgp/policy/policy.ts';
import { deriveRouter, type Identity, type RouterResources } from '../../src/speaker/derive.ts';

const NOBODY: Identity = {
  node: 'me',
  ipv4: undefined,
  ipv6: undefined,
  routerId: undefined,
  asNumber: undefined,
  listen: [],
  clusterId: undefined,
};
const ME: Identity = { ...NOBODY, ipv4: parseAddress('192.0.2.1') };

function object<T>(kind: string, name: string, spec?: unknown, annotations = {}): T {
  const metadata = { name, annotations: annotations as Record<string, string> };
  const apiVersion = kind === 'Node' ? 'v1' : 'projectcalico.org/v3';
  return { apiVersion, kind, metadata, spec } as T;
}

const block = (cidr: string, affinity: string, more = {}) =>
  object<IPAMBlock>('IPAMBlock', cidr.replaceAll(/[./:]/g, '-'), {
    cidr,
    affinity,
    allocations: [],
    unallocated: [],
    attributes: [],
    ...more,
  });
const node = (name: string, annotations: Record<string, string>) =>
  object<Node>('Node', name, undefined, annotations);
const peer = (name: string, spec: BGPPeer['spec']) => object<BGPPeer>('BGPPeer', name, spec);

function derive(identity: Identity, resources: Partial<RouterResources>) {
  const problems: string[] = [];
  const nothing = {
    nodes: [],
    pools: [],
    bgpConfigurations: [],
    bgpPeers: [],
    bgpFilters: [],
    blocks: [],
    secrets: [],
  };
  return { problems, ...deriveRouter(identity, { ...nothing, ...resources }, problems) };
}

test('without a Node: the flags say who it is, and BGPConfiguration the rest', () => {
  const configuration = object<BGPConfiguration>('BGPConfiguration', 'default', {
    asNumber: 64999,
    listenPort: 1790,
  });
  expect(derive(ME, { bgpConfigurations: [configuration] })).toMatchObject({
    localAs: 64999,
    routerId: '192.0.2.1',
    listen: [{ address: '0.0.0.0', port: 1790 }],
    peers: [],
    originations: [],
  });
});

test('BMP collectors of BGPConfiguration, who know the speaker by its node’s name', () => {
  const configuration = object<BGPConfiguration>('BGPConfiguration', 'default', {
    bmp: { collectors: [{ address: '192.0.2.99', port: 11019 }] },
  });
  expect(derive(ME, { bgpConfigurations: [configuration] })).toMatchObject({
    bmp: {
      collectors: [{ address: '192.0.2.99', port: 11019 }],
      sysName: 'me',
      statisticsSec: 60,
    },
  });
  expect(derive(ME, {}).bmp).toBeUndefined();
});

test('RPKI caches of BGPConfiguration, and what becomes of invalid routes', () => {
  const servers = [{ address: '192.0.2.98' }, { address: '2001:db8::98', port: 8282 }];
  const given = (rpki: NonNullable<BGPConfiguration['spec']>['rpki']) =>
    derive(ME, { bgpConfigurations: [object('BGPConfiguration', 'default', { rpki })] }).rpki;
  expect(given({ servers })).toEqual({
    servers: [
      { address: '192.0.2.98', port: 323 },
      { address: '2001:db8::98', port: 8282 },
    ],
    invalidRoutes: 'accept',
  });
  expect(given({ servers, invalidRoutes: 'Reject' })?.invalidRoutes).toBe('reject');
  expect(given(undefined)).toBeUndefined();
});

test('flags beat the Node, and the Node beats BGPConfiguration', () => {
  const nodes = [
    node('me', {
      'projectcalico.org/IPv4Address': '192.0.2.9/24',
      'projectcalico.org/ASNumber': '64600',
    }),
  ];
  expect(derive(NOBODY, { nodes })).toMatchObject({ localAs: 64600, routerId: '192.0.2.9' });
  const flags = {
    ...ME,
    asNumber: 64700,
    routerId: '203.0.113.1',
    listen: [{ address: '192.0.2.1', port: 1179 }],
  };
  expect(derive(flags, { nodes })).toMatchObject({
    localAs: 64700,
    routerId: '203.0.113.1',
    listen: [{ address: '192.0.2.1', port: 1179 }],
  });
});

test('RFC 4456 §7: the cluster id of the flag, else of the Node, else none of its own', () => {
  const annotation = { 'projectcalico.org/RouteReflectorClusterID': '224.0.0.7' };
  const nodes = [node('me', annotation)];
  expect(derive(ME, {}).clusterId).toBeUndefined();
  expect(derive(ME, { nodes }).clusterId).toBe('224.0.0.7');
  const flag = { ...ME, clusterId: parseAddress('224.0.0.8') };
  expect(derive(flag, { nodes }).clusterId).toBe('224.0.0.8');
});

test('who has no address is told how to give one', () => {
  expect(() => derive(NOBODY, {})).toThrow(/no address: give --address, or describe Node "me"/);
});

test('the mesh is with the nodes of the file, and BGPPeers with others', () => {
  const { peers, problems } = derive(ME, {
    nodes: [node('other', { 'projectcalico.org/IPv4Address': '192.0.2.2/24' })],
    bgpPeers: [peer('tor', { peerIP: '198.51.100.1:1790', asNumber: 64500 })],
  });
  expect(problems).toEqual([]);
  expect(peers).toMatchObject([
    { address: '192.0.2.2', remoteAs: 64512, type: 'node-to-node mesh' },
    { address: '198.51.100.1', port: 1790, remoteAs: 64500, sourceAddress: '192.0.2.1' },
  ]);
});

test('an unnumbered peer: both families, with the next hop of its link; who dials us is heard', () => {
  const { peers, listen, problems } = derive(ME, {
    bgpPeers: [peer('tor', { interface: 'eth1' })],
  });
  expect(problems).toEqual([]);
  expect(listen.map(({ address }) => address)).toEqual(['0.0.0.0', '::']);
  const [tor] = peers;
  expect(tor).toMatchObject({ name: 'eth1', interface: 'eth1', remoteAs: 'external' });
  for (const field of ['address', 'families', 'sourceAddress', 'localAddress4', 'localAddress6']) {
    expect(tor).not.toHaveProperty(field);
  }
});

test('a reflector: iBGP peers are its clients, and it leaves the mesh', () => {
  const { peers } = derive(
    { ...ME, clusterId: parseAddress('10.0.0.1') },
    {
      nodes: [node('other', { 'projectcalico.org/IPv4Address': '192.0.2.2/24' })],
      bgpPeers: [
        peer('client', { peerIP: '192.0.2.3', asNumber: 64512 }),
        peer('outside', { peerIP: '198.51.100.1', asNumber: 64500 }),
      ],
    },
  );
  expect(peers.map(({ address, routeReflectorClient }) => [address, routeReflectorClient])).toEqual(
    [
      ['192.0.2.3', true],
      ['198.51.100.1', false],
    ],
  );
});

test('only own blocks that are not being deleted are originated', () => {
  const { originations } = derive(ME, {
    blocks: [
      block('10.1.0.0/26', 'host:me'),
      block('10.2.0.0/26', 'host:other'),
      block('10.3.0.0/26', 'host:me', { deleted: true }),
      block('fd00:1::/122', 'host:me'),
    ],
  });
  expect(originations).toEqual([{ prefix: '10.1.0.0/26' }, { prefix: 'fd00:1::/122' }]);
});

test('without pools all is exported; with a pool, as Calico does', () => {
  const bgpPeers = [peer('tor', { peerIP: '198.51.100.1', asNumber: 64500 })];
  expect(derive(ME, { bgpPeers }).peers[0]!.exportPolicy).toBe('all');
  const pools = [object<IPPool>('IPPool', 'rack', { cidr: '10.0.0.0/8' })];
  expect(derive(ME, { bgpPeers, pools }).peers[0]!.exportPolicy).toMatchObject({
    rules: [{ name: 'pool rack', verdict: 'accept' }],
    otherwise: 'reject',
  });
});

test('Calico’s export order: filters, disableBGPExport, communities, own blocks, pools, nothing else', () => {
  const config = derive(ME, {
    bgpPeers: [peer('tor', { peerIP: '198.51.100.1', asNumber: 64500, filters: ['mine'] })],
    bgpFilters: [
      object<BGPFilter>('BGPFilter', 'mine', {
        exportV4: [{ action: 'Accept', cidr: '10.9.0.0/16', matchOperator: 'In' }],
      }),
    ],
    pools: [
      object<IPPool>('IPPool', 'rack', { cidr: '10.0.0.0/8' }),
      object<IPPool>('IPPool', 'hidden', { cidr: '10.99.0.0/16', disableBGPExport: true }),
    ],
    blocks: [block('10.1.0.0/26', 'host:me')],
    bgpConfigurations: [
      object<BGPConfiguration>('BGPConfiguration', 'default', {
        communities: [{ name: 'pods', value: '65000:1:2' }],
        prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: ['pods', '65000:3'] }],
      }),
    ],
  });
  expect(config.problems).toEqual([]);
  const { rules, otherwise } = config.peers[0]!.exportPolicy as RuleList;
  expect(rules.map(({ name, verdict }) => `${name}: ${verdict}`)).toEqual([
    'BGPFilter "mine" exportV4[0]: accept',
    'pool hidden has disableBGPExport: reject',
    'BGPConfiguration "default" prefixAdvertisements[0]: next',
    'own block: accept',
    'inside an own block: reject',
    'pool rack: accept',
    'pool hidden: accept',
  ]);
  expect(rules[2]!.edits).toEqual({
    communities: [0xfde80003],
    largeCommunities: [{ global: 65000, local1: 1, local2: 2 }],
  });
  expect(otherwise).toBe('reject');
});

test('a node’s own prefixAdvertisements stand in the place of the cluster’s', () => {
  const advertising = (name: string, community: string) =>
    object<BGPConfiguration>('BGPConfiguration', name, {
      prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: [community] }],
    });
  const bgpPeers = [peer('tor', { peerIP: '198.51.100.1', asNumber: 64500 })];
  const edits = (...bgpConfigurations: BGPConfiguration[]) =>
    (derive(ME, { bgpPeers, bgpConfigurations }).peers[0]!.exportPolicy as RuleList).rules.map(
      (rule) => rule.edits,
    );
  const cluster = advertising('default', '1:1');
  expect(edits(cluster)).toEqual([{ communities: [0x10001] }]);
  expect(edits(cluster, advertising('node.me', '2:2'))).toEqual([{ communities: [0x20002] }]);
  expect(edits(cluster, advertising('node.other', '2:2'))).toEqual([{ communities: [0x10001] }]);
});

test('a filter that is not there is said once, however many peers name it', () => {
  const bgpPeers = [
    peer('nodes', { peerSelector: 'all()', filters: ['absent'] }),
    peer('tor', { peerIP: '198.51.100.1', asNumber: 64500, filters: ['absent'] }),
  ];
  const nodes = ['a', 'b'].map((name, index) =>
    node(name, { 'projectcalico.org/IPv4Address': `192.0.2.${20 + index}/24` }),
  );
  const { problems } = derive(ME, { bgpPeers, nodes });
  expect(problems.filter((problem) => problem.includes('absent'))).toEqual([
    expect.stringMatching(/^BGPPeer "nodes": spec\.filters names BGPFilter "absent", which is not/),
    expect.stringMatching(/^BGPPeer "tor": spec\.filters names BGPFilter "absent", which is not/),
  ]);
});

test('RFC 9234, RFC 7947: what we are to a peer of another AS; of our own it is said that it means nothing', () => {
  const { peers, problems } = derive(ME, {
    bgpPeers: [
      peer('up', { peerIP: '192.0.2.2', asNumber: 65001, role: 'Customer' }),
      peer('member', { peerIP: '192.0.2.3', asNumber: 65002, routeServerClient: true }),
      peer('own', { peerIP: '192.0.2.4', role: 'Peer' }),
    ],
  });
  expect(peers.map(({ role, routeServerClient }) => [role, routeServerClient])).toEqual([
    ['customer', false],
    [undefined, true],
    [undefined, undefined],
  ]);
  expect(problems).toEqual([
    'BGPPeer "own": spec.role is for peers in another AS, and has no effect with 192.0.2.4, which is in our own, 64512',
  ]);
});
