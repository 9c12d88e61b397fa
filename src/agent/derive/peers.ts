/**
 * Which BGP sessions this node should have: the node-to-node mesh, the BGPPeers that select this node, and the
 * reverse of those that select another node and name this one. Pure.
 */
import {
  type Address,
  compareAddresses,
  equalAddresses,
  type Family,
  formatAddress,
  formatPrefix,
  type InterfaceAddress,
  type Prefix,
  parseAddress,
  parsePrefix,
} from 'net-ipaddr';
import {
  type BGPPeer,
  parseAddressAndPort,
  parseAsNumber,
  parseDuration,
} from '../../../api/index.ts';
import type { Role } from '../../../bgp/role.ts';
import type { BfdSettings, PeerConfig } from '../../../bgp/speaker.ts';
import {
  addressesOf,
  type BgpSettings,
  type ClusterNode,
  readBfd,
  restartTimeSec,
  staleTimeSec,
} from './cluster.ts';
import { type SigningRefs, signingRefs } from './passwords.ts';
import { type PeerSpec, type PeerType, type ReadPeer, readPeers } from './read-peers.ts';

export interface DerivedPeer {
  /** The address as text, or the interface: a session is with one of these, and there is one with each. */
  name: string;
  type: PeerType;
  description: string | undefined;
  /** Undefined: the peer is the neighbour on `interface`, whatever its address. */
  address: Address | undefined;
  interface: string | undefined;
  port: number;
  /** The peer is a node of this cluster, as far as this side knows. */
  isNode: boolean;
  remoteAs: number | 'external';
  /** What our AS is to the peer. */
  localAs: number;
  sourceAddress: Address | undefined;
  /** Waits for the other side: of two nodes of a mesh only one connects. */
  passive: boolean;
  holdTimeSec: number;
  /** Undefined: a third of the hold time. */
  keepaliveSec: number | undefined;
  /** For how long both sides keep each other's routes when the session ends. */
  restartTimeSec: number;
  /** For how long after that, as the last choice; 0: not at all. */
  longLivedStaleTimeSec: number;
  nextHopMode: 'auto' | 'self' | 'keep';
  routeReflectorClient: boolean;
  /** RFC 7911, as this side has it. */
  addPaths: AddPaths;
  /** Undefined: none. */
  bfd: BfdSettings | undefined;
  /** RFC 9234, RFC 7947: of sessions with another AS. */
  role: Role | undefined;
  routeServerClient: boolean;
  /** How often the own AS may stand in a path. */
  allowedLocalAs: number;
  /** Names of BGPFilters, in their order; and of the BGPPeer that has them. */
  filters: readonly string[];
  resource: string | undefined;
  signing: SigningRefs;
  /** RFC 5082: at most so many hops away; 0: anywhere. */
  ttlSecurityHops: number;
  /** Of each family; undefined: any number. */
  maxPrefixes: number | undefined;
  /** The gateway by which the kernel is to reach the peer. Undefined: as its routes say. */
  reachableBy: Address | undefined;
  /** Of `peerRange`, whose network is the address: how many may connect. Undefined: one peer. */
  range: { prefix: Prefix; maxPeers: number | undefined } | undefined;
}

type AddPaths = NonNullable<PeerConfig['addPaths']>;

type AsNumbers = Pick<DerivedPeer, 'localAs' | 'remoteAs'>;

export interface PeersInput {
  nodeName: string;
  nodes: readonly ClusterNode[];
  peers: readonly BGPPeer[];
  settings: BgpSettings;
}

/** Ordered by name. A peer that cannot be is named in `problems`. */
export function derivePeers(input: PeersInput, problems: string[]): DerivedPeer[] {
  const self = input.nodes.find((node) => node.name === input.nodeName);
  if (!self) return [];
  const found = new Map<string, DerivedPeer>();
  // The first to name an address is the one that counts.
  const add = (peer: DerivedPeer) => found.has(peer.name) || found.set(peer.name, peer);
  const resources = readPeers(input.peers, problems);
  const isGlobal = (peer: ReadPeer) => peer.type === 'global';
  // Calico: a global peer beats a node's own for the same address; an explicit one beats an implied reverse.
  const forward = resources.filter((peer) => peer.selectsNode(self));
  for (const peer of [...forward.filter(isGlobal), ...forward.filter((one) => !isGlobal(one))])
    for (const derived of explicitPeers(self, peer, input)) add(derived);
  for (const peer of resources) for (const derived of reversePeers(self, peer, input)) add(derived);
  for (const derived of meshPeers(self, input)) add(derived);
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function explicitPeers(self: ClusterNode, peer: ReadPeer, input: PeersInput): DerivedPeer[] {
  const { spec } = peer;
  if (spec.peerIP) {
    const { address: text, port } = parseAddressAndPort(spec.peerIP);
    const address = parseAddress(text);
    // A peer for all nodes may name one of them: that one has no session with itself.
    if (addressesOf(self).some((own) => equalAddresses(own, address))) return [];
    const node = input.nodes.find((other) =>
      addressesOf(other).some((own) => equalAddresses(own, address)),
    );
    const remoteAs = spec.asNumber === undefined ? node?.asNumber : parseAsNumber(spec.asNumber);
    const as = {
      localAs: localAsOf(peer, self),
      remoteAs: remoteAs ?? input.settings.asNumber,
    };
    const derived: DerivedPeer = {
      ...session(self, address, as, peer.type, input),
      isNode: node !== undefined,
      routeReflectorClient: isClient(self, node, as),
      // As in Calico between nodes; routers elsewhere mostly have no use for it.
      addPaths: node ? 'both' : 'none',
    };
    return [
      {
        ...derived,
        ...settingsOf(peer, derived),
        passive: spec.passive ?? false,
        reachableBy: spec.reachableBy ? parseAddress(spec.reachableBy) : undefined,
        port: port ?? (node ? input.settings.listenPort : 179),
      },
    ];
  }
  if (spec.interface) return [unnumbered(self, peer, spec.interface, input)];
  if (spec.peerRange) return [dynamic(self, peer, parsePrefix(spec.peerRange), input)];
  if (!spec.peerSelector) return [];
  return input.nodes
    .filter((node) => node !== self && peer.meansNode(node))
    .flatMap((node) => {
      const as = { localAs: localAsOf(peer, self), remoteAs: node.asNumber };
      return nodePeers(self, node, as, peer, input);
    });
}

function unnumbered(
  self: ClusterNode,
  peer: ReadPeer,
  name: string,
  input: PeersInput,
): DerivedPeer {
  const { asNumber, passive = false } = peer.spec;
  const as = {
    localAs: localAsOf(peer, self),
    // A router on a link of its own is one of another AS, where nobody says which.
    remoteAs: asNumber === undefined ? ('external' as const) : parseAsNumber(asNumber),
  };
  const derived: DerivedPeer = {
    ...common(peer.type, input),
    name,
    address: undefined,
    interface: name,
    ...as,
    sourceAddress: undefined,
    routeReflectorClient: isClient(self, undefined, as),
  };
  return { ...derived, ...settingsOf(peer, derived), passive, port: 179 };
}

/** Those who connect from within a range, of which nobody knows yet who they are. */
function dynamic(self: ClusterNode, peer: ReadPeer, range: Prefix, input: PeersInput): DerivedPeer {
  const as = { localAs: localAsOf(peer, self), remoteAs: parseAsNumber(peer.spec.asNumber!) };
  const derived: DerivedPeer = {
    ...session(self, range.address, as, peer.type, input),
    routeReflectorClient: isClient(self, undefined, as),
  };
  return {
    ...derived,
    ...settingsOf(peer, derived),
    name: formatPrefix(range),
    range: { prefix: range, maxPeers: peer.spec.maxPeers },
  };
}

/** A session has two ends: who is named by another node's BGPPeer has the other end of it. */
function reversePeers(self: ClusterNode, peer: ReadPeer, input: PeersInput): DerivedPeer[] {
  if (peer.spec.reversePeering === 'Manual' || !peer.meansNode(self)) return [];
  return input.nodes
    .filter((node) => node !== self && peer.selectsNode(node))
    .flatMap((node) => {
      const as = { localAs: self.asNumber, remoteAs: localAsOf(peer, node) };
      return nodePeers(self, node, as, peer, input).map((derived) => ({
        ...derived,
        // What the other end says of its side.
        addPaths: OTHER_END[derived.addPaths],
        routeReflectorClient: isClient(self, node, as),
      }));
    });
}

const OTHER_END: Readonly<Record<AddPaths, AddPaths>> = {
  send: 'receive',
  receive: 'send',
  both: 'both',
  none: 'none',
};

function nodePeers(
  self: ClusterNode,
  node: ClusterNode,
  as: AsNumbers,
  peer: ReadPeer,
  input: PeersInput,
): DerivedPeer[] {
  return addressesOf(node).flatMap((address) => {
    if (!ownAddress(self, address.family)) return [];
    const derived: DerivedPeer = {
      ...session(self, address, as, peer.type, input),
      isNode: true,
      routeReflectorClient: isClient(self, node, as),
      addPaths: 'both',
    };
    return [{ ...derived, ...settingsOf(peer, derived) }];
  });
}

/** Route reflectors are not part of the mesh: their BGPPeers say whom they serve. */
function meshPeers(self: ClusterNode, input: PeersInput): DerivedPeer[] {
  if (!input.settings.meshEnabled || self.network.routeReflectorClusterID) return [];
  return input.nodes
    .filter((node) => node !== self && !node.network.routeReflectorClusterID)
    .flatMap((node) =>
      addressesOf(node).flatMap((address) => {
        const own = ownAddress(self, address.family);
        if (!own) return [];
        const as = { localAs: self.asNumber, remoteAs: node.asNumber };
        const derived = session(self, address, as, 'node-to-node mesh', input);
        // One side connects, so that two never collide: as in Calico, the one whose text sorts higher.
        const passive = formatAddress(own.address) < formatAddress(address);
        const { bfd, meshPassword: md5Key } = input.settings;
        const signing = { md5Key };
        return [{ ...derived, isNode: true, passive, bfd, signing, addPaths: 'both' as const }];
      }),
    );
}

function session(
  self: ClusterNode,
  address: Address,
  as: AsNumbers,
  type: PeerType,
  input: PeersInput,
): DerivedPeer {
  return {
    ...common(type, input),
    name: formatAddress(address),
    address,
    ...as,
    interface: undefined,
    sourceAddress: ownAddress(self, address.family)?.address,
  };
}

function common(type: PeerType, { settings }: PeersInput) {
  return {
    type,
    port: settings.listenPort,
    isNode: false,
    passive: false,
    holdTimeSec: settings.holdTimeSec,
    keepaliveSec: undefined,
    restartTimeSec: settings.meshRestartTimeSec,
    longLivedStaleTimeSec: 0,
    nextHopMode: 'auto' as const,
    routeReflectorClient: false,
    addPaths: 'none' as const,
    bfd: undefined,
    role: undefined,
    routeServerClient: false,
    allowedLocalAs: 0,
    filters: [],
    resource: undefined,
    description: undefined,
    signing: {},
    ttlSecurityHops: 0,
    maxPrefixes: undefined,
    range: undefined,
    reachableBy: undefined,
  };
}

const ROLES: Readonly<Record<NonNullable<PeerSpec['role']>, Role>> = {
  Provider: 'provider',
  RouteServer: 'route-server',
  RouteServerClient: 'route-server-client',
  Customer: 'customer',
  Peer: 'peer',
};

const ADD_PATHS: Readonly<Record<NonNullable<PeerSpec['addPaths']>, AddPaths>> = {
  Send: 'send',
  Receive: 'receive',
  Both: 'both',
  None: 'none',
};

/** What a BGPPeer says of the session itself. */
function settingsOf({ name, spec }: ReadPeer, derived: DerivedPeer): Partial<DerivedPeer> {
  // As in Calico the deprecated field is for eBGP only.
  const isExternal = derived.remoteAs !== derived.localAs;
  const keep = spec.nextHopMode === 'Keep' || (spec.keepOriginalNextHop === true && isExternal);
  return {
    sourceAddress: spec.sourceAddress === 'None' ? undefined : derived.sourceAddress,
    holdTimeSec:
      spec.holdTime === undefined ? derived.holdTimeSec : parseDuration(spec.holdTime) / 1000,
    keepaliveSec:
      spec.keepaliveTime === undefined ? undefined : parseDuration(spec.keepaliveTime) / 1000,
    restartTimeSec: restartTimeSec(spec.maxRestartTime),
    longLivedStaleTimeSec: staleTimeSec(spec.longLivedStaleTime),
    nextHopMode: keep ? 'keep' : spec.nextHopMode === 'Self' ? 'self' : 'auto',
    routeReflectorClient: spec.routeReflectorClient ?? derived.routeReflectorClient,
    addPaths: spec.addPaths ? ADD_PATHS[spec.addPaths] : derived.addPaths,
    bfd: readBfd(spec.bfd),
    role: spec.role && ROLES[spec.role],
    routeServerClient: spec.routeServerClient ?? false,
    allowedLocalAs: spec.numAllowedLocalASNumbers ?? 0,
    filters: spec.filters ?? [],
    resource: name,
    description: spec.description,
    signing: signingRefs(`BGPPeer ${JSON.stringify(name)}`, spec),
    ttlSecurityHops: spec.ttlSecurity ?? 0,
    maxPrefixes: spec.maxPrefixes,
  };
}

/** As in Calico: a reflector's clients are the peers of its AS that are not reflectors of its own cluster. */
function isClient(
  self: ClusterNode,
  node: ClusterNode | undefined,
  { localAs, remoteAs }: AsNumbers,
): boolean {
  const own = self.network.routeReflectorClusterID;
  if (!own || remoteAs !== localAs) return false;
  const theirs = node?.network.routeReflectorClusterID;
  return !theirs || compareAddresses(own, theirs) !== 0;
}

/** The node's AS on the sessions of this BGPPeer. */
function localAsOf({ spec }: ReadPeer, node: ClusterNode): number {
  return spec.localASNumber === undefined ? node.asNumber : parseAsNumber(spec.localASNumber);
}

function ownAddress(node: ClusterNode, family: Family): InterfaceAddress | undefined {
  return family === 4 ? node.network.ipv4Address : node.network.ipv6Address;
}
