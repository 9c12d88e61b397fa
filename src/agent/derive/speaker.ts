/** What the speaker is to do, from what was derived of peers, pools and blocks. Pure. */
import { createHash } from 'node:crypto';
import { type Address, formatAddress, formatPrefix, hostPrefix, type Prefix } from 'net-ipaddr';
import type { BGPFilter, IPPool, Secret } from '../../../api/index.ts';
import type { PeerConfig, SpeakerConfig } from '../../../bgp/speaker.ts';
import type { BgpSettings, ClusterNode } from './cluster.ts';
import { deriveExportPolicy } from './export.ts';
import { Filters } from './filters.ts';
import { withKeys } from './passwords.ts';
import type { DerivedPeer } from './peers.ts';
import { Policies } from './policies.ts';

export interface SpeakerInput {
  self: ClusterNode;
  settings: BgpSettings;
  peers: readonly DerivedPeer[];
  secrets: readonly Secret[];
  pools: readonly IPPool[];
  filters: readonly BGPFilter[];
  /** This node's blocks: what it originates. */
  blocks: readonly Prefix[];
  /** Addresses of this node's pods that lie in none of them: originated one by one. */
  borrowed: readonly Address[];
  /** Whether what is none of the node's is announced. */
  exportsOthers: boolean;
}

/** One side of a mesh session only waits: a restarted node is back when the other side's next attempt comes. */
const CONNECT_RETRY_SEC = 1;

export function deriveSpeakerConfig(input: SpeakerInput, problems: string[]): SpeakerConfig {
  const { self, settings, blocks, borrowed } = input;
  const peers = withKeys(input.peers, input.secrets, problems);
  const own4 = self.network.ipv4Address && formatAddress(self.network.ipv4Address.address);
  const own6 = self.network.ipv6Address && formatAddress(self.network.ipv6Address.address);
  const policies = derivePolicies(input, problems);
  const needs6 = own6 !== undefined || peers.some((peer) => peer.interface !== undefined);
  const anywhere = [...(own4 ? ['0.0.0.0'] : []), ...(needs6 ? ['::'] : [])];
  const addresses = [own4, own6].filter((address) => address !== undefined);
  const port = settings.listenPort;
  const clusterId = self.network.routeReflectorClusterID;
  const sessionOf = (peer: (typeof peers)[number]) => ({
    type: peer.type,
    ...(peer.description !== undefined && { description: peer.description }),
    remoteAs: peer.remoteAs,
    localAs: peer.localAs,
    ...peer.keys,
    ttlSecurityHops: peer.ttlSecurityHops,
    ...(peer.maxPrefixes !== undefined && { maxPrefixes: peer.maxPrefixes }),
    // As Calico: a session carries the family of its own addresses. An unnumbered one carries both,
    // with the address of its link as next hop: the node's own need not be known there.
    ...(peer.address && { families: [peer.address.family] }),
    holdTimeSec: peer.holdTimeSec,
    ...(peer.keepaliveSec !== undefined && { keepaliveSec: peer.keepaliveSec }),
    restartTimeSec: peer.restartTimeSec,
    longLivedStaleTimeSec: peer.longLivedStaleTimeSec,
    // A node of which nothing is heard for the hold time is dead: then its routes go, as with Calico's
    // BIRD, which has no RFC 8538. A router elsewhere says itself whether it wants that.
    gracefulNotification: !peer.isNode,
    nextHopMode: peer.nextHopMode,
    ...(peer.address && own4 && { localAddress4: own4 }),
    ...(peer.address && own6 && { localAddress6: own6 }),
    routeReflectorClient: peer.routeReflectorClient,
    addPaths: peer.addPaths,
    ...(peer.bfd && { bfd: peer.bfd }),
    allowedLocalAs: peer.allowedLocalAs,
    ...externalSettings(peer, problems),
    ...policies.of(peer.filters, peer.remoteAs !== peer.localAs),
  });
  return {
    localAs: self.asNumber,
    routerId: own4 ?? routerIdOf(self.name),
    ...(clusterId && { clusterId: formatAddress(clusterId) }),
    listen: (settings.bindToNodeAddress ? addresses : anywhere).map((address) => ({
      address,
      port,
    })),
    connectRetrySec: CONNECT_RETRY_SEC,
    peers: peers
      .filter(({ range }) => range === undefined)
      .map((peer) => ({
        ...sessionOf(peer),
        name: peer.name,
        ...placeOf(peer),
        port: peer.port,
        passive: peer.passive,
        ...(peer.sourceAddress && { sourceAddress: formatAddress(peer.sourceAddress) }),
      })),
    peerRanges: peers.flatMap((peer) => {
      if (peer.range === undefined) return [];
      const { prefix, maxPeers } = peer.range;
      const most = maxPeers === undefined ? {} : { maxPeers };
      return [{ ...sessionOf(peer), prefix: formatPrefix(prefix), ...most }];
    }),
    ...(settings.rpki && { rpki: settings.rpki }),
    ...(settings.bmp && { bmp: { ...settings.bmp, sysName: self.name } }),
    originations: [...blocks, ...borrowed.map(hostPrefix)].map((prefix) => ({
      prefix: formatPrefix(prefix),
    })),
  };
}

/** What means something between two AS only. */
function externalSettings(
  { name, resource, localAs, remoteAs, role, routeServerClient }: DerivedPeer,
  problems: string[],
): Pick<PeerConfig, 'role' | 'routeServerClient'> {
  if (!role && !routeServerClient) return {};
  if (remoteAs !== localAs) return { ...(role && { role }), routeServerClient };
  const field = role ? 'role' : 'routeServerClient';
  problems.push(
    `BGPPeer "${resource}": spec.${field} is for peers in another AS, and has no effect with ${name}, which is in our own, ${remoteAs}`,
  );
  return {};
}

function derivePolicies(input: SpeakerInput, problems: string[]): Policies {
  const { advertisements, ebgpRequiresPolicy, normalPriority } = input.settings;
  const filters = new Filters(input.filters, problems);
  const missing = input.peers.flatMap(({ filters: names, resource }) =>
    names
      .filter((name) => !filters.has(name))
      .map(
        (name) =>
          `BGPPeer "${resource}": spec.filters names BGPFilter "${name}", which is not there or cannot be read: all routes are rejected, until it is mended or no longer named`,
      ),
  );
  problems.push(...new Set(missing));
  const standard = deriveExportPolicy(
    {
      pools: input.pools,
      ownBlocks: input.blocks,
      advertisements,
      otherwise: input.exportsOthers ? 'accept' : 'reject',
    },
    problems,
  );
  return new Policies({ filters, normalPriority, standard, ebgpRequiresPolicy });
}

/** A numbered peer has an address; an unnumbered one is whoever is on the interface. */
function placeOf({ address, interface: link }: DerivedPeer) {
  return address === undefined ? { interface: link! } : { address: formatAddress(address) };
}

/** A node without IPv4 still needs a BGP Identifier (RFC 6286: any that is not zero): its name's hash, as in Calico. */
function routerIdOf(nodeName: string): string {
  const hash = createHash('sha256').update(nodeName).digest();
  return `${(hash[0]! % 223) + 1}.${hash[1]}.${hash[2]}.${hash[3]}`;
}
