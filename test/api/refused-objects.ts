/** Objects that a schema must refuse, and what it says of each; the same ones are sent to API servers. */
import type { KubeObject } from '../../ports.ts';
import { object } from './valid-objects.ts';

interface Refused {
  object: KubeObject;
  /** What we say. */
  text: string;
  /** Whether only we see it: kube-apiserver cannot, with what a CRD can say. */
  oursOnly?: true;
}

const AO_KEY = { id: 1, secretKeyRef: { name: 'bgp', key: 'rack' } };

export const REFUSED: readonly Refused[] = [
  refused(
    'IPPool',
    { cidr: '10.60.0.0/99' },
    'spec.cidr "10.60.0.0/99" is not a prefix: after the "/" comes a length of 0–32',
  ),
  refused(
    'IPPool',
    { cidr: '10.60.0.1/16' },
    'spec.cidr "10.60.0.1/16" is not a prefix: it has bits set after the first 16; the network is 10.60.0.0/16',
  ),
  refused('IPPool', {}, 'spec.cidr is missing'),
  refused('IPPool', { cidr: 5 }, 'spec.cidr must be a string, not 5'),
  refused(
    'IPPool',
    { cidr: '10.0.0.0/8', blockSize: 19 },
    'spec.blockSize must be 20 to 32 in an IPv4 pool, 116 to 128 in an IPv6 pool',
  ),
  refused(
    'IPPool',
    { cidr: 'fd00::/48', blockSize: 26 },
    'spec.blockSize must be 20 to 32 in an IPv4 pool, 116 to 128 in an IPv6 pool',
  ),
  refused(
    'IPPool',
    { cidr: 'fd00::/48', blockSize: 115 },
    'spec.blockSize must be 20 to 32 in an IPv4 pool, 116 to 128 in an IPv6 pool',
  ),
  refused(
    'IPPool',
    { cidr: '10.0.0.0/27' },
    'spec.cidr is smaller than one block: choose a shorter prefix, or a larger blockSize',
  ),
  refused(
    'IPPool',
    { cidr: '10.0.0.0/16', ipipMode: 'Sometimes' },
    'spec.ipipMode "Sometimes" is none of Never, Always, CrossSubnet',
  ),
  refused(
    'IPPool',
    { cidr: '10.0.0.0/16', ipipMode: 'Always', vxlanMode: 'CrossSubnet' },
    'spec.ipipMode and vxlanMode exclude each other: set one of them to Never',
  ),
  refused(
    'IPPool',
    { cidr: 'fd00::/48', ipipMode: 'Always' },
    'spec.ipipMode is for IPv4 pools only: set it to Never, or use vxlanMode',
  ),
  refused(
    'IPPool',
    { cidr: '169.254.1.0/24' },
    'spec.cidr overlaps the link-local range (169.254.0.0/16, fe80::/10): choose another',
  ),
  refused(
    'IPPool',
    { cidr: '10.0.0.0/16', allowedUses: ['LoadBalancer', 'Tunnel'] },
    'spec.allowedUses cannot hold LoadBalancer together with another use: make a pool for each',
  ),
  refused(
    'IPPool',
    { cidr: '10.0.0.0/16', allowedUses: ['LoadBalancer'], vxlanMode: 'Always' },
    'spec.allowedUses is LoadBalancer, which has no tunnels: set ipipMode, vxlanMode and udpMode to Never',
  ),
  refused(
    'IPPool',
    { cidr: '10.0.0.0/16', allowedUses: ['LoadBalancer'], udpMode: 'Always' },
    'spec.allowedUses is LoadBalancer, which has no tunnels: set ipipMode, vxlanMode and udpMode to Never',
  ),
  refused(
    'IPPool',
    { cidr: '10.0.0.0/16', udpMode: 'Always', vxlanMode: 'CrossSubnet' },
    'spec.udpMode excludes ipipMode and vxlanMode: set these to Never, or udpMode',
  ),
  refused(
    'IPPool',
    { cidr: '10.0.0.0/16', udpMode: 'CrossSubnet', ipipMode: 'Always' },
    'spec.udpMode excludes ipipMode and vxlanMode: set these to Never, or udpMode',
  ),
  refused(
    'IPPool',
    { cidr: '10.0.0.0/16', udpMode: 'Sometimes' },
    'spec.udpMode "Sometimes" is none of Never, Always, CrossSubnet',
  ),
  refused(
    'IPPool',
    { cidr: '10.0.0.0/16', allowedUses: ['LoadBalancer'], nodeSelector: 'has(rack)' },
    'spec.nodeSelector must be all() in a LoadBalancer pool',
  ),
  refused(
    'IPPool',
    { cidr: '10.0.0.0/16', allowedUses: ['Tunnel'], namespaceSelector: 'all()' },
    'spec.namespaceSelector cannot pick the namespaces of tunnel addresses: set allowedUses to [Workload]',
  ),
  refusedByUs(
    'IPPool',
    { cidr: '10.0.0.0/16', nodeSelector: 'rack = 1' },
    'spec.nodeSelector "rack = 1" is not a selector: "=" at position 6 does not belong there',
  ),
  refused(
    'BGPPeer',
    {},
    'spec.peerIP is missing, and so are peerSelector, peerRange, localWorkloadSelector and interface: set one of them',
  ),
  refused(
    'BGPPeer',
    { peerRange: '192.0.2.0/24' },
    'spec.asNumber is missing: peerRange needs the AS number of those who connect',
  ),
  refused(
    'BGPPeer',
    { peerRange: '192.0.2.0/24', peerIP: '192.0.2.1', asNumber: 64512 },
    'spec.peerRange cannot be set together with peerIP, peerSelector, localWorkloadSelector or interface: keep one',
  ),
  refused(
    'BGPPeer',
    { peerIP: '192.0.2.1', asNumber: 64512, maxPeers: 5 },
    'spec.maxPeers is the number of peers of peerRange, which is not set: set peerRange, or remove it',
  ),
  refused(
    'BGPPeer',
    { peerIP: '192.0.2.1', node: 'a', nodeSelector: 'all()' },
    'spec.node cannot be set together with nodeSelector: keep one of them',
  ),
  refused(
    'BGPPeer',
    { peerIP: '192.0.2.1', peerSelector: 'all()' },
    'spec.peerIP cannot be set together with peerSelector: keep one of them',
  ),
  refused(
    'BGPPeer',
    { peerIP: '192.0.2.1', password: { secretKeyRef: { name: 'a', key: 'b' } }, tcpAO: [AO_KEY] },
    'spec.password cannot be set together with tcpAO: keep one of them',
  ),
  refused(
    'BGPPeer',
    { peerIP: '192.0.2.1', tcpAO: [AO_KEY, AO_KEY] },
    'spec.tcpAO has two keys of one id: give each its own',
  ),
  refused(
    'BGPPeer',
    { peerIP: '192.0.2.1', bfd: { minInterval: '5ms' } },
    'spec.bfd.minInterval "5ms" is not a whole number of milliseconds from 10ms to 60s',
  ),
  refused(
    'BGPPeer',
    { peerIP: '192.0.2.1', bfd: { multiplier: 0 } },
    'spec.bfd.multiplier must be at least 1, not 0',
  ),
  refused(
    'BGPPeer',
    { interface: 'eth1', peerIP: '192.0.2.1' },
    'spec.interface cannot be set together with peerIP, peerSelector or localWorkloadSelector: keep one',
  ),
  refused(
    'BGPPeer',
    { interface: 'eth 1' },
    'spec.interface is not the name of an interface: it has a space, a slash or a colon',
  ),
  refused(
    'BGPPeer',
    { peerSelector: 'all()', asNumber: 1 },
    'spec.asNumber cannot be set together with peerSelector, whose nodes have their own: remove it',
  ),
  refused(
    'BGPPeer',
    { localWorkloadSelector: 'all()' },
    'spec.asNumber is missing: localWorkloadSelector needs the AS number of the workloads',
  ),
  refused(
    'BGPPeer',
    { peerSelector: 'all()', reachableBy: '192.0.2.9' },
    'spec.reachableBy is the gateway to peerIP, which is not set: set peerIP, or remove it',
  ),
  refusedByUs(
    'BGPPeer',
    { peerIP: '192.0.2.1', reachableBy: 'fd00::1' },
    'spec.reachableBy is not of the same address family as peerIP',
  ),
  refused(
    'BGPPeer',
    { peerIP: '192.0.2.1', nextHopMode: 'Keep', keepOriginalNextHop: true },
    'spec.keepOriginalNextHop is deprecated and cannot be set together with nextHopMode: keep nextHopMode',
  ),
  refused(
    'BGPPeer',
    { peerIP: '192.0.2.300' },
    'spec.peerIP "192.0.2.300" is not an address, with or without a port: write 192.0.2.1, 192.0.2.1:179, 2001:db8::1 or [2001:db8::1]:179',
  ),
  refused(
    'BGPPeer',
    { peerIP: '192.0.2.1', asNumber: 4294967296 },
    'spec.asNumber 4294967296 is not an AS number: write 1 to 4294967295, or "high.low" with both at most 65535',
  ),
  refused(
    'BGPPeer',
    { peerIP: '192.0.2.1', asNumber: 'AS1' },
    'spec.asNumber "AS1" is not an AS number: write 1 to 4294967295, or "high.low" with both at most 65535',
  ),
  refused(
    'BGPPeer',
    { peerIP: '192.0.2.1', asNumber: 0 },
    'spec.asNumber 0 is reserved and cannot be used as an AS number (RFC 7607)',
  ),
  refused(
    'BGPPeer',
    { peerIP: '192.0.2.1', keepaliveTime: '30' },
    'spec.keepaliveTime "30" is not a duration: write a number and a unit (ms, s, m, h), for example 90s or 1m30s',
  ),
  refused(
    'BGPConfiguration',
    { nodeToNodeMeshEnabled: false, nodeMeshPassword: { secretKeyRef: { name: 'a', key: 'b' } } },
    'spec.nodeMeshPassword needs the mesh: remove it, or set nodeToNodeMeshEnabled to true',
    'default',
  ),
  refused(
    'BGPConfiguration',
    { communities: [{ name: 'ours', value: '1:2' }] },
    'spec.communities has a name that no prefixAdvertisements entry uses: use it there, or remove it',
    'default',
  ),
  refusedByUs(
    'BGPConfiguration',
    { prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: ['ours'] }] },
    'spec.prefixAdvertisements uses a community that is neither a value (aa:nn or aa:nn:mm) nor a name in communities: define it there',
    'default',
  ),
  refused(
    'BGPConfiguration',
    { listenPort: 70000 },
    'spec.listenPort must be at most 65535, not 70000',
    'default',
  ),
  refused(
    'FelixConfiguration',
    { natPortRange: '70000:70001' },
    'spec.natPortRange "70000:70001" is not a port or a range of ports from 1 to 65535 such as "32768:65535"',
    'default',
  ),
  refusedByUs(
    'FelixConfiguration',
    { natPortRange: '6000:5000' },
    'spec.natPortRange "6000:5000" is not a port or a range of ports from 1 to 65535 such as "32768:65535"',
    'default',
  ),
  refused(
    'BGPConfiguration',
    { logSeverityScreen: 'Loud' },
    'spec.logSeverityScreen "Loud" is not a severity: write Trace, Debug, Info, Warning, Error or Fatal',
    'default',
  ),
  refused(
    'BGPConfiguration',
    {},
    'must be named default, or node.<name> for what one node overrides',
    'mine',
  ),
  refused(
    'BGPConfiguration',
    { asNumber: 1 },
    'spec.asNumber holds for the whole cluster: set it in the BGPConfiguration named default',
    'node.a',
  ),
  refused(
    'BGPFilter',
    { exportV4: [{ action: 'Accept', cidr: '10.0.0.0/8' }] },
    'spec.exportV4[0].matchOperator and cidr belong together: set both, or neither',
  ),
  refused(
    'BGPFilter',
    { exportV4: [{ action: 'Accept', prefixLength: { min: 8 } }] },
    'spec.exportV4[0].prefixLength narrows cidr, which is not set: set cidr, or remove it',
  ),
  refused(
    'BGPFilter',
    { importV4: [{ action: 'Reject', operations: [{ setPriority: { value: 1 } }] }] },
    'spec.importV4[0].operations change routes that are accepted: set action to Accept, or remove them',
  ),
  refused(
    'BGPFilter',
    { importV4: [{ action: 'Accept', operations: [{}] }] },
    'spec.importV4[0].operations[0] must have exactly one of addCommunity, prependASPath and setPriority',
  ),
  refused(
    'BGPFilter',
    { importV4: [{ action: 'Accept', operations: [{ addCommunity: { value: '70000:1' } }] }] },
    'spec.importV4[0].operations[0].addCommunity.value "70000:1" is not a community: write aa:nn with both at most 65535, or aa:nn:mm with each at most 4294967295',
  ),
  refused(
    'BGPFilter',
    {
      importV4: [
        {
          action: 'Accept',
          cidr: '10.0.0.0/8',
          matchOperator: 'In',
          prefixLength: { min: 24, max: 16 },
        },
      ],
    },
    'spec.importV4[0].prefixLength.min is above max, so that no prefix matches',
  ),
  refused(
    'BGPFilter',
    { exportV6: [{ action: 'Accept', cidr: '10.0.0.0/8', matchOperator: 'In' }] },
    'spec.exportV6[0].cidr "10.0.0.0/8" is not an IPv6 prefix',
  ),
  refused('BGPFilter', { exportV4: [{}] }, 'spec.exportV4[0].action is missing'),
  refused(
    'IPAMConfiguration',
    { strictAffinity: false, autoAllocateBlocks: false },
    'spec.autoAllocateBlocks cannot be false while strictAffinity is false: set one of them to true',
    'default',
  ),
  refused(
    'IPAMBlock',
    { cidr: '10.0.0.0/26', affinity: 'a', allocations: [], unallocated: [], attributes: [] },
    'spec.affinity "a" is not host:<node> or virtual:<name>',
  ),
  refused(
    'IPAMBlock',
    { cidr: '10.0.0.0/26', allocations: ['a'], unallocated: [], attributes: [] },
    'spec.allocations[0] must be a number, not "a"',
  ),
  refused(
    'IPAMHandle',
    { handleID: 'x', block: { '10.0.0.0/26': -1 } },
    'spec.block["10.0.0.0/26"] must be at least 0, not -1',
  ),
  refused(
    'BlockAffinity',
    { state: 'maybe', node: 'a', cidr: '10.0.0.0/26' },
    'spec.state "maybe" is none of "", pending, confirmed, pendingDeletion',
  ),
  refused(
    'CalicoNodeStatus',
    { node: 'a', classes: ['Agent'], updatePeriodSeconds: 90000 },
    'spec.updatePeriodSeconds must be at most 86400, not 90000',
  ),
];

function refused(kind: string, spec: object, text: string, name = 'wrong'): Refused {
  return { object: object(kind, name, spec), text };
}

function refusedByUs(kind: string, spec: object, text: string, name?: string): Refused {
  return { ...refused(kind, spec, text, name), oursOnly: true };
}
