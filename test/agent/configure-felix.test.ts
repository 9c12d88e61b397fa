/** That each field which we honour reaches felix, each time that it is another. */

import { formatAddress, formatPrefix, type Prefix, parsePrefix } from 'net-ipaddr';
import type { FelixConfiguration, IPPool, Node } from '../../api/index.ts';
import type { Felix, NatSettings, OverlayInput } from '../../felix/felix.ts';
import { configureFelix } from '../../src/agent/configure-felix.ts';
import { readBgpSettings, readNodes } from '../../src/agent/derive/cluster.ts';

const API = { apiVersion: 'projectcalico.org/v3' } as const;
const POOL: IPPool = {
  ...{ ...API, kind: 'IPPool', metadata: { name: 'p' } },
  spec: { cidr: '10.60.0.0/16', ipipMode: 'Always', natOutgoing: true },
};

/** What felix is told, method by method, with this in the FelixConfiguration. */
function told(spec: FelixConfiguration['spec']) {
  const calls = new Map<string, unknown>();
  const felix = new Proxy(
    {},
    { get: (_, method: string) => (argument: unknown) => calls.set(method, argument) },
  );
  const annotations = { 'projectcalico.org/IPv4Address': '192.0.2.1/24' };
  const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'one', annotations } };
  const problems: string[] = [];
  configureFelix(
    felix as Felix,
    {
      ...{ nodeName: 'one', nodes: readNodes([node], 64512, problems), pools: [POOL] },
      placements: [{ prefix: parsePrefix('10.60.1.0/26'), node: 'two' }],
      blocks: [parsePrefix('10.60.0.0/26')],
      felixConfigurations: [
        { ...API, kind: 'FelixConfiguration', metadata: { name: 'default' }, spec },
      ],
      settings: readBgpSettings([], 'one', problems),
    },
    problems,
  );
  expect(problems).toEqual([]);
  const nat = calls.get('setNat') as NatSettings;
  const { settings, pools } = calls.get('setOverlay') as OverlayInput;
  return {
    marks: calls.get('setRouteMarks'),
    refreshMs: calls.get('setRefreshInterval'),
    blocks: (calls.get('setLocalBlocks') as Prefix[]).map(formatPrefix),
    ports: nat.ports,
    address: nat.address && formatAddress(nat.address),
    exclusions: nat.exclusions.map(formatAddress),
    tunnels: settings,
    routesFrom: pools.map(({ routesFrom }) => routesFrom),
  };
}

test('FelixConfiguration: MTUs, port, VNI, marks, interval, NAT and who programs, each as it is said now', () => {
  const unsaid = told({});
  expect(unsaid).toEqual({
    ...{ marks: { protocol: 80, metric: { 4: 1024, 6: 1024 } }, refreshMs: 90_000 },
    ...{ blocks: ['10.60.0.0/26'], ports: undefined, address: undefined, exclusions: [] },
    tunnels: { vxlan: { vni: 4096, port: 4789, mtu: {} }, ipip: { mtu: undefined } },
    routesFrom: ['datastore'],
  });
  const said: [FelixConfiguration['spec'], Partial<typeof unsaid>][] = [
    [
      { vxlanMTU: 1400, vxlanMTUV6: 1380, vxlanPort: 4790, vxlanVNI: 7, ipipMTU: 1390 },
      {
        tunnels: { vxlan: { vni: 7, port: 4790, mtu: { 4: 1400, 6: 1380 } }, ipip: { mtu: 1390 } },
      },
    ],
    [
      { deviceRouteProtocol: 90, ipv4NormalRoutePriority: 500, ipv6NormalRoutePriority: 600 },
      { marks: { protocol: 90, metric: { 4: 500, 6: 600 } } },
    ],
    [{ routeRefreshInterval: '30s' }, { refreshMs: 30_000 }],
    [{ natPortRange: '40000:50000' }, { ports: { first: 40_000, last: 50_000 } }],
    [{ natOutgoingAddress: '192.0.2.7' }, { address: '192.0.2.7' }],
    [{ natOutgoingExclusions: 'IPPoolsAndHostIPs' }, { exclusions: ['192.0.2.1'] }],
    [{ programClusterRoutes: 'Disabled' }, { routesFrom: ['BGP'] }],
  ];
  for (const [spec, change] of said) expect(told(spec)).toEqual({ ...unsaid, ...change });
});
