/** One peer of a configuration, checked. */

import { type Family, formatAddress, formatZonedAddress, isLinkLocal } from 'net-ipaddr';
import type { TcpAoKey } from 'rtnetlink-ts';
import type { BfdSettings } from '../bfd/bfd.ts';
import type { Terms } from '../fsm/open.ts';
import type { Attributes } from '../fsm/transition.ts';
import type { RoutingPeer } from '../routing.ts';
import type { SessionSettings } from '../session/settings.ts';
import type { Guards } from '../transport/transport.ts';
import type { PeerConfig, SpeakerConfig } from './configuration.ts';
import {
  ConfigurationError,
  MAX_PORT,
  MAX_SECONDS,
  readAddress,
  readOptional,
  requireAs,
  requireInteger,
} from './fields.ts';

export interface PeerSettings {
  readonly name: string;
  readonly description: string | undefined;
  readonly type: string | undefined;
  /** A change of these resets the session where `needsReset` says so. */
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
const DEFAULT_RESTART_TIME_SEC = 120;
const MAX_RESTART_TIME_SEC = 4_095;
const MAX_STALE_TIME_SEC = 2 ** 24 - 1;
const MAX_TTL = 255;
/** What RFC 4486 §4 has room for. */
const MAX_PREFIXES = 4_294_967_295;
/** TCP_MD5SIG_MAXKEYLEN, and TCP_AO_MAXKEYLEN */
const MAX_KEY_OCTETS = 80;
const MIN_BFD_INTERVAL_MS = 10;
const MAX_BFD_INTERVAL_MS = 60_000;

/**
 * @param routerId that of the speaker, as a number
 * @throws ConfigurationError
 */
export function checkPeer(peer: PeerConfig, config: SpeakerConfig, routerId: number): PeerSettings {
  const field = (name: string) => `peer "${peer.name}": ${name}`;
  const { remote, family } = checkRemote(peer, field);
  const localAs = checkAs(peer, config, field);
  if (peer.maxPrefixes !== undefined) {
    requireInteger(field('maxPrefixes'), peer.maxPrefixes, 1, MAX_PREFIXES);
  }
  return {
    name: peer.name,
    description: peer.description,
    type: peer.type,
    session: {
      remote,
      sourceAddress: checkSource(peer, family, field),
      terms: { ...checkTerms(peer, config, family, field), localAs, routerId },
      attributes: checkAttributes(peer, config, field),
    },
    guards: checkGuards(peer, field),
    maxPrefixes: peer.maxPrefixes,
    routing: { ...checkRouting(peer, field), localAs },
    bfd: checkBfd(peer, field),
  };
}

/** Names a field of the peer, for errors. */
type Field = (name: string) => string;

/** @returns our AS towards this peer. */
function checkAs(peer: PeerConfig, config: SpeakerConfig, field: Field): number {
  const { localAs = config.localAs, remoteAs, role, routeServerClient = false } = peer;
  if (remoteAs !== 'external') requireAs(field('remoteAs'), remoteAs);
  requireAs(field('localAs'), localAs);
  if (remoteAs === localAs && (role !== undefined || routeServerClient)) {
    throw new ConfigurationError(
      `${field(role === undefined ? 'routeServerClient' : 'role')} is for peers in another AS, and this one is in our own`,
    );
  }
  return localAs;
}

function checkSource(peer: PeerConfig, family: Family, field: Field): string | undefined {
  const source = readOptional(field('sourceAddress'), peer.sourceAddress);
  if (source === undefined) return undefined;
  if (source.family !== family) {
    throw new ConfigurationError(
      `${field('sourceAddress')} ${formatAddress(source)} cannot reach ${peer.address ?? peer.interface}: one is IPv4, the other IPv6`,
    );
  }
  return formatZonedAddress(source);
}

function checkTerms(
  peer: PeerConfig,
  config: SpeakerConfig,
  family: Family,
  field: Field,
): Omit<Terms, 'localAs' | 'routerId'> {
  const { addPaths = 'none', families = [4, 6], remoteAs, role } = peer;
  const holdTimeSec = peer.holdTimeSec ?? config.holdTimeSec ?? DEFAULT_HOLD_TIME_SEC;
  if (holdTimeSec !== 0) requireInteger(field('holdTimeSec'), holdTimeSec, 3, MAX_SECONDS);
  if (families.length === 0 || new Set(families).size !== families.length) {
    throw new ConfigurationError(`${field('families')} must be [4], [6] or [4, 6]`);
  }
  return {
    remoteAs,
    holdTimeSec,
    families,
    extendedNextHop: family === 6 && families.includes(4),
    ...(role && { role }),
    gracefulRestart: checkRestart(peer, field),
    addPath: {
      send: addPaths === 'send' || addPaths === 'both',
      receive: addPaths === 'receive' || addPaths === 'both',
    },
  };
}

function checkRestart(peer: PeerConfig, field: Field): Terms['gracefulRestart'] {
  const { gracefulNotification: notification = true, longLivedStaleTimeSec = 0 } = peer;
  const { restartTimeSec = DEFAULT_RESTART_TIME_SEC } = peer;
  requireInteger(field('restartTimeSec'), restartTimeSec, 0, MAX_RESTART_TIME_SEC);
  requireInteger(field('longLivedStaleTimeSec'), longLivedStaleTimeSec, 0, MAX_STALE_TIME_SEC);
  return restartTimeSec === 0 ? undefined : { restartTimeSec, longLivedStaleTimeSec, notification };
}

function checkAttributes(peer: PeerConfig, config: SpeakerConfig, field: Field): Attributes {
  const { keepaliveSec = config.keepaliveSec, delayOpenSec = 0, passive = false } = peer;
  const { connectRetrySec = DEFAULT_CONNECT_RETRY_SEC } = config;
  if (keepaliveSec !== undefined) {
    requireInteger(field('keepaliveSec'), keepaliveSec, 1, MAX_SECONDS);
  }
  requireInteger('connectRetrySec', connectRetrySec, 1, MAX_SECONDS);
  requireInteger(field('delayOpenSec'), delayOpenSec, 0, MAX_SECONDS);
  return {
    passive,
    connectRetryMs: connectRetrySec * 1000,
    delayOpenMs: delayOpenSec * 1000,
    keepaliveMs: keepaliveSec === undefined ? Infinity : keepaliveSec * 1000,
  };
}

function checkRouting(peer: PeerConfig, field: Field): Omit<RoutingPeer, 'localAs'> {
  const { allowedLocalAs = 0, nextHopMode = 'auto', role } = peer;
  const { routeReflectorClient = false, routeServerClient = false } = peer;
  requireInteger(field('allowedLocalAs'), allowedLocalAs, 0, 255);
  const localAddress4 = readOptional(field('localAddress4'), peer.localAddress4, 4);
  const localAddress6 = readOptional(field('localAddress6'), peer.localAddress6, 6);
  return {
    name: peer.name,
    remoteAs: peer.remoteAs,
    nextHopMode,
    ...(localAddress4 && { localAddress4 }),
    ...(localAddress6 && { localAddress6 }),
    routeReflectorClient,
    allowedLocalAs,
    ...(role && { role }),
    routeServerClient,
    importPolicy: peer.importPolicy,
    exportPolicy: peer.exportPolicy,
  };
}

function checkBfd({ bfd }: PeerConfig, field: Field): BfdSettings | undefined {
  if (bfd === undefined) return undefined;
  const [min, max] = [MIN_BFD_INTERVAL_MS, MAX_BFD_INTERVAL_MS];
  requireInteger(field('bfd.intervalMs'), bfd.intervalMs, min, max);
  requireInteger(field('bfd.detectMult'), bfd.detectMult, 1, 255);
  return bfd;
}

function checkRemote(
  peer: PeerConfig,
  field: Field,
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

function checkGuards(peer: PeerConfig, field: Field): Guards {
  const { md5Key, aoKeys, ttlSecurityHops = 0 } = peer;
  requireInteger(field('ttlSecurityHops'), ttlSecurityHops, 0, MAX_TTL);
  if (md5Key !== undefined) requireSecret(field('md5Key'), 'TCP MD5', md5Key);
  if (aoKeys !== undefined) checkAoKeys(aoKeys, field('aoKeys'));
  if (md5Key !== undefined && aoKeys !== undefined) {
    throw new ConfigurationError(`${field('md5Key')} and aoKeys are two ways to sign: keep one`);
  }
  return {
    ...(md5Key !== undefined && { md5Key }),
    ...(aoKeys !== undefined && { aoKeys }),
    // RFC 5082 §3: what was sent with 255 has lost one at each router on its way.
    ...(ttlSecurityHops > 0 && { minTtl: MAX_TTL + 1 - ttlSecurityHops }),
  };
}

function checkAoKeys(keys: readonly TcpAoKey[], field: string): void {
  if (keys.length === 0) throw new ConfigurationError(`${field} is empty: one of them must sign`);
  const ids = new Set<number>();
  for (const { id, secret } of keys) {
    requireInteger(`${field}: id`, id, 0, 255);
    if (ids.has(id)) throw new ConfigurationError(`${field}: two keys have id ${id}: keep one`);
    ids.add(id);
    requireSecret(`${field}: the secret of id ${id}`, 'TCP-AO', secret);
  }
}

function requireSecret(field: string, kind: string, secret: string): void {
  const octets = Buffer.byteLength(secret);
  if (octets === 0 || octets > MAX_KEY_OCTETS) {
    throw new ConfigurationError(
      `${field} has ${octets} octets: a ${kind} key has 1 to ${MAX_KEY_OCTETS}`,
    );
  }
}
