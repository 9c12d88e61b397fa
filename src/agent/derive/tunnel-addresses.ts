/** Which addresses this node's tunnel devices need. Handles, attributes and annotations are Calico's, but UDP's. Pure. */
import { type Family, type Prefix, parsePrefix } from 'net-ipaddr';
import { allowedUsesOf, IPPool, type NodeNetwork, parseSelector } from '../../../api/index.ts';
import { deviceName } from '../../../felix/felix.ts';
import { type ClusterNode, readable } from './cluster.ts';

export type TunnelAddressField =
  | 'ipv4VXLANTunnelAddress'
  | 'ipv6VXLANTunnelAddress'
  | 'ipv4IPIPTunnelAddress'
  | 'ipv4UDPTunnelAddress'
  | 'ipv6UDPTunnelAddress';

export interface TunnelAddressNeed {
  readonly field: TunnelAddressField;
  readonly family: Family;
  readonly handleId: string;
  /** Kept beside the address. */
  readonly attributes: Record<string, string>;
  /** Where the address may lie: in any pool that uses the tunnel. None: the node needs no address. */
  readonly prefixes: readonly Prefix[];
  /** The names of those of them that give addresses to tunnels of this node. */
  readonly pools: readonly string[];
}

interface Kind {
  readonly device: string;
  readonly field: TunnelAddressField;
  readonly family: Family;
  readonly mode: 'vxlanMode' | 'ipipMode' | 'udpMode';
  readonly handle: string;
  readonly type: string;
}

const KINDS: readonly Kind[] = [
  {
    device: deviceName('vxlan', 4),
    field: 'ipv4VXLANTunnelAddress',
    family: 4,
    mode: 'vxlanMode',
    handle: 'vxlan-tunnel-addr',
    type: 'vxlanTunnelAddress',
  },
  {
    device: deviceName('vxlan', 6),
    field: 'ipv6VXLANTunnelAddress',
    family: 6,
    mode: 'vxlanMode',
    handle: 'vxlan-v6-tunnel-addr',
    type: 'vxlanV6TunnelAddress',
  },
  {
    device: deviceName('ipip', 4),
    field: 'ipv4IPIPTunnelAddress',
    family: 4,
    mode: 'ipipMode',
    handle: 'ipip-tunnel-addr',
    type: 'ipipTunnelAddress',
  },
  {
    device: deviceName('udp', 4),
    field: 'ipv4UDPTunnelAddress',
    family: 4,
    mode: 'udpMode',
    handle: 'udp-tunnel-addr',
    type: 'udpTunnelAddress',
  },
  {
    device: deviceName('udp', 6),
    field: 'ipv6UDPTunnelAddress',
    family: 6,
    mode: 'udpMode',
    handle: 'udp-v6-tunnel-addr',
    type: 'udpV6TunnelAddress',
  },
];

/** @param inUse devices into which some node still sends: what they have they keep, though no pool needs them now. */
export function deriveTunnelAddresses(
  { name: node, labels, network }: Pick<ClusterNode, 'name' | 'labels' | 'network'>,
  pools: readonly IPPool[],
  inUse: ReadonlySet<string>,
): TunnelAddressNeed[] {
  const read = pools.flatMap((pool) => readable(IPPool, pool, []) ?? []);
  return KINDS.flatMap(({ device, field, family, mode, handle, type }) => {
    const underlay: keyof NodeNetwork = family === 4 ? 'ipv4Address' : 'ipv6Address';
    const using = read.filter(
      ({ spec }) =>
        network[underlay] !== undefined &&
        spec[mode] !== 'Never' &&
        parsePrefix(spec.cidr).address.family === family,
    );
    if (using.length === 0 && inUse.has(device)) return [];
    const giving = using.filter(
      ({ spec }) =>
        !spec.disabled &&
        spec.assignmentMode === 'Automatic' &&
        allowedUsesOf(spec).includes('Tunnel') &&
        parseSelector(spec.nodeSelector)(labels),
    );
    const need: TunnelAddressNeed = {
      field,
      family,
      handleId: `${handle}-${node}`,
      attributes: { node, type },
      prefixes: using.map(({ spec }) => parsePrefix(spec.cidr)),
      pools: giving.map(({ metadata }) => metadata.name),
    };
    return [need];
  });
}
