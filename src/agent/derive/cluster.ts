/** What the derivations know of the cluster: plain values read from the resources; what is malformed is left out, and named. */
import type { Address, Family } from 'net-ipaddr';
import {
  BGPConfiguration,
  type BGPFilter,
  type BGPPeer,
  type CustomResource,
  describeProblem,
  type FelixConfiguration,
  type IPPool,
  type Node,
  type NodeNetwork,
  parseAsNumber,
  parseDuration,
  readNodeNetwork,
  type Secret,
  validate,
  withDefaults,
} from '../../../api/index.ts';
import type { BfdSettings, BmpConfig, RpkiConfig } from '../../../bgp/speaker.ts';
import type { Placement } from '../../../felix/felix.ts';
import type { KubeObject } from '../../../ports.ts';
import type { ProgramClusterRoutes } from './cluster-routes.ts';
import { type Advertisement, readAdvertisements } from './communities.ts';
import { type PasswordRef, passwordRef } from './passwords.ts';

/** The resources as the reflectors hold them. */
export interface Resources {
  nodes: readonly Node[];
  pools: readonly IPPool[];
  bgpConfigurations: readonly BGPConfiguration[];
  bgpPeers: readonly BGPPeer[];
  bgpFilters: readonly BGPFilter[];
  /** Those that the two above name, of the agent's own namespace. */
  secrets: readonly Secret[];
}

/** What an agent has beside them, for its kernel. */
export interface AgentResources extends Resources {
  felixConfigurations: readonly FelixConfiguration[];
  /** Of all IPAMBlocks. */
  placements: readonly Placement[];
}

export interface ClusterNode {
  name: string;
  labels: Readonly<Record<string, string>>;
  network: NodeNetwork;
  /** Its own, or the cluster's. */
  asNumber: number;
}

export interface BgpSettings {
  asNumber: number;
  meshEnabled: boolean;
  listenPort: number;
  /** Listen on the node's own addresses only. */
  bindToNodeAddress: boolean;
  holdTimeSec: number;
  /** Of the mesh's sessions; undefined: none. */
  bfd: BfdSettings | undefined;
  /** Of a route that has no priority of its own. */
  normalPriority: Readonly<Record<Family, number>>;
  advertisements: readonly Advertisement[];
  /** RFC 8212: an eBGP peer without filters gets nothing, and nothing is taken from it. */
  ebgpRequiresPolicy: boolean;
  bmp: Pick<BmpConfig, 'collectors' | 'statisticsSec'> | undefined;
  rpki: RpkiConfig | undefined;
  meshPassword: PasswordRef | undefined;
  programClusterRoutes: ProgramClusterRoutes | undefined;
  /** For how long nodes of the mesh keep the routes of one that restarts. */
  meshRestartTimeSec: number;
}

/** BGPConfiguration `default`; of `node.<name>` only listenPort and prefixAdvertisements count here, as in Calico. */
export function readBgpSettings(
  configurations: readonly BGPConfiguration[],
  nodeName: string,
  problems: string[],
): BgpSettings {
  const named = (name: string) =>
    configurations.find((configuration) => configuration.metadata.name === name);
  const own = named(`node.${nodeName}`);
  const ownSpec = own && readable(BGPConfiguration, own, problems) ? own.spec : undefined;
  const nothing: BGPConfiguration = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'BGPConfiguration',
    metadata: { name: 'default' },
  };
  const cluster = readable(BGPConfiguration, named('default') ?? nothing, problems);
  const { spec } = cluster ?? withDefaults(BGPConfiguration, nothing);
  return {
    asNumber: parseAsNumber(spec.asNumber),
    meshEnabled: spec.nodeToNodeMeshEnabled,
    // As written: the node's own form has a listenPort only where it sets one.
    listenPort: ownSpec?.listenPort ?? spec.listenPort,
    bindToNodeAddress: spec.bindMode === 'NodeIP',
    holdTimeSec: parseDuration(spec.holdTime) / 1000,
    meshRestartTimeSec: restartTimeSec(spec.nodeMeshMaxRestartTime),
    bfd: readBfd(spec.bfd),
    programClusterRoutes: spec.programClusterRoutes,
    ebgpRequiresPolicy: spec.ebgpRequiresPolicy === 'Enabled',
    normalPriority: { 4: spec.ipv4NormalRoutePriority, 6: spec.ipv6NormalRoutePriority },
    advertisements: ownSpec?.prefixAdvertisements
      ? readAdvertisements(`node.${nodeName}`, ownSpec)
      : readAdvertisements('default', spec),
    rpki: spec.rpki && {
      servers: spec.rpki.servers,
      invalidRoutes: spec.rpki.invalidRoutes === 'Reject' ? 'reject' : 'accept',
    },
    bmp: spec.bmp && {
      collectors: spec.bmp.collectors,
      statisticsSec: Math.round(parseDuration(spec.bmp.statisticsInterval) / 1000),
    },
    meshPassword: passwordRef('BGPConfiguration "default"', spec.nodeMeshPassword),
  };
}

/** `bfd` of a BGPConfiguration or BGPPeer, with its defaults. */
export function readBfd(
  bfd: { minInterval: string; multiplier: number; multihop?: boolean | undefined } | undefined,
): BfdSettings | undefined {
  if (!bfd) return undefined;
  const { minInterval, multiplier, multihop } = bfd;
  return {
    intervalMs: parseDuration(minInterval),
    detectMult: multiplier,
    ...(multihop !== undefined && { hops: multihop ? 'multi' : 'single' }),
  };
}

/** RFC 4724 §3 has 12 bits for it: a longer time is the longest. BIRD's default, and so Calico's, is 120 s. */
export function restartTimeSec(duration: string | undefined): number {
  if (duration === undefined) return 120;
  return Math.min(4095, Math.ceil(parseDuration(duration) / 1000));
}

/** RFC 9494 §3.1 has 24 bits for it. */
export function staleTimeSec(duration: string | undefined): number {
  if (duration === undefined) return 0;
  return Math.min(2 ** 24 - 1, Math.ceil(parseDuration(duration) / 1000));
}

export function readNodes(
  nodes: readonly Node[],
  clusterAs: number,
  problems: string[],
): ClusterNode[] {
  return nodes.map((node) => {
    const { network, problems: found } = readNodeNetwork(node.metadata);
    problems.push(...found);
    return {
      name: node.metadata.name,
      labels: node.metadata.labels ?? {},
      network,
      asNumber: network.asNumber ?? clusterAs,
    };
  });
}

interface Reading {
  readonly object: KubeObject | undefined;
  readonly problems: readonly string[];
}

/** Of objects as they came: each is read once, however often everything is derived anew. */
const readings = new WeakMap<KubeObject, Reading>();

/** With defaults filled in. A datastore may hold what our schema refuses: that is named, and counts as absent. */
export function readable<T extends KubeObject, D extends KubeObject>(
  type: CustomResource<T, D>,
  object: T,
  problems: string[],
): D | undefined {
  let reading = readings.get(object);
  if (reading === undefined) {
    reading = readAsIs(type, object);
    readings.set(object, reading);
  }
  problems.push(...reading.problems);
  return reading.object as D | undefined;
}

function readAsIs<T extends KubeObject, D extends KubeObject>(
  type: CustomResource<T, D>,
  object: T,
): Reading {
  const found = validate(type as unknown as CustomResource, object);
  const problems = found.map((problem) => describeProblem(object, problem));
  return { problems, object: found.length === 0 ? withDefaults(type, object) : undefined };
}

export function addressesOf(node: ClusterNode): Address[] {
  return [node.network.ipv4Address, node.network.ipv6Address]
    .filter((address) => address !== undefined)
    .map(({ address }) => address);
}
