/** What felix is told of other nodes' blocks and of the tunnels to them. Pure. */
import { createHash } from 'node:crypto';
import { type Family, parsePrefix } from 'net-ipaddr';
import { IPPool } from '../../../api/index.ts';
import type {
  OverlayInput,
  OverlayNode,
  OverlayPool,
  Placement,
  TunnelSettings,
} from '../../../felix/felix.ts';
import { type ClusterNode, readable } from './cluster.ts';
import type { ClusterRoutes } from './cluster-routes.ts';

/** A pool has one of them at most. */
const TUNNELS = ['vxlan', 'ipip', 'udp'] as const;

export interface OverlayResources {
  readonly nodeName: string;
  readonly nodes: readonly ClusterNode[];
  readonly pools: readonly IPPool[];
  readonly placements: readonly Placement[];
  readonly clusterRoutes: ClusterRoutes;
  readonly settings: TunnelSettings;
}

export function deriveOverlay(resources: OverlayResources): OverlayInput {
  const { nodeName, nodes, pools, placements, clusterRoutes, settings } = resources;
  return {
    self: nodeName,
    nodes: nodes.map(overlayNode),
    pools: overlayPools(pools, clusterRoutes),
    placements,
    settings,
  };
}

/** Disabled pools among them, whose pods live on. A pool that cannot be read is named by the export policy. */
function overlayPools(pools: readonly IPPool[], clusterRoutes: ClusterRoutes): OverlayPool[] {
  return pools.flatMap((pool): OverlayPool[] => {
    const spec = readable(IPPool, pool, [])?.spec;
    if (spec === undefined) return [];
    const common = { name: pool.metadata.name, prefix: parsePrefix(spec.cidr) };
    const modes = { vxlan: spec.vxlanMode, ipip: spec.ipipMode, udp: spec.udpMode };
    const tunnel = TUNNELS.find((kind) => modes[kind] !== 'Never');
    if (tunnel === undefined)
      return clusterRoutes.unencapsulated === 'BGP'
        ? []
        : [{ ...common, mode: 'never', routesFrom: 'datastore' }];
    const mode = modes[tunnel] === 'Always' ? 'always' : 'cross-subnet';
    const routesFrom = tunnel === 'ipip' ? clusterRoutes.IPIP : 'datastore';
    return [{ ...common, tunnel, mode, routesFrom }];
  });
}

function overlayNode({ name, network }: ClusterNode): OverlayNode {
  const { ipv4Address, ipv6Address, ipv4UDPTunnelAddress, ipv6UDPTunnelAddress } = network;
  return {
    name,
    underlay: {
      ...(ipv4Address && { 4: ipv4Address }),
      ...(ipv6Address && { 6: ipv6Address }),
    },
    vteps: {
      4: { address: network.ipv4VXLANTunnelAddress, mac: network.vxlanTunnelMAC ?? macOf(name, 4) },
      6: {
        address: network.ipv6VXLANTunnelAddress,
        mac: network.vxlanTunnelMACV6 ?? macOf(name, 6),
      },
    },
    ipipAddress: network.ipv4IPIPTunnelAddress,
    udpAddresses: {
      ...(ipv4UDPTunnelAddress && { 4: ipv4UDPTunnelAddress }),
      ...(ipv6UDPTunnelAddress && { 6: ipv6UDPTunnelAddress }),
    },
    receives: network.receivingTunnels,
    sends: network.sendingTunnels ?? [],
  };
}

/** As Calico makes it of the node's name, so that nobody has to write it down. Locally administered. */
function macOf(name: string, family: Family): string {
  const digest = createHash('sha1')
    .update(family === 4 ? name : `${name}-v6`)
    .digest('hex');
  return `66${digest.slice(0, 10)}`.match(/../g)!.join(':');
}
