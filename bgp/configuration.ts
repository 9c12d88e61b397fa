/** What a speaker is told to do, and the check of it: every error names the field and says what to do. */

import {
  AddressError,
  type Family,
  formatAddress,
  formatPrefix,
  formatZonedAddress,
  isLinkLocal,
  type Prefix,
  parsePrefix,
  parseZonedAddress,
  type ZonedAddress,
} from 'net-ipaddr';
import type { BfdSettings } from './bfd/bfd.ts';
import type { Monitoring } from './bmp/monitor.ts';
import type { RangeSettings } from './peer-ranges.ts';
import type { Policy } from './policy/policy.ts';
import type { Role } from './role.ts';
import type { Origination, RoutingPeer } from './routing.ts';
import { MAX_CACHES } from './rpki/vrps.ts';
import type { SessionSettings } from './session/connection.ts';
import type { Endpoint, Guards } from './session/transport.ts';

export interface SpeakerConfig {
  /** 1–4294967295. Another one resets all sessions. */
  readonly localAs: number;
  /** BGP Identifier, as an IPv4 address. Another one resets all sessions. */
  readonly routerId: string;
  /** RFC 4456, as an IPv4 address. Another one resets all sessions. @default routerId */
  readonly clusterId?: string;
  /** Where peers may connect to. Port 0: any free one, which `inspect` shows. */
  readonly listen: readonly Endpoint[];
  /** Seconds, 0 (never) or at least 3. @default 90 */
  readonly holdTimeSec?: number;
  /** Seconds between KEEPALIVEs, never more than a third of the hold time. @default a third of the hold time */
  readonly keepaliveSec?: number;
  /** Seconds between attempts to connect, less up to a quarter. @default 3 */
  readonly connectRetrySec?: number;
  readonly peers: readonly PeerConfig[];
  /** Of several that hold an address the longest counts. @default none */
  readonly peerRanges?: readonly PeerRangeConfig[];
  readonly originations: readonly OriginationConfig[];
  /** @default no collectors */
  readonly bmp?: BmpConfig;
  /** @default origins are not validated */
  readonly rpki?: RpkiConfig;
}

/** Origin validation of routes from eBGP peers, RFC 6811, by what caches tell over RFC 8210. */
export interface RpkiConfig {
  /** At most eight. All are asked, and what any of them says counts until it has expired. */
  readonly servers: readonly Endpoint[];
  /** Accepted routes only show their validity. */
  readonly invalidRoutes: 'accept' | 'reject';
}

/** The BGP Monitoring Protocol, RFC 7854. */
export interface BmpConfig {
  readonly collectors: readonly Endpoint[];
  /** What collectors know this speaker by. @default the router id */
  readonly sysName?: string;
  /** Seconds between statistics reports; 0: none. @default 60 */
  readonly statisticsSec?: number;
}

export interface PeerConfig {
  /** What the peer is known by: the same name later is the same peer, perhaps changed. */
  readonly name: string;
  /**
   * An address of one peer only: incoming connections are told apart by it. A link-local one has its
   * interface with it: fe80::1%eth0. Of `address` and `interface` a peer has one.
   */
  readonly address?: string;
  /**
   * Unnumbered: the peer is the neighbour on this link, whatever its address. The two find each other
   * by router advertisements (RFC 4861).
   */
  readonly interface?: string;
  /** Where we connect to. @default 179 */
  readonly port?: number;
  /** `external`: any AS but ours. */
  readonly remoteAs: number | 'external';
  /** As RoutingPeer's. Another one resets the session. @default SpeakerConfig's */
  readonly localAs?: number;
  /** Wait for the peer to connect. @default false */
  readonly passive?: boolean;
  /** Where we connect from. @default the kernel's choice */
  readonly sourceAddress?: string;
  /** RFC 2385, 1–80 octets. Another one is taken up without a reset. */
  readonly md5Key?: string;
  /** RFC 5082: the peer is at most so many hops away, 1–255; 0: anywhere. @default 0 */
  readonly ttlSecurityHops?: number;
  /** The most prefixes of each family; more of them end the session for a while. @default any number */
  readonly maxPrefixes?: number;
  /** @default both, of which the peer may take one */
  readonly families?: readonly Family[];
  /** RFC 7911: several paths of a prefix, to the peer, from it, or both ways. @default none */
  readonly addPaths?: 'send' | 'receive' | 'both' | 'none';
  /** As SpeakerConfig's, for this peer. */
  readonly holdTimeSec?: number;
  readonly keepaliveSec?: number;
  /**
   * Seconds, up to 4095, for which this peer and we keep each other's routes when the session ends
   * (RFC 4724); 0: not at all. @default 120
   */
  readonly restartTimeSec?: number;
  /**
   * Seconds, up to 2^24 - 1, for which they are kept after that, as the last choice (RFC 9494).
   * @default 0
   */
  readonly longLivedStaleTimeSec?: number;
  /** Seconds to wait for the peer's OPEN before ours is sent (RFC 4271 §8.1.1). @default 0 */
  readonly delayOpenSec?: number;
  /** As RoutingPeer's. @default auto */
  readonly nextHopMode?: RoutingPeer['nextHopMode'];
  /** As RoutingPeer's. */
  readonly localAddress4?: string;
  readonly localAddress6?: string;
  readonly routeReflectorClient?: boolean;
  readonly allowedLocalAs?: number;
  /** Undefined: no BFD. Otherwise the session ends as soon as BFD finds the path down. */
  readonly bfd?: BfdSettings;
  /** As RoutingPeer's; for eBGP peers only. Another role resets the session. */
  readonly role?: Role;
  readonly routeServerClient?: boolean;
  readonly importPolicy: Policy;
  readonly exportPolicy: Policy;
  /** For people; so is `type`, which `node status` shows: "node-to-node mesh". */
  readonly description?: string;
  readonly type?: string;
}

/** Whoever connects from within becomes a peer, until its session has ended. */
export interface PeerRangeConfig
  extends Omit<PeerConfig, 'name' | 'address' | 'port' | 'passive' | 'sourceAddress'> {
  readonly prefix: string;
  /** At the same time. @default 100 */
  readonly maxPeers?: number;
}

export interface OriginationConfig extends Origination {
  readonly prefix: string;
}

/** The configuration says something that cannot be. Nothing of it was applied. */
export class ConfigurationError extends Error {
  readonly code = 'ECONFIGURATION';
  override readonly name = 'ConfigurationError';
}

/** A configuration that can be applied: checked, with its defaults, addresses in canonical text. */
export interface Settings {
  readonly localAs: number;
  readonly routerId: number;
  readonly clusterId: number;
  readonly listen: readonly Endpoint[];
  /** By name. */
  readonly peers: ReadonlyMap<string, PeerSettings>;
  readonly ranges: readonly RangeSettings[];
  /** By canonical text of the prefix. */
  readonly originations: ReadonlyMap<string, { prefix: Prefix; attributes: Origination }>;
  readonly bmp: Monitoring;
  readonly rpki: RpkiConfig;
  /** Our own addresses, as far as the configuration tells: no next hop. */
  readonly localAddresses: readonly ZonedAddress[];
}

export interface PeerSettings {
  readonly name: string;
  readonly description: string | undefined;
  readonly type: string | undefined;
  /** A change of these resets the session. */
  readonly session: SessionSettings;
  /** A change of these does not. */
  readonly guards: Guards;
  readonly maxPrefixes: number | undefined;
  readonly routing: RoutingPeer;
  readonly bfd: BfdSettings | undefined;
}

const BGP_PORT = 179;
const DEFAULT_HOLD_TIME_SEC = 90;
const DEFAULT_CONNECT_RETRY_SEC = 3;
const DEFAULT_STATISTICS_SEC = 60;
const DEFAULT_RESTART_TIME_SEC = 120;
const MAX_RESTART_TIME_SEC = 4_095;
const MAX_STALE_TIME_SEC = 2 ** 24 - 1;
const MAX_SECONDS = 65_535;
const MAX_PORT = 65_535;
const NO_RPKI: RpkiConfig = { servers: [], invalidRoutes: 'accept' };
const DEFAULT_RANGE_PEERS = 100;
const MAX_RANGE_PEERS = 10_000;
const MAX_TTL = 255;
/** What RFC 4486 §4 has room for. */
const MAX_PREFIXES = 4_294_967_295;
/** TCP_MD5SIG_MAXKEYLEN */
const MAX_MD5_KEY_OCTETS = 80;
const MIN_BFD_INTERVAL_MS = 10;
const MAX_BFD_INTERVAL_MS = 60_000;

/** @throws ConfigurationError */
export function check(config: SpeakerConfig): Settings {
  requireAs('localAs', config.localAs);
  const routerId = readRouterId(config.routerId);
  const clusterId =
    config.clusterId === undefined ? routerId : readIdentifier('clusterId', config.clusterId);
  const listen = config.listen.map((at, index) => readEndpoint(`listen[${index}]`, at, 0));
  const peers = checkPeers(config, routerId);
  const originations = new Map<string, { prefix: Prefix; attributes: Origination }>();
  for (const { prefix: text, ...attributes } of config.originations) {
    const prefix = named('originations', () => parsePrefix(text));
    originations.set(formatPrefix(prefix), { prefix, attributes });
  }
  const localAddresses = collectLocalAddresses(listen, peers.values());
  return {
    localAs: config.localAs,
    routerId,
    clusterId,
    listen,
    peers,
    ranges: checkRanges(config, routerId),
    originations,
    bmp: checkBmp(config),
    rpki: checkRpki(config.rpki ?? NO_RPKI),
    localAddresses,
  };
}

function checkBmp({ bmp = { collectors: [] }, routerId }: SpeakerConfig): Monitoring {
  const { collectors, sysName = routerId, statisticsSec = DEFAULT_STATISTICS_SEC } = bmp;
  requireInteger('bmp.statisticsSec', statisticsSec, 0, MAX_SECONDS);
  return {
    collectors: collectors.map((at, index) => readEndpoint(`bmp.collectors[${index}]`, at, 1)),
    sysName,
    statisticsMs: statisticsSec * 1000,
  };
}

function checkRpki({ servers, invalidRoutes }: RpkiConfig): RpkiConfig {
  if (servers.length > MAX_CACHES) {
    throw new ConfigurationError(
      `rpki.servers: ${servers.length} are too many: keep ${MAX_CACHES}`,
    );
  }
  const checked = servers.map((at, index) => readEndpoint(`rpki.servers[${index}]`, at, 1));
  return { servers: checked, invalidRoutes };
}

function checkPeers(config: SpeakerConfig, routerId: number): Map<string, PeerSettings> {
  const peers = new Map<string, PeerSettings>();
  const nameOf = new Map<string, string>();
  for (const peer of config.peers) {
    if (peer.name === '') throw new ConfigurationError('a peer has an empty name');
    if (peers.has(peer.name)) {
      throw new ConfigurationError(`two peers are named "${peer.name}": names must be unique`);
    }
    const settings = checkPeer(peer, config, routerId);
    const { remote } = settings.session;
    const at = 'address' in remote ? remote.address : remote.interface;
    const other = nameOf.get(at);
    if (other !== undefined) {
      const what = 'address' in remote ? 'address' : 'interface';
      throw new ConfigurationError(
        `peer "${peer.name}": ${at} is already the ${what} of peer "${other}"; a connection from there could be either's`,
      );
    }
    nameOf.set(at, peer.name);
    peers.set(peer.name, settings);
  }
  return peers;
}

function checkRanges(config: SpeakerConfig, routerId: number): RangeSettings[] {
  const ranges = new Map<string, RangeSettings>();
  for (const { prefix: text, maxPeers = DEFAULT_RANGE_PEERS, ...range } of config.peerRanges ??
    []) {
    const prefix = named('peerRanges', () => parsePrefix(text));
    const name = formatPrefix(prefix);
    if (ranges.has(name)) throw new ConfigurationError(`two peer ranges are ${name}: keep one`);
    requireInteger(`peer range ${name}: maxPeers`, maxPeers, 1, MAX_RANGE_PEERS);
    const peerAt = (address: string, as = address) =>
      checkPeer({ ...range, name: as, address, passive: true }, config, routerId);
    // All that can be wrong is so at any address.
    const { guards } = peerAt(formatAddress(prefix.address), name);
    ranges.set(name, { prefix, maxPeers, md5Key: guards.md5Key, peerAt });
  }
  return [...ranges.values()];
}

function checkPeer(peer: PeerConfig, config: SpeakerConfig, routerId: number): PeerSettings {
  const field = (name: string) => `peer "${peer.name}": ${name}`;
  const { remote, family } = checkRemote(peer, field);
  const source = readOptional(field('sourceAddress'), peer.sourceAddress);
  if (source && source.family !== family) {
    throw new ConfigurationError(
      `${field('sourceAddress')} ${formatAddress(source)} cannot reach ${peer.address ?? peer.interface}: one is IPv4, the other IPv6`,
    );
  }
  if (peer.remoteAs !== 'external') requireAs(field('remoteAs'), peer.remoteAs);

  const holdTimeSec = peer.holdTimeSec ?? config.holdTimeSec ?? DEFAULT_HOLD_TIME_SEC;
  if (holdTimeSec !== 0) requireInteger(field('holdTimeSec'), holdTimeSec, 3, MAX_SECONDS);
  const keepaliveSec = peer.keepaliveSec ?? config.keepaliveSec;
  if (keepaliveSec !== undefined) {
    requireInteger(field('keepaliveSec'), keepaliveSec, 1, MAX_SECONDS);
  }
  const connectRetrySec = config.connectRetrySec ?? DEFAULT_CONNECT_RETRY_SEC;
  requireInteger('connectRetrySec', connectRetrySec, 1, MAX_SECONDS);
  const delayOpenSec = peer.delayOpenSec ?? 0;
  requireInteger(field('delayOpenSec'), delayOpenSec, 0, MAX_SECONDS);

  const restartTimeSec = peer.restartTimeSec ?? DEFAULT_RESTART_TIME_SEC;
  requireInteger(field('restartTimeSec'), restartTimeSec, 0, MAX_RESTART_TIME_SEC);
  const longLivedStaleTimeSec = peer.longLivedStaleTimeSec ?? 0;
  requireInteger(field('longLivedStaleTimeSec'), longLivedStaleTimeSec, 0, MAX_STALE_TIME_SEC);
  if (peer.maxPrefixes !== undefined) {
    requireInteger(field('maxPrefixes'), peer.maxPrefixes, 1, MAX_PREFIXES);
  }

  const families = peer.families ?? [4, 6];
  if (families.length === 0 || new Set(families).size !== families.length) {
    throw new ConfigurationError(`${field('families')} must be [4], [6] or [4, 6]`);
  }
  requireInteger(field('allowedLocalAs'), peer.allowedLocalAs ?? 0, 0, 255);
  const { role, routeServerClient = false } = peer;
  const localAs = peer.localAs ?? config.localAs;
  requireAs(field('localAs'), localAs);
  if (peer.remoteAs === localAs && (role !== undefined || routeServerClient)) {
    throw new ConfigurationError(
      `${field(role === undefined ? 'routeServerClient' : 'role')} is for peers in another AS, and this one is in our own`,
    );
  }
  const { addPaths = 'none' } = peer;
  const localAddress4 = readOptional(field('localAddress4'), peer.localAddress4, 4);
  const localAddress6 = readOptional(field('localAddress6'), peer.localAddress6, 6);
  return {
    name: peer.name,
    description: peer.description,
    type: peer.type,
    session: {
      remote,
      sourceAddress: source && formatZonedAddress(source),
      terms: {
        localAs,
        routerId,
        remoteAs: peer.remoteAs,
        holdTimeSec,
        keepaliveSec,
        families,
        extendedNextHop: family === 6 && families.includes(4),
        ...(role && { role }),
        gracefulRestart:
          restartTimeSec === 0 ? undefined : { restartTimeSec, longLivedStaleTimeSec },
        addPath: {
          send: addPaths === 'send' || addPaths === 'both',
          receive: addPaths === 'receive' || addPaths === 'both',
        },
      },
      attributes: {
        passive: peer.passive ?? false,
        connectRetryMs: connectRetrySec * 1000,
        delayOpenMs: delayOpenSec * 1000,
      },
    },
    guards: checkGuards(peer, field),
    maxPrefixes: peer.maxPrefixes,
    routing: {
      name: peer.name,
      remoteAs: peer.remoteAs,
      localAs,
      nextHopMode: peer.nextHopMode ?? 'auto',
      ...(localAddress4 && { localAddress4 }),
      ...(localAddress6 && { localAddress6 }),
      routeReflectorClient: peer.routeReflectorClient ?? false,
      allowedLocalAs: peer.allowedLocalAs ?? 0,
      ...(role && { role }),
      routeServerClient,
      importPolicy: peer.importPolicy,
      exportPolicy: peer.exportPolicy,
    },
    bfd: checkBfd(peer, field),
  };
}

function checkBfd({ bfd }: PeerConfig, field: (name: string) => string): BfdSettings | undefined {
  if (bfd === undefined) return undefined;
  const [min, max] = [MIN_BFD_INTERVAL_MS, MAX_BFD_INTERVAL_MS];
  requireInteger(field('bfd.intervalMs'), bfd.intervalMs, min, max);
  requireInteger(field('bfd.detectMult'), bfd.detectMult, 1, 255);
  return bfd;
}

function checkRemote(
  peer: PeerConfig,
  field: (name: string) => string,
): { remote: SessionSettings['remote']; family: Family } {
  const port = peer.port ?? BGP_PORT;
  requireInteger(field('port'), port, 1, MAX_PORT);
  if ((peer.address === undefined) === (peer.interface === undefined)) {
    throw new ConfigurationError(`${field('address')} or interface must be given, and not both`);
  }
  if (peer.interface !== undefined) {
    // What is no interface's name is no zone either.
    const { zone } = readAddress(field('interface'), `fe80::%${peer.interface}`);
    return { remote: { interface: zone!, port }, family: 6 };
  }
  const address = readAddress(field('address'), peer.address!);
  if (isLinkLocal(address) && address.zone === undefined) {
    const text = formatAddress(address);
    throw new ConfigurationError(
      `${field('address')} ${text} is link-local and says nothing without its interface: write it like ${text}%eth0`,
    );
  }
  return { remote: { address: formatZonedAddress(address), port }, family: address.family };
}

function checkGuards(peer: PeerConfig, field: (name: string) => string): Guards {
  const { md5Key, ttlSecurityHops = 0 } = peer;
  requireInteger(field('ttlSecurityHops'), ttlSecurityHops, 0, MAX_TTL);
  const octets = md5Key === undefined ? 1 : Buffer.byteLength(md5Key);
  if (octets === 0 || octets > MAX_MD5_KEY_OCTETS) {
    throw new ConfigurationError(
      `${field('md5Key')} has ${octets} octets: a TCP MD5 key has 1 to ${MAX_MD5_KEY_OCTETS}`,
    );
  }
  return {
    ...(md5Key !== undefined && { md5Key }),
    // RFC 5082 §3: what was sent with 255 has lost one at each router on its way.
    ...(ttlSecurityHops > 0 && { minTtl: MAX_TTL + 1 - ttlSecurityHops }),
  };
}

function collectLocalAddresses(
  listen: readonly Endpoint[],
  peers: Iterable<PeerSettings>,
): ZonedAddress[] {
  const texts = new Set(listen.map(({ address }) => address));
  for (const { session, routing } of peers) {
    if (session.sourceAddress !== undefined) texts.add(session.sourceAddress);
    for (const address of [routing.localAddress4, routing.localAddress6]) {
      if (address !== undefined) texts.add(formatZonedAddress(address));
    }
  }
  texts.delete('0.0.0.0');
  texts.delete('::');
  return [...texts].map(parseZonedAddress);
}

function readEndpoint(field: string, { address, port }: Endpoint, leastPort: 0 | 1): Endpoint {
  requireInteger(`${field}.port`, port, leastPort, MAX_PORT);
  return { address: formatZonedAddress(readAddress(`${field}.address`, address)), port };
}

function readRouterId(text: string): number {
  const routerId = readIdentifier('routerId', text);
  if (routerId === 0) {
    throw new ConfigurationError('routerId 0.0.0.0 is none: take an IPv4 address of the node');
  }
  return routerId;
}

function readIdentifier(field: string, text: string): number {
  const { bytes } = readAddress(field, text, 4);
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}

function readOptional(
  field: string,
  text: string | undefined,
  family?: Family,
): ZonedAddress | undefined {
  return text === undefined ? undefined : readAddress(field, text, family);
}

function readAddress(field: string, text: string, family?: Family): ZonedAddress {
  const address = named(field, () => parseZonedAddress(text));
  if (family !== undefined && address.family !== family) {
    throw new ConfigurationError(`${field} ${text} is not an IPv${family} address`);
  }
  return address;
}

function named<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof AddressError) throw new ConfigurationError(`${field}: ${error.message}`);
    throw error;
  }
}

function requireAs(field: string, as: number): void {
  requireInteger(field, as, 1, 4_294_967_295);
}

function requireInteger(field: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new ConfigurationError(`${field} ${value} is not a whole number from ${min} to ${max}`);
}
