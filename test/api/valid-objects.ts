/** Objects that a schema must accept; the same ones are sent to API servers. */
import type { KubeObject } from '../../ports.ts';

/** `name` as the kind demands it. */
export function object(kind: string, name: string, spec: object, more: object = {}): KubeObject {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind,
    metadata: { name },
    spec,
    ...more,
  } as unknown as KubeObject;
}

export const VALID: readonly KubeObject[] = [
  object('BGPConfiguration', 'default', {
    logSeverityScreen: 'Info',
    nodeToNodeMeshEnabled: true,
    nodeMeshPassword: { secretKeyRef: { name: 'bgp', key: 'mesh' } },
    nodeMeshMaxRestartTime: '120s',
    bfd: {},
    asNumber: 4200000000,
    listenPort: 178,
    bindMode: 'NodeIP',
    communities: [{ name: 'ours', value: '64512:100' }],
    prefixAdvertisements: [{ cidr: '172.218.4.0/26', communities: ['ours', '64512:120'] }],
    serviceClusterIPs: [{ cidr: '10.96.0.0/12' }],
    serviceExternalIPs: [{ cidr: '104.244.42.129/32' }],
    ignoredInterfaces: ['nodelocaldns'],
  }),
  object('BGPConfiguration', 'node.worker-1', { listenPort: 1790 }),
  object('BGPPeer', 'global-asdot', { peerIP: '192.20.30.40', asNumber: '1.10' }),
  object('BGPPeer', 'one-node', { node: 'rack1-host1', peerIP: '192.168.1.1', asNumber: 64567 }),
  object('BGPPeer', 'unnumbered', { node: 'rack1-host1', interface: 'eth1' }),
  object('BGPPeer', 'v6-with-port', { peerIP: '[2001:db8::1]:1179', asNumber: 4294967295 }),
  object('BGPPeer', 'reflectors', {
    nodeSelector: 'all()',
    peerSelector: "route-reflector == 'true'",
    maxRestartTime: '2m0s',
    longLivedStaleTime: '24h',
    filters: ['no-default'],
    password: { secretKeyRef: { name: 'bgp', key: 'rr' } },
    ttlSecurity: 1,
    bfd: { minInterval: '100ms', multiplier: 5, multihop: true },
  }),
  object('BGPPeer', 'racks', { peerRange: '192.0.2.0/24', asNumber: 64512, maxPeers: 20 }),
  object('BGPPeer', 'workloads', { localWorkloadSelector: "app == 'router'", asNumber: 65401 }),
  object('BGPFilter', 'no-default', {
    exportV4: [
      { action: 'Accept', matchOperator: 'In', cidr: '77.0.0.0/16', source: 'RemotePeers' },
      { action: 'Reject', interface: 'eth*' },
    ],
    importV6: [
      {
        action: 'Accept',
        matchOperator: 'In',
        cidr: '5000::/64',
        prefixLength: { min: 64, max: 128 },
        operations: [
          { addCommunity: { value: '64512:1:2' } },
          { prependASPath: { prefix: [65000, '1.10'] } },
        ],
      },
    ],
  }),
  object('IPPool', 'my.ippool-1', {
    cidr: '10.1.0.0/16',
    ipipMode: 'CrossSubnet',
    natOutgoing: true,
    disabled: false,
    nodeSelector: 'all()',
    allowedUses: ['Workload', 'Tunnel'],
  }),
  object('IPPool', 'for-namespaces', { cidr: '10.3.0.0/16', namespaceSelector: 'all()' }),
  object('IPPool', 'v6', { cidr: 'fd60::/48', blockSize: 122, vxlanMode: 'Always' }),
  object('IPPool', 'udp', { cidr: 'fd61::/48', udpMode: 'CrossSubnet', vxlanMode: 'Never' }),
  object('IPPool', 'services', { cidr: '10.2.0.0/24', allowedUses: ['LoadBalancer'] }),
  object('IPReservation', 'kept', { reservedCIDRs: ['192.168.2.3/32', '10.0.2.3/32'] }),
  object('IPAMBlock', '10-0-0-0-26', {
    cidr: '10.0.0.0/26',
    affinity: 'host:a',
    allocations: [null, 0],
    unallocated: [0],
    attributes: [{ handle_id: 'x', secondary: { pod: 'p' } }],
    sequenceNumber: 1787654321123456789n,
    sequenceNumberForAllocation: { 1: 1787654321123456789n },
    ofTheFuture: { kept: 1787654321123456789n },
  }),
  object('BlockAffinity', 'a-10-0-0-0-26', {
    state: 'confirmed',
    node: 'a',
    type: 'host',
    cidr: '10.0.0.0/26',
  }),
  object('IPAMHandle', 'x', { handleID: 'x', block: { '10.0.0.0/26': 1 } }),
  object('IPAMConfiguration', 'default', { strictAffinity: true, autoAllocateBlocks: false }),
  object(
    'CalicoNodeStatus',
    'a',
    { node: 'a', classes: ['Agent', 'BGP'], updatePeriodSeconds: 10 },
    { status: { lastUpdated: null } },
  ),
  object('FelixConfiguration', 'default', { vxlanVNI: 4096, bpfEnabled: false }),
  object('FelixConfiguration', 'node.a', {
    natPortRange: '32768:65535',
    natOutgoingAddress: '192.0.2.7',
    natOutgoingExclusions: 'IPPoolsAndHostIPs',
  }),
  object('FelixConfiguration', 'node.b', { natPortRange: 4000 }),
  object('ClusterInformation', 'default', { clusterGUID: 'f00', datastoreReady: true }),
];
