/**
 * The datastore's part of the routes: remote blocks of the pools whose routes come from it and not from
 * BGP, and by which tunnel they are reached; and by which tunnel those are of which BGP says where they are.
 *
 * A pool whose mode changes while its pods talk is switched make-before-break, node by node: packets go
 * the new way once it is ready at both ends (RemoteTarget.device here, OverlayNode.receives there), and
 * until then the way they went. A node keeps a tunnel's device for as long as any node sends by it
 * (tunnels.ts).
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
import { deviceName, type TunnelKind, tunnelName } from '../ours.ts';
import type { Report } from '../report.ts';
import type { RemoteTarget } from './route.ts';

/** A pool whose routes come from the datastore, or need a tunnel. Of others BGP says all. */
export type OverlayPool = {
  readonly name: string;
  readonly prefix: Prefix;
  /** Who says at which node a block is. How it is reached is the pool's to say, in either case. */
  readonly routesFrom: 'datastore' | 'BGP';
} & Encapsulation;

/** A tunnel wherever nodes are, or between nodes of different subnets. */
type Encapsulation =
  | { readonly tunnel: TunnelKind; readonly mode: 'always' | 'cross-subnet' }
  | { readonly tunnel?: undefined; readonly mode: 'never' };

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
  /** The tunnels (tunnelName) that take packets. Undefined: it does not say, and has what the pools ask for. */
  readonly receives: readonly string[] | undefined;
  /** The tunnel devices that some route of it leads to. */
  readonly sends: readonly string[];
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
  readonly pools: readonly OverlayPool[];
  /** Of all nodes. */
  readonly placements: readonly Placement[];
  readonly settings: TunnelSettings;
}

export interface RemoteRoute {
  readonly prefix: Prefix;
  readonly target: RemoteTarget;
}

export interface Overlay {
  readonly routes: readonly RemoteRoute[];
  /** No route that BGP learned inside one of these is installed, */
  readonly pools: readonly Prefix[];
  /** but those to these: the pool has a tunnel now, which is not ready yet. */
  readonly learned: readonly Prefix[];
  /** Where BGP says at which node a block is, and a tunnel leads there. */
  readonly tunnelled: readonly TunnelledPool[];
  /** What cannot be reached, and what is missing. */
  readonly unreachable: readonly Report[];
}

/** Of what BGP learned inside the pool, that by these next hops goes by the tunnel. */
export interface TunnelledPool {
  readonly prefix: Prefix;
  readonly device: string;
  readonly nextHops: readonly Address[];
}

/** How things are now, so that nothing is left before what comes instead is there. */
export interface Present {
  /** Whether this node's end of the way is ready. */
  isReady(block: Prefix, way: RemoteTarget): boolean;
  /** How this block, on that node, is reached as yet; undefined: not by the datastore's word, nor by a tunnel. */
  wayTo(block: Prefix, node: string): RemoteTarget | undefined;
  /** Whether it is BGP that says where the block is. */
  isLearned(block: Prefix): boolean;
}

export function overlay(input: OverlayInput, present: Present): Overlay {
  const { self, nodes, pools, placements } = input;
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const byPrefix = new PrefixTrie<OverlayPool>();
  for (const pool of pools) byPrefix.set(pool.prefix, pool);
  const here = byName.get(self);
  const routes: RemoteRoute[] = [];
  const learned: Prefix[] = [];
  const unreachable: Report[] = [];
  for (const { prefix, node } of placements) {
    if (node === self) continue;
    const there = byName.get(node);
    const match = byPrefix.match(prefix.address)?.value;
    const pool = match && containsPrefix(match.prefix, prefix) ? match : undefined;
    const isBgps = pool?.routesFrom !== 'datastore';
    const target = pool ? targetOf(pool, prefix.address.family, here, there) : undefined;
    const obstacle =
      typeof target === 'object' ? obstacleTo(prefix, target, pool, there, present) : target;
    const before = present.wayTo(prefix, node);
    if (typeof target === 'object' && obstacle === undefined && !isBgps)
      routes.push({ prefix, target });
    else if (before && isStillThere(before, there, prefix.address.family))
      routes.push({ prefix, target: { ...before, yields: isBgps && obstacle === undefined } });
    else if (isBgps) continue;
    else if (present.isLearned(prefix)) learned.push(prefix);
    else
      unreachable.push({ subject: formatPrefix(prefix), reason: `on node ${node}: ${obstacle}` });
  }
  const ofDatastore = pools.filter(({ routesFrom }) => routesFrom === 'datastore');
  return {
    routes,
    pools: ofDatastore.map(({ prefix }) => prefix),
    learned,
    tunnelled: tunnelledPools(input, present),
    unreachable,
  };
}

/** What BGP says of other nodes goes directly until the tunnel is ready at both ends. */
function tunnelledPools({ self, nodes, pools }: OverlayInput, present: Present): TunnelledPool[] {
  const here = nodes.find(({ name }) => name === self);
  return pools.flatMap((pool) => {
    const { prefix, routesFrom, tunnel } = pool;
    if (routesFrom === 'datastore' || tunnel === undefined) return [];
    const { family } = prefix.address;
    const nextHops = nodes.flatMap((there) => {
      const way = there === here ? undefined : targetOf(pool, family, here, there);
      const leadsThere =
        typeof way === 'object' &&
        way.device !== undefined &&
        obstacleTo(prefix, way, pool, there, present) === undefined;
      return leadsThere ? [there.underlay[family]!.address] : [];
    });
    return [{ prefix, device: deviceName(tunnel, family), nextHops }];
  });
}

/** What the way waits for; undefined when packets can go it. */
function obstacleTo(
  block: Prefix,
  way: RemoteTarget,
  pool: OverlayPool | undefined,
  there: OverlayNode | undefined,
  present: Present,
): string | undefined {
  const { device } = way;
  if (device === undefined || pool?.tunnel === undefined) return undefined;
  if (!present.isReady(block, way)) return `${device} is not ready here yet`;
  const receives = there?.receives;
  return receives === undefined || receives.includes(tunnelName(pool.tunnel, block.address.family))
    ? undefined
    : `${device} is not ready there yet`;
}

function isStillThere(way: RemoteTarget, there: OverlayNode | undefined, family: Family): boolean {
  return way.node === there?.name && there.underlay[family] !== undefined;
}

/** @returns in a sentence why there is none. */
function targetOf(
  pool: OverlayPool,
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
  const way = { kind: 'remote', node: there.name } as const;
  if (pool.mode === 'never' || (pool.mode === 'cross-subnet' && isOnLink))
    return { ...way, gateway: node };
  const device = deviceName(pool.tunnel, family);
  if (pool.tunnel === 'ipip') return { ...way, gateway: node, device };
  if (pool.tunnel === 'udp') return { ...way, device };
  const { address } = there.vteps[family];
  return address === undefined
    ? `it has no IPv${family} VXLAN address yet`
    : { ...way, gateway: address, device };
}
