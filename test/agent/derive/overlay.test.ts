import { formatPrefix, parseAddress, parseInterfaceAddress } from 'net-ipaddr';
import type { IPPool } from '../../../api/index.ts';
import type { ClusterRoutes } from '../../../src/agent/derive/cluster-routes.ts';
import { deriveOverlay } from '../../../src/agent/derive/overlay.ts';

const settings = { vxlan: { vni: 4096, port: 4789, mtu: {} }, ipip: { mtu: undefined } };

function pool(name: string, spec: IPPool['spec']): IPPool {
  return { apiVersion: 'projectcalico.org/v3', kind: 'IPPool', metadata: { name }, spec };
}

test('pools with a tunnel, the disabled too, since their pods live on; those without are BGP’s or the datastore’s', () => {
  const pools = [
    pool('plain', { cidr: '10.1.0.0/16' }),
    pool('vxlan', { cidr: '10.2.0.0/16', vxlanMode: 'Always' }),
    pool('across', { cidr: 'fd00::/64', vxlanMode: 'CrossSubnet', disabled: true }),
    pool('ipip', { cidr: '10.3.0.0/16', ipipMode: 'CrossSubnet' }),
    pool('udp', { cidr: '10.5.0.0/16', udpMode: 'Always' }),
    pool('broken', { cidr: '10.4.0.0/99', vxlanMode: 'Always' }),
  ];
  const shown = (clusterRoutes: ClusterRoutes) =>
    deriveOverlay({
      nodeName: 'one',
      nodes: [],
      pools,
      placements: [],
      clusterRoutes,
      settings,
    }).pools.map(
      ({ prefix, tunnel, mode, routesFrom }) =>
        `${formatPrefix(prefix)} ${tunnel} ${mode}: ${routesFrom}`,
    );
  expect(shown({ IPIP: 'datastore', unencapsulated: 'BGP' })).toEqual([
    '10.2.0.0/16 vxlan always: datastore',
    'fd00::/64 vxlan cross-subnet: datastore',
    '10.3.0.0/16 ipip cross-subnet: datastore',
    '10.5.0.0/16 udp always: datastore',
  ]);
  expect(shown({ IPIP: 'BGP', unencapsulated: 'datastore' })).toEqual([
    '10.1.0.0/16 undefined never: datastore',
    '10.2.0.0/16 vxlan always: datastore',
    'fd00::/64 vxlan cross-subnet: datastore',
    '10.3.0.0/16 ipip cross-subnet: BGP',
    '10.5.0.0/16 udp always: datastore',
  ]);
});

test('a node’s addresses; its MAC addresses as annotated, or as Calico makes them of its name', () => {
  const network = {
    ipv4Address: parseInterfaceAddress('192.0.2.3/24'),
    ipv4VXLANTunnelAddress: parseAddress('10.2.0.1'),
    ipv6UDPTunnelAddress: parseAddress('fd00::3'),
    vxlanTunnelMACV6: '66:01:02:03:04:05',
    receivingTunnels: ['vxlan.calico'],
  };
  const nodes = [
    { name: 'node3', labels: {}, network, asNumber: 64512 },
    { name: 'node3', labels: {}, network: {}, asNumber: 64512 },
  ];
  const derived = deriveOverlay({
    ...{ nodeName: 'one', nodes, pools: [], placements: [], settings },
    clusterRoutes: { IPIP: 'datastore', unencapsulated: 'BGP' },
  });
  // printf node3-v6 | sha1sum
  expect(derived.nodes[1]!.vteps[6].mac).toBe('66:71:6e:25:e2:07');
  expect(derived.nodes.slice(0, 1)).toEqual([
    {
      name: 'node3',
      underlay: { 4: network.ipv4Address },
      vteps: {
        // printf node3 | sha1sum
        4: { address: network.ipv4VXLANTunnelAddress, mac: '66:a4:6f:e0:c4:da' },
        6: { address: undefined, mac: '66:01:02:03:04:05' },
      },
      ipipAddress: undefined,
      udpAddresses: { 6: network.ipv6UDPTunnelAddress },
      receives: ['vxlan.calico'],
      sends: [],
    },
  ]);
});
