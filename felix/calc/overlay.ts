/**
 * The datastore's part of the routes: remote blocks of the pools whose routes come from it and not from
 * BGP, by which tunnel they are reached, and who is at the tunnels' other ends. A function of what the
 * datastore holds.
 */

import {
  type Address,
  containsAddress,
  containsPrefix,
  type Family,
  formatPrefix,
  type InterfaceAddress,
  type Prefix,
  PrefixTrie,
  prefixOf,
} from 'net-ipaddr';
import { deviceName, type TunnelKind } from '../tunnel/devices.ts';
import type { Report } from './join.ts';
import type { RemoteTarget } from './route.ts';

/** A pool that needs a tunnel: wherever nodes are, or between nodes of different subnets. */
export interface EncapsulatedPool {
  readonly name: string;
  readonly prefix: Prefix;
  readonly tunnel: TunnelKind;
  readonly mode: 'always' | 'cross-subnet';
}

/** A VXLAN tunnel end point (VTEP), RFC 7348: a node's device. */
export interface Vtep {
  /** Undefined until IPAM has given one. */
  readonly address: Address | undefined;
  readonly mac: string;
}

export interface OverlayNode {
  readonly name: string;
  /** The node's own addresses, with their networks' lengths: the underlay. */
  readonly underlay: Readonly<Partial<Record<Family, InterfaceAddress>>>;
  readonly vteps: Readonly<Record<Family, Vtep>>;
  /** Of its IPIP device. Only the node itself makes use of it, as of those for UDP. */
  readonly ipipAddress: Address | undefined;
  readonly udpAddresses: Readonly<Partial<Record<Family, Address>>>;
}

/** A block, or one address out of another node's block. */
export interface Placement {
  readonly prefix: Prefix;
  /** The node that it is on. */
  readonly node: string;
}

/** What FelixConfiguration says of the tunnels; an MTU that is undefined is made of the underlay's. */
export interface TunnelSettings {
  readonly vxlan: {
    readonly vni: number;
    readonly port: number;
    readonly mtu: Readonly<Partial<Record<Family, number>>>;
  };
  readonly ipip: { readonly mtu: number | undefined };
}

export interface OverlayInput {
  /** This node's name. */
  readonly self: string;
  readonly nodes: readonly OverlayNode[];
  readonly pools: readonly EncapsulatedPool[];
  /** Of all nodes. */
  readonly placements: readonly Placement[];
  readonly settings: TunnelSettings;
}

/** A tunnel that this node should have, the same family inside and outside. */
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

export interface RemoteRoute {
  readonly prefix: Prefix;
  readonly target: RemoteTarget;
}

export interface Overlay {
  readonly tunnels: readonly Tunnel[];
  readonly routes: readonly RemoteRoute[];
  /** No route that BGP learned inside one of these is installed. */
  readonly pools: readonly Prefix[];
  /** What cannot be reached, and what is missing. */
  readonly unreachable: readonly Report[];
}

export function overlay(input: OverlayInput): Overlay {
  const { self, nodes, pools, placements } = input;
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const byPrefix = new PrefixTrie<EncapsulatedPool>();
  for (const pool of pools) byPrefix.set(pool.prefix, pool);
  const here = byName.get(self);
  const routes: RemoteRoute[] = [];
  const udpWays: UdpWay[] = [];
  const unreachable: Report[] = [];
  for (const { prefix, node } of placements) {
    if (node === self) continue;
    const pool = byPrefix.match(prefix.address)?.value;
    if (pool === undefined || !containsPrefix(pool.prefix, prefix)) continue;
    const { family } = prefix.address;
    const there = byName.get(node);
    const target = targetOf(pool, family, here, there);
    if (typeof target === 'object') {
      routes.push({ prefix, target });
      // Also of nodes that are reached directly: to these this node may look like one of another subnet.
      if (pool.tunnel === 'udp') udpWays.push({ prefix, node: there!.underlay[family]!.address });
    } else
      unreachable.push({ subject: formatPrefix(prefix), reason: `on node ${node}: ${target}` });
  }
  return {
    tunnels: here === undefined ? [] : tunnelsOf(input, here, udpWays),
    routes,
    pools: pools.map(({ prefix }) => prefix),
    unreachable,
  };
}

/** @returns in a sentence why there is none. */
function targetOf(
  pool: EncapsulatedPool,
  family: Family,
  here: OverlayNode | undefined,
  there: OverlayNode | undefined,
): RemoteTarget | string {
  const own = here?.underlay[family];
  if (own === undefined) return `this node has no IPv${family} address`;
  if (there === undefined) return 'there is no such Node';
  const node = there.underlay[family]?.address;
  if (node === undefined) return `it has no IPv${family} address`;
  const isOnLink = containsAddress(prefixOf(own.address, own.length), node);
  if (pool.mode === 'cross-subnet' && isOnLink) return { kind: 'remote', gateway: node };
  const device = deviceName(pool.tunnel, family);
  if (pool.tunnel === 'ipip') return { kind: 'remote', gateway: node, device };
  if (pool.tunnel === 'udp') return { kind: 'remote', device };
  const { address } = there.vteps[family];
  return address === undefined
    ? `it has no IPv${family} VXLAN address yet`
    : { kind: 'remote', gateway: address, device };
}

/** Of a family in which this node has an address and a pool needs one, whether or not a block is remote yet. */
function tunnelsOf(
  { nodes, pools, settings }: OverlayInput,
  here: OverlayNode,
  udpWays: readonly UdpWay[],
): Tunnel[] {
  const tunnels: Tunnel[] = [];
  const isNeeded = (kind: TunnelKind, family: Family) =>
    pools.some(({ prefix, tunnel }) => tunnel === kind && prefix.address.family === family);
  for (const family of [4, 6] as const) {
    const local = here.underlay[family]?.address;
    if (local === undefined) continue;
    if (isNeeded('vxlan', family)) {
      const { vni, port, mtu: mtus } = settings.vxlan;
      const peers = nodes.filter((node) => node !== here).flatMap((node) => peerOf(node, family));
      const { address, mac } = here.vteps[family];
      const mtu = mtus[family];
      tunnels.push({ kind: 'vxlan', family, local, address, mac, vni, port, mtu, peers });
    }
    if (isNeeded('ipip', family)) {
      const { mtu } = settings.ipip;
      tunnels.push({ kind: 'ipip', family, local, address: here.ipipAddress, mtu });
    }
    if (isNeeded('udp', family)) {
      const address = here.udpAddresses[family];
      const ways = udpWays.filter(({ prefix }) => prefix.address.family === family);
      tunnels.push({ kind: 'udp', family, local, address, mtu: undefined, ways });
    }
  }
  return tunnels;
}

function peerOf(node: OverlayNode, family: Family): TunnelPeer[] {
  const underlay = node.underlay[family]?.address;
  const { address, mac } = node.vteps[family];
  return underlay === undefined || address === undefined ? [] : [{ address, mac, node: underlay }];
}
