/** BGPPeer: which nodes peer with whom, and how. */
import { parseAddress } from 'net-ipaddr';
import { z } from 'zod';
import {
  address,
  addressAndPort,
  asNumber,
  bfd,
  conditions,
  duration,
  integer,
  interfaceName,
  parseAddressAndPort,
  password,
  prefix,
  selector,
  tcpAO,
} from './fields.ts';
import { resource, typeAndMeta } from './resource.ts';
import { celIsSet, isSet, withRules } from './rules.ts';

const spec = withRules(
  z.looseObject({
    node: z.string().max(253).optional(),
    nodeSelector: selector().optional(),
    peerIP: addressAndPort().optional(),
    asNumber: asNumber().optional(),
    peerSelector: selector().optional(),
    /** Ours: whoever connects from within becomes a peer, until its session has ended. */
    peerRange: prefix().optional(),
    /** Ours: of peerRange, at the same time on one node. 100 when absent. */
    maxPeers: integer(1, 10_000).optional(),
    localWorkloadSelector: selector().optional(),
    /**
     * Ours, unnumbered: the peer is the IPv6 link-local neighbour on this interface of the node, found
     * by router advertisements. Without asNumber it may be of any AS but the node's own.
     */
    interface: interfaceName().optional(),
    localASNumber: asNumber().optional(),
    numAllowedLocalASNumbers: integer(0, 255).optional(),
    /** Deprecated in favour of nextHopMode: Keep. */
    keepOriginalNextHop: z.boolean().optional(),
    nextHopMode: z.enum(['Auto', 'Self', 'Keep']).optional(),
    password: password.optional(),
    tcpAO: tcpAO.optional(),
    sourceAddress: z.enum(['UseNodeIP', 'None']).default('UseNodeIP'),
    maxRestartTime: duration().optional(),
    /** Ours: for how long routes are kept after that, as the last choice (RFC 9494); absent: not at all. */
    longLivedStaleTime: duration().optional(),
    keepaliveTime: duration().optional(),
    /** Ours: for people; `node status` and `bgp peers` show it. */
    description: z.string().max(255).optional(),
    /** Ours: the most prefixes of each family; more of them end the session for a while. */
    maxPrefixes: integer(1, 4_294_967_295).optional(),
    /** Ours: wait for the peer at peerIP to connect. */
    passive: z.boolean().optional(),
    /** Ours: the hold time offered to this peer; absent means BGPConfiguration's. */
    holdTime: duration().optional(),
    bfd: bfd.optional(),
    /** Ours: what this side is to the peer, in another AS (RFC 9234). */
    role: z.enum(['Provider', 'RouteServer', 'RouteServerClient', 'Customer', 'Peer']).optional(),
    /** Ours: the peer, in another AS, hears others as if it peered with them itself (RFC 7947). */
    routeServerClient: z.boolean().optional(),
    /** Ours: RFC 7911; absent means Both between nodes of the cluster, None with others. */
    addPaths: z.enum(['Send', 'Receive', 'Both', 'None']).optional(),
    /** Ours: RFC 4456; absent means that a reflector's clients are the peers of its AS outside its cluster. */
    routeReflectorClient: z.boolean().optional(),
    /** Hops between the peers; 0 is off (RFC 5082). */
    ttlSecurity: integer(0, 255).optional(),
    reachableBy: address().optional(),
    filters: z.array(z.string().min(1).max(253)).optional(),
    reversePeering: z.enum(['Auto', 'Manual']).default('Auto'),
  }),
  [
    {
      field: 'node',
      holds: (spec) => !isSet(spec.node) || !isSet(spec.nodeSelector),
      message: 'cannot be set together with nodeSelector: keep one of them',
      cel: `!${celIsSet('node')} || !${celIsSet('nodeSelector')}`,
    },
    {
      field: 'peerIP',
      holds: (spec) => !isSet(spec.peerIP) || !isSet(spec.peerSelector),
      message: 'cannot be set together with peerSelector: keep one of them',
      cel: `!${celIsSet('peerIP')} || !${celIsSet('peerSelector')}`,
    },
    {
      field: 'peerIP',
      holds: (spec) => !isSet(spec.peerIP) || !isSet(spec.localWorkloadSelector),
      message: 'cannot be set together with localWorkloadSelector: keep one of them',
      cel: `!${celIsSet('peerIP')} || !${celIsSet('localWorkloadSelector')}`,
    },
    {
      field: 'peerSelector',
      holds: (spec) => !isSet(spec.peerSelector) || !isSet(spec.localWorkloadSelector),
      message: 'cannot be set together with localWorkloadSelector: keep one of them',
      cel: `!${celIsSet('peerSelector')} || !${celIsSet('localWorkloadSelector')}`,
    },
    {
      field: 'interface',
      holds: (spec) =>
        !isSet(spec.interface) ||
        !(isSet(spec.peerIP) || isSet(spec.peerSelector) || isSet(spec.localWorkloadSelector)),
      message:
        'cannot be set together with peerIP, peerSelector or localWorkloadSelector: keep one',
      cel: `!${celIsSet('interface')} || !(${celIsSet('peerIP')} || ${celIsSet('peerSelector')} || ${celIsSet('localWorkloadSelector')})`,
    },
    {
      field: 'peerIP',
      holds: (spec) =>
        isSet(spec.peerIP) ||
        isSet(spec.peerSelector) ||
        isSet(spec.peerRange) ||
        isSet(spec.localWorkloadSelector) ||
        isSet(spec.interface),
      message:
        'is missing, and so are peerSelector, peerRange, localWorkloadSelector and interface: set one of them',
      cel: `${celIsSet('peerIP')} || ${celIsSet('peerSelector')} || ${celIsSet('peerRange')} || ${celIsSet('localWorkloadSelector')} || ${celIsSet('interface')}`,
    },
    {
      field: 'peerRange',
      holds: (spec) =>
        !isSet(spec.peerRange) ||
        !(
          isSet(spec.peerIP) ||
          isSet(spec.peerSelector) ||
          isSet(spec.localWorkloadSelector) ||
          isSet(spec.interface)
        ),
      message:
        'cannot be set together with peerIP, peerSelector, localWorkloadSelector or interface: keep one',
      cel: `!${celIsSet('peerRange')} || !(${celIsSet('peerIP')} || ${celIsSet('peerSelector')} || ${celIsSet('localWorkloadSelector')} || ${celIsSet('interface')})`,
    },
    {
      field: 'password',
      holds: (spec) => spec.password?.secretKeyRef === undefined || !spec.tcpAO?.length,
      message: 'cannot be set together with tcpAO: keep one of them',
      cel: '!has(self.password) || !has(self.password.secretKeyRef) || !has(self.tcpAO) || size(self.tcpAO) == 0',
    },
    {
      field: 'tcpAO',
      holds: ({ tcpAO: keys = [] }) => new Set(keys.map(({ id }) => id)).size === keys.length,
      message: 'has two keys of one id: give each its own',
      cel: '!has(self.tcpAO) || self.tcpAO.all(one, self.tcpAO.exists_one(other, other.id == one.id))',
    },
    {
      field: 'asNumber',
      holds: (spec) => !isSet(spec.peerRange) || spec.asNumber !== undefined,
      message: 'is missing: peerRange needs the AS number of those who connect',
      cel: `!${celIsSet('peerRange')} || has(self.asNumber)`,
    },
    {
      field: 'maxPeers',
      holds: (spec) => spec.maxPeers === undefined || isSet(spec.peerRange),
      message: 'is the number of peers of peerRange, which is not set: set peerRange, or remove it',
      cel: `!has(self.maxPeers) || ${celIsSet('peerRange')}`,
    },
    {
      field: 'asNumber',
      holds: (spec) => !isSet(spec.peerSelector) || spec.asNumber === undefined,
      message: 'cannot be set together with peerSelector, whose nodes have their own: remove it',
      cel: `!${celIsSet('peerSelector')} || !has(self.asNumber)`,
    },
    {
      field: 'asNumber',
      holds: (spec) => !isSet(spec.localWorkloadSelector) || spec.asNumber !== undefined,
      message: 'is missing: localWorkloadSelector needs the AS number of the workloads',
      cel: `!${celIsSet('localWorkloadSelector')} || has(self.asNumber)`,
    },
    {
      field: 'reachableBy',
      holds: (spec) => !isSet(spec.reachableBy) || isSet(spec.peerIP),
      message: 'is the gateway to peerIP, which is not set: set peerIP, or remove it',
      cel: `!${celIsSet('reachableBy')} || ${celIsSet('peerIP')}`,
    },
    {
      field: 'reachableBy',
      holds: (spec) =>
        !isSet(spec.reachableBy) ||
        !isSet(spec.peerIP) ||
        parseAddress(spec.reachableBy).family ===
          parseAddress(parseAddressAndPort(spec.peerIP).address).family,
      message: 'is not of the same address family as peerIP',
    },
    {
      field: 'passive',
      holds: (spec) => !spec.passive || isSet(spec.peerIP),
      message:
        'is for the peer at peerIP, which is not set: nodes agree on who connects; remove it',
      cel: `!has(self.passive) || !self.passive || ${celIsSet('peerIP')}`,
    },
    {
      field: 'keepOriginalNextHop',
      holds: (spec) => !spec.keepOriginalNextHop || spec.nextHopMode === undefined,
      message: 'is deprecated and cannot be set together with nextHopMode: keep nextHopMode',
      cel: '!has(self.keepOriginalNextHop) || !self.keepOriginalNextHop || !has(self.nextHopMode)',
    },
  ],
);

const schema = z.looseObject({
  ...typeAndMeta('BGPPeer'),
  spec,
  status: z.looseObject({ conditions: conditions.optional() }).optional(),
});

export type BGPPeer = z.input<typeof schema>;

export const BGPPeer = resource('BGPPeer', {
  plural: 'bgppeers',
  hasStatus: true,
  columns: [
    { name: 'Peer IP', type: 'string', jsonPath: '.spec.peerIP' },
    { name: 'Peer Selector', type: 'string', jsonPath: '.spec.peerSelector' },
    { name: 'AS', type: 'string', jsonPath: '.spec.asNumber' },
    { name: 'Node', type: 'string', jsonPath: '.spec.node' },
    { name: 'Node Selector', type: 'string', jsonPath: '.spec.nodeSelector' },
  ],
  schema,
});
