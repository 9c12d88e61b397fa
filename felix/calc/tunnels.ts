/**
 * The tunnel devices that this node should have, and who is at their other ends. A function of what the
 * datastore holds, but for the tunnels by which this node still sends.
 */

import type { Address, Family, Prefix } from 'net-ipaddr';
import { deviceName, type TunnelKind } from '../ours.ts';
import type { OverlayInput, OverlayNode } from './overlay.ts';

/** The same family inside and outside. */
export type Tunnel = VxlanTunnel | IpipTunnel | UdpTunnel;

interface TunnelBase {
  readonly family: Family;
  /** Where tunnelled packets come from: the node's own address. */
  readonly local: Address;
  /** The device's own address; undefined until IPAM has given one. */
  readonly address: Address | undefined;
  readonly mtu: number | undefined;
}

export interface VxlanTunnel extends TunnelBase {
  readonly kind: 'vxlan';
  readonly mac: string;
  readonly vni: number;
  readonly port: number;
  /** The other nodes that have a device of this family. */
  readonly peers: readonly TunnelPeer[];
}

export interface IpipTunnel extends TunnelBase {
  readonly kind: 'ipip';
}

/** Packets bare in UDP datagrams (tunnel/udp). Both families share one device. */
export interface UdpTunnel extends TunnelBase {
  readonly kind: 'udp';
  /** Where a packet goes by its destination, and from which node one with that source may come. */
  readonly ways: readonly UdpWay[];
}

export interface UdpWay {
  readonly prefix: Prefix;
  /** The node's own address. */
  readonly node: Address;
}

export interface TunnelPeer {
  readonly address: Address;
  readonly mac: string;
  /** Where its packets are sent: that node's own address. */
  readonly node: Address;
}

/**
 * Of each family in which this node has an address and a pool needs a tunnel, whether or not a block is
 * remote yet; and those that a pool needed and by which a node still sends, this one or another.
 *
 * @param sends the devices that routes of this node lead to.
 */
export function tunnelsOf(input: OverlayInput, sends: ReadonlySet<string>): Tunnel[] {
  const { self, nodes, pools, settings } = input;
  const here = nodes.find(({ name }) => name === self);
  if (here === undefined) return [];
  const others = nodes.filter((node) => node !== here);
  const inUse = new Set([...sends, ...others.flatMap((node) => node.sends)]);
  /** By a pool; one that is only in use yet has an address of its family. */
  const isNeeded = (kind: TunnelKind, family: Family, address: Address | undefined) =>
    (address !== undefined && inUse.has(deviceName(kind, family))) ||
    pools.some(({ prefix, tunnel }) => tunnel === kind && prefix.address.family === family);
  const tunnels: Tunnel[] = [];
  for (const family of [4, 6] as const) {
    const local = here.underlay[family]?.address;
    if (local === undefined) continue;
    const { address: vtep, mac } = here.vteps[family];
    if (isNeeded('vxlan', family, vtep)) {
      const { vni, port, mtu: mtus } = settings.vxlan;
      const peers = others.flatMap((node) => peerOf(node, family));
      const mtu = mtus[family];
      tunnels.push({ kind: 'vxlan', family, local, address: vtep, mac, vni, port, mtu, peers });
    }
    const { ipipAddress } = here;
    if (family === 4 && isNeeded('ipip', family, ipipAddress)) {
      const { mtu } = settings.ipip;
      tunnels.push({ kind: 'ipip', family, local, address: ipipAddress, mtu });
    }
    const address = here.udpAddresses[family];
    if (isNeeded('udp', family, address)) {
      const ways = udpWays(input, family);
      tunnels.push({ kind: 'udp', family, local, address, mtu: undefined, ways });
    }
  }
  return tunnels;
}

/**
 * Of nodes that are reached directly, too: to these this node may look like one of another subnet. And of every pool: to
 * another node one may have this tunnel already, or still.
 */
function udpWays({ self, nodes, placements }: OverlayInput, family: Family): UdpWay[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  return placements.flatMap(({ prefix, node: name }) => {
    if (name === self || prefix.address.family !== family) return [];
    const node = byName.get(name)?.underlay[family]?.address;
    return node === undefined ? [] : [{ prefix, node }];
  });
}

function peerOf(node: OverlayNode, family: Family): TunnelPeer[] {
  const underlay = node.underlay[family]?.address;
  const { address, mac } = node.vteps[family];
  return underlay === undefined || address === undefined ? [] : [{ address, mac, node: underlay }];
}
