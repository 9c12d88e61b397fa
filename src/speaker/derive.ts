/** What a speaker that stands alone is to do, from its flags and its files. Pure. */
import { type Address, type InterfaceAddress, parsePrefix } from 'net-ipaddr';
import type { IPAMBlock } from '../../api/index.ts';
import type { SpeakerConfig } from '../../bgp/speaker.ts';
import {
  type ClusterNode,
  type Resources,
  readBgpSettings,
  readNodes,
} from '../agent/derive/cluster.ts';
import { derivePeers } from '../agent/derive/peers.ts';
import { deriveSpeakerConfig } from '../agent/derive/speaker.ts';

export interface Endpoint {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
}

/** What the flags say of this speaker; what they leave open, the Node of that name says. */
export interface Identity {
  readonly node: string;
  readonly ipv4: Address | undefined;
  readonly ipv6: Address | undefined;
  readonly routerId: string | undefined;
  readonly asNumber: number | undefined;
  /** Empty: as BGPConfiguration says. */
  readonly listen: readonly Endpoint[];
  readonly clusterId: Address | undefined;
}

export interface RouterResources extends Resources {
  /** Those with the affinity `host:<node>` are originated. */
  readonly blocks: readonly IPAMBlock[];
}

/**
 * As an agent's node would do, with two differences: who has no Node is put among the nodes, and
 * without IPPools everything accepted is exported.
 *
 * @throws Error when it is not known who this is.
 */
export function deriveRouter(
  identity: Identity,
  resources: RouterResources,
  problems: string[],
): SpeakerConfig {
  const nodeName = identity.node;
  const settings = readBgpSettings(resources.bgpConfigurations, nodeName, problems);
  const known = readNodes(resources.nodes, settings.asNumber, problems);
  const node = known.find(({ name }) => name === nodeName);
  const self = identify(identity, node, settings.asNumber);
  const nodes = [...known.filter((one) => one !== node), self];
  const peers = derivePeers({ nodeName, nodes, peers: resources.bgpPeers, settings }, problems);
  for (const { reachableBy, resource } of peers)
    if (reachableBy)
      problems.push(
        `BGPPeer "${resource}": spec.reachableBy is for an agent’s node, and has no effect with tortie speaker`,
      );
  const blocks = resources.blocks
    .filter(({ spec }) => spec.affinity === `host:${nodeName}` && !spec.deleted)
    .map(({ spec }) => parsePrefix(spec.cidr));
  const { bgpFilters: filters, pools, secrets } = resources;
  // Pools tell a node's pods from what is not to be seen outside. A router without any has no such inside.
  const exportsOthers = pools.length === 0;
  const config = deriveSpeakerConfig(
    { self, settings, peers, secrets, pools, filters, blocks, borrowed: [], exportsOthers },
    problems,
  );
  return {
    ...config,
    routerId: identity.routerId ?? config.routerId,
    listen: identity.listen.length > 0 ? identity.listen : config.listen,
  };
}

function identify(
  identity: Identity,
  node: ClusterNode | undefined,
  clusterAs: number,
): ClusterNode {
  const { ipv4, ipv6, clusterId } = identity;
  const network = {
    ...node?.network,
    ...(ipv4 && { ipv4Address: hostAddress(ipv4) }),
    ...(ipv6 && { ipv6Address: hostAddress(ipv6) }),
    ...(clusterId && { routeReflectorClusterID: clusterId }),
  };
  if (!network.ipv4Address && !network.ipv6Address)
    throw new Error(
      `the speaker has no address: give --address, or describe Node ${JSON.stringify(identity.node)} in a file, with the annotation projectcalico.org/IPv4Address`,
    );
  return {
    name: identity.node,
    labels: node?.labels ?? {},
    network,
    asNumber: identity.asNumber ?? node?.asNumber ?? clusterAs,
  };
}

function hostAddress(address: Address): InterfaceAddress {
  return { address, length: address.family === 4 ? 32 : 128 };
}
