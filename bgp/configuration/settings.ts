/** A configuration that can be applied. */

import {
  formatAddress,
  formatPrefix,
  formatZonedAddress,
  type Prefix,
  parsePrefix,
  parseZonedAddress,
  type ZonedAddress,
} from 'net-ipaddr';
import type { Monitoring } from '../bmp/monitor.ts';
import type { Origination } from '../routing.ts';
import { MAX_CACHES } from '../rpki/vrps.ts';
import type { Endpoint, Guards } from '../transport/transport.ts';
import type { RpkiConfig, SpeakerConfig } from './configuration.ts';
import {
  ConfigurationError,
  MAX_SECONDS,
  named,
  readAddress,
  readEndpoint,
  requireAs,
  requireInteger,
} from './fields.ts';
import { checkPeer, type PeerSettings } from './peer.ts';

/** A range of dynamic neighbours. */
export interface RangeSettings {
  readonly prefix: Prefix;
  readonly maxPeers: number;
  readonly guards: Guards;
  /** Of the peer at that address, which it is named by. */
  peerAt(address: string): PeerSettings;
}

/** Checked, with its defaults, addresses in canonical text. */
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

const DEFAULT_STATISTICS_SEC = 60;
const NO_RPKI: RpkiConfig = { servers: [], invalidRoutes: 'accept' };
const DEFAULT_RANGE_PEERS = 100;
const MAX_RANGE_PEERS = 10_000;

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
    ranges.set(name, { prefix, maxPeers, guards, peerAt });
  }
  return [...ranges.values()];
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
