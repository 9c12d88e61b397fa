/**
 * A BGP speaker: sessions with peers, the routes that they bring, and what each is told.
 *
 *     const speaker = new Speaker({ clock, random: Math.random, log });
 *     speaker.onRoutes((ids, count, routes) => { … });
 *     speaker.configure({ localAs: 64512, routerId: '10.0.0.1', listen, peers, originations });
 *     …
 *     await speaker.close({ forGood: false });
 */

import { isDeepStrictEqual } from 'node:util';
import { CEASE, encodeShutdownCommunication } from 'bgp-parser-ts';
import {
  formatZonedAddress,
  hostPrefix,
  type Prefix,
  parsePrefix,
  parseZonedAddress,
} from 'net-ipaddr';
import type { Clock, Log, Random } from '../ports.ts';
import { Bfd, type BfdDrops } from './bfd/bfd.ts';
import type { BfdStatus } from './bfd/session.ts';
import type { BfdTransport } from './bfd/transport.ts';
import { udpTransport } from './bfd/udp.ts';
import type { CollectorStatus } from './bmp/collector.ts';
import type { MonitoredSession, SessionEnd } from './bmp/message.ts';
import { Monitor } from './bmp/monitor.ts';
import { check, type PeerSettings, type Settings, type SpeakerConfig } from './configuration.ts';
import { Deferral } from './deferral.ts';
import { PeerRanges, type RangeStatus } from './peer-ranges.ts';
import {
  type PathDetail,
  type PeerCounts,
  type RouteDetail,
  type RoutesListener,
  Routing,
  type RoutingOptions,
} from './routing.ts';
import type { CacheStatus } from './rpki/cache.ts';
import { Caches } from './rpki/caches.ts';
import { OriginValidation } from './rpki/origins.ts';
import { type Immediate, Schedule, type Task } from './schedule.ts';
import type { PeerSurroundings, SessionSettings } from './session/connection.ts';
import { type ListenerStatus, Listeners } from './session/listeners.ts';
import { Peer, type SessionStatus } from './session/peer.ts';
import { Strangers } from './session/strangers.ts';
import { tcpTransport } from './session/tcp.ts';
import type { Md5Key, Stream, Transport } from './session/transport.ts';
import { Discovery } from './unnumbered/discovery.ts';
import { kernelLinks } from './unnumbered/kernel-links.ts';
import type { Links } from './unnumbered/links.ts';

export type { BfdSettings } from './bfd/bfd.ts';
export type {
  BmpConfig,
  OriginationConfig,
  PeerConfig,
  PeerRangeConfig,
  RpkiConfig,
  SpeakerConfig,
} from './configuration.ts';
export { ConfigurationError } from './configuration.ts';

export interface SpeakerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** @default the kernel's TCP */
  readonly transport?: Transport;
  /** @default the kernel's UDP */
  readonly bfdTransport?: BfdTransport;
  /** Where unnumbered peers are found. @default the kernel's links */
  readonly links?: Links;
  /** Must let the transport deliver what has come before it calls back. @default setImmediate */
  readonly immediate?: Immediate;
  /** As RoutingOptions's. */
  readonly interfaceOf?: RoutingOptions['interfaceOf'];
}

export interface SpeakerStatus {
  readonly listeners: readonly ListenerStatus[];
  /** Connections refused because they came from no peer's address. */
  readonly strangersRefused: number;
  /** BFD packets dropped, by reason. */
  readonly bfdDropped: BfdDrops;
  /** BMP collectors. */
  readonly collectors: readonly CollectorStatus[];
  /** RPKI caches. */
  readonly caches: readonly CacheStatus[];
  readonly peers: readonly PeerStatus[];
  readonly ranges: readonly RangeStatus[];
}

export interface PeerStatus extends SessionStatus {
  readonly name: string;
  readonly description: string | undefined;
  readonly type: string | undefined;
  /** Of an unnumbered peer that is not found yet, the interface. */
  readonly address: string;
  readonly port: number;
  readonly remoteAs: number | 'external';
  readonly passive: boolean;
  /** It is not configured by itself, but connected from within a range. */
  readonly isDynamic: boolean;
  /** Undefined unless it is configured and the session is Established. */
  readonly bfd: BfdStatus | undefined;
  readonly routes: PeerCounts;
}

/** RouteDetail with peers by name; a path's is undefined where the route was originated here. */
export interface RouteStatus {
  readonly prefix: Prefix;
  readonly paths: readonly (Omit<PathDetail, 'peer'> & { readonly peer: string | undefined })[];
  readonly sentTo: readonly string[];
  /** Why the other peers with a session were not sent the chosen route. */
  readonly notSentTo: readonly { readonly peer: string; readonly reason: string }[];
  /** For whom rules of the export policy changed it, and which. */
  readonly changedFor: readonly { readonly peer: string; readonly changedBy: readonly string[] }[];
}

interface Known {
  settings: PeerSettings;
  readonly peer: Peer;
  /** Of an unnumbered peer. */
  discovery?: Discovery;
}

export class Speaker {
  readonly #options: SpeakerOptions;
  readonly #around: PeerSurroundings;
  readonly #listeners: Listeners;
  readonly #strangers: Strangers;
  readonly #bfd: Bfd;
  readonly #monitor: Monitor;
  readonly #deferral: Deferral;
  /** As `restarted` was told; undefined: it was not. */
  #hasForwarded: boolean | undefined;
  readonly #caches: Caches;
  readonly #links: Links;
  readonly #routesListeners: RoutesListener[] = [];
  readonly #sessionListeners: ((peer: PeerStatus) => void)[] = [];

  /** What is to be; what is differs from it only while the tables of another AS are given up. */
  #wanted: Settings | undefined;
  #applied: Settings | undefined;
  #routing: Routing | undefined;
  #hasWork = false;
  readonly #known = new Map<string, Known>();
  readonly #ranges = new PeerRanges();
  readonly #byAddress = new Map<string, Peer>();
  readonly #byId = new Map<number, Known>();

  #isClosed = false;
  /** Streams on which the last words are still on their way. */
  #closing = 0;
  #allClosed: (() => void) | undefined;
  readonly #convergenceWaiters = new Set<(hasConverged: boolean) => void>();

  constructor(options: SpeakerOptions) {
    const { clock, random, log } = options;
    this.#options = options;
    const schedule = new Schedule(clock, options.immediate ?? ((fn) => void setImmediate(fn)));
    const transport = options.transport ?? tcpTransport(clock);
    this.#deferral = new Deferral(clock);
    this.#around = { clock, random, schedule, transport, restart: this.#deferral };
    this.#strangers = new Strangers(clock, log);
    const bfdTransport = options.bfdTransport ?? udpTransport(clock, random);
    this.#bfd = new Bfd({ clock, random, schedule, transport: bfdTransport }, log);
    this.#links = options.links ?? kernelLinks(clock);
    const incoming = (stream: Stream) => this.#incoming(stream);
    this.#listeners = new Listeners({ transport, clock, random, log, incoming });
    this.#monitor = new Monitor({
      ...this.#around,
      log,
      dump: () => this.#routing?.dumpAdjRibIn(),
      statistics: (peer) => this.#routing!.peerCounts(peer),
      closing: () => this.#countClosing(),
    });
    this.#caches = new Caches({
      ...this.#around,
      log,
      changed: (prefixes) => {
        // Where nothing depends on it, what is shown is worked out when it is asked for.
        if (this.#applied?.rpki.invalidRoutes === 'reject') this.#routing!.revalidate(prefixes);
      },
      closing: () => this.#countClosing(),
    });
  }

  /**
   * For a program that has restarted, before the first `configure`: peers are told so, and what they
   * are told of routes waits until their own routes are in, for 45 s at most (RFC 4724 §4.1).
   * @param forwarding whether packets went on being forwarded by what peers were told before
   */
  restarted({ forwarding }: { forwarding: boolean }): void {
    this.#hasForwarded = forwarding;
  }

  /**
   * What is to be from now on. Only what differs is touched: a peer whose address, AS, timers or
   * families changed is reset, one whose policy or next hop changed is not, and the others notice
   * nothing. Listening is tried until it works, and `inspect` tells how it went.
   *
   * @throws ConfigurationError and changes nothing.
   */
  configure(config: SpeakerConfig): void {
    if (this.#isClosed) throw new Error('the speaker is closed');
    const isFirst = this.#wanted === undefined;
    this.#wanted = check(config);
    const { localAs, routerId, clusterId } = this.#wanted;
    if (isFirst && this.#hasForwarded !== undefined) {
      this.#deferral.begin(this.#hasForwarded, () => this.#progress());
    }
    const applied = this.#applied;
    const isAnother =
      applied?.localAs !== localAs ||
      applied.routerId !== routerId ||
      applied.clusterId !== clusterId;
    if (applied && isAnother) {
      // Every path and every encoded UPDATE has the old numbers in it. So all goes, as if it had
      // been withdrawn, and then the new tables begin.
      this.#apply({ ...applied, peers: new Map(), ranges: [], originations: new Map() });
      this.#requestWork();
    } else {
      this.#apply(this.#wanted);
    }
  }

  /**
   * `listener` hears of every prefix whose route changed, in batches, soon after it did. It must not
   * call `configure`. What was chosen before it is added it does not hear of; nothing is told after
   * `close`.
   */
  onRoutes(listener: RoutesListener): void {
    this.#routesListeners.push(listener);
  }

  /** `listener` hears, soon after, of each configured peer whose session became Established or ceased to be. */
  onSessionChange(listener: (peer: PeerStatus) => void): void {
    this.#sessionListeners.push(listener);
  }

  /**
   * Resolves to true when every configured peer is Established, its initial routes are in and all
   * are chosen and told; to false `deadlineMs` from now. What is configured meanwhile counts, and
   * before the first configuration nothing has converged.
   */
  whenConverged(deadlineMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (hasConverged: boolean) => {
        this.#convergenceWaiters.delete(settle);
        deadline.cancel();
        resolve(hasConverged);
      };
      const deadline = this.#options.clock.after(deadlineMs, () => settle(false));
      this.#convergenceWaiters.add(settle);
      this.#checkConvergence();
    });
  }

  inspect(): SpeakerStatus {
    return {
      listeners: this.#listeners.status,
      strangersRefused: this.#strangers.count,
      bfdDropped: this.#bfd.dropped,
      collectors: this.#monitor.status,
      caches: this.#caches.status,
      peers: [...this.#known.values()].map((known) => this.#statusOf(known)),
      ranges: this.#ranges.status,
    };
  }

  /**
   * The route to `prefix` with all its paths, or all routes: lazily, and good only within one turn
   * of the event loop. @throws AddressError
   */
  *routes(prefix?: string): Generator<RouteStatus> {
    const routing = this.#routing;
    if (routing === undefined) return;
    const prefixes = prefix === undefined ? routing.prefixes() : [parsePrefix(prefix)];
    for (const one of prefixes) {
      const detail = routing.route(one);
      if (detail !== undefined) yield this.#withNames(detail);
    }
  }

  /**
   * Leaves for good: peers are asked to take other paths (RFC 8326), have `drainMs` to do so, and then
   * get a Cease / Administrative Shutdown with `text` in it (RFC 9003), upon which they drop our routes.
   */
  async leave({ drainMs, text }: { drainMs: number; text: string }): Promise<void> {
    for (const { peer, settings } of this.#known.values()) {
      this.#routing!.changePeer(peer.id, { ...settings.routing, isLeaving: true });
    }
    await new Promise<void>((resolve) => void this.#options.clock.after(drainMs, resolve));
    const data = encodeShutdownCommunication(text);
    await this.#end((peer) => peer.stop(CEASE.ADMINISTRATIVE_SHUTDOWN, data));
  }

  /**
   * Ends all sessions and stops listening; resolves when the sockets are closed, in seconds at most.
   * Peers that are to keep our routes until we are back see their connections close (RFC 4724 §4.1).
   * The others, or `forGood` all, get a Cease / Administrative Shutdown and drop our routes at once.
   */
  close({ forGood }: { forGood: boolean }): Promise<void> {
    return this.#end((peer) => {
      if (peer.keepsRoutes && !forGood) peer.abandon();
      else peer.stop(CEASE.ADMINISTRATIVE_SHUTDOWN);
    });
  }

  // Configuration

  #apply(wanted: Settings): void {
    const before = this.#applied;
    this.#applied = wanted;
    const routing = this.#routing ?? this.#newRouting(wanted);
    const peers = this.#ranges.set(wanted.ranges, wanted.peers);
    this.#setMd5Keys();
    this.#listeners.set(wanted.listen);
    this.#monitor.set(wanted.bmp);
    routing.onUpdate(this.#monitor.isOn ? this.#monitor.update : undefined);
    this.#caches.set(wanted.rpki.servers);
    if (!isDeepStrictEqual(before?.rpki, wanted.rpki))
      routing.validateOrigins(this.#origins(wanted));
    routing.setLocalAddresses(wanted.localAddresses);
    // All that go before any that come: a peer may take over another's address.
    for (const known of this.#known.values()) {
      const settings = peers.get(known.settings.name);
      if (settings === undefined) {
        this.#remove(known, routing, CEASE.PEER_DECONFIGURED);
      } else if (!isDeepStrictEqual(settings.session, known.settings.session)) {
        this.#remove(known, routing, CEASE.OTHER_CONFIGURATION_CHANGE);
      } else {
        if (!isDeepStrictEqual(settings.routing, known.settings.routing)) {
          routing.changePeer(known.peer.id, settings.routing);
        }
        if (!isDeepStrictEqual(settings.guards, known.settings.guards)) {
          known.peer.guard(settings.guards);
        }
        known.peer.limitPrefixes(settings.maxPrefixes);
        known.settings = settings;
        this.#followPath(known);
      }
    }
    for (const settings of peers.values()) {
      if (!this.#known.has(settings.name)) this.#add(settings, routing);
    }
    originate(before?.originations, wanted.originations, routing);
    this.#progress();
  }

  #newRouting({ localAs, routerId, clusterId }: Settings): Routing {
    const { clock, random, log, interfaceOf } = this.#options;
    const routing = new Routing({
      clock,
      random,
      log,
      localAs,
      routerId,
      clusterId,
      ...(interfaceOf && { interfaceOf }),
    });
    routing.onReadable((id) => this.#byId.get(id)?.peer.readable());
    routing.onWork(() => this.#requestWork());
    routing.onRoutes((ids, count, reader) => {
      for (const listener of this.#routesListeners) listener(ids, count, reader);
    });
    if (this.#deferral.isOn) routing.defer(true);
    this.#routing = routing;
    return routing;
  }

  #origins({ localAs, rpki }: Settings): OriginValidation | undefined {
    const { table } = this.#caches;
    return table && new OriginValidation(table, localAs, rpki.invalidRoutes === 'reject');
  }

  #add(settings: PeerSettings, routing: Routing): void {
    const { name, session } = settings;
    const id = routing.addPeer(settings.routing);
    const { clock, random } = this.#options;
    const log = this.#options.log.child({ peer: name, address: placeOf(session.remote) });
    const events = {
      sessionUp: (session: MonitoredSession) => this.#monitor.peerUp(id, session),
      sessionDown: (end: SessionEnd) => this.#monitor.peerDown(id, end),
      sessionChanged: () => {
        this.#followPath(known);
        this.#sessionChanged(name);
      },
      initialRoutesIn: () => this.#progress(),
      waiting: () => this.#dismiss(known),
      closing: () => this.#countClosing(),
    };
    const peer = new Peer(session, id, routing, this.#around, events, log);
    const known: Known = { settings, peer };
    this.#known.set(name, known);
    this.#byId.set(id, known);
    peer.guard(settings.guards);
    peer.limitPrefixes(settings.maxPrefixes);
    peer.start();
    const { remote } = session;
    if ('address' in remote) {
      this.#byAddress.set(remote.address, peer);
      return;
    }
    const options = { links: this.#links, clock, random, log };
    known.discovery = new Discovery(remote.interface, options, (address) => {
      if (peer.remote !== undefined) this.#byAddress.delete(peer.remote.address);
      if (address !== undefined) this.#byAddress.set(address, peer);
      peer.locate(address === undefined ? undefined : { address, port: remote.port });
      this.#setMd5Keys();
    });
  }

  #remove({ settings, peer, discovery }: Known, routing: Routing, subcode: number): void {
    discovery?.close();
    peer.stop(subcode);
    routing.removePeer(peer.id);
    this.#known.delete(settings.name);
    if (peer.remote !== undefined) this.#byAddress.delete(peer.remote.address);
    this.#byId.delete(peer.id);
  }

  /** Those for peers that are not found yet follow. */
  #setMd5Keys(): void {
    const keys: Md5Key[] = [];
    for (const { name, session, guards } of this.#applied!.peers.values()) {
      const remote =
        'address' in session.remote ? session.remote : this.#known.get(name)?.peer.remote;
      if (guards.md5Key === undefined || remote === undefined) continue;
      keys.push({ prefix: hostPrefix(parseZonedAddress(remote.address)), key: guards.md5Key });
    }
    for (const { prefix, md5Key: key } of this.#applied!.ranges) {
      if (key !== undefined) keys.push({ prefix, key });
    }
    this.#listeners.setMd5Keys(keys);
  }

  async #end(endSession: (peer: Peer) => void): Promise<void> {
    this.#isClosed = true;
    this.#listeners.set([]);
    this.#deferral.stop();
    for (const settle of [...this.#convergenceWaiters]) settle(false);
    for (const { peer, discovery } of this.#known.values()) {
      discovery?.close();
      endSession(peer);
    }
    this.#bfd.close();
    this.#around.schedule.remove(this.#upkeep);
    // Only now: collectors hear how the sessions ended.
    this.#monitor.close();
    this.#caches.set([]);
    if (this.#closing === 0) return;
    await new Promise<void>((resolve) => {
      this.#allClosed = resolve;
    });
  }

  // What happens

  #incoming(stream: Stream): void {
    const address = stream.remoteAddress && formatZonedAddress(stream.remoteAddress);
    const peer = address === undefined || this.#isClosed ? undefined : this.#peerAt(address);
    if (peer !== undefined) {
      peer.incoming(stream);
      return;
    }
    stream.destroy();
    this.#strangers.refused(address);
  }

  /** Who has connected from there; a dynamic neighbour is made by that. */
  #peerAt(address: string): Peer | undefined {
    const known = this.#byAddress.get(address);
    if (known !== undefined || this.#applied !== this.#wanted) return known;
    const settings = this.#ranges.admit(address);
    if (settings === undefined) return undefined;
    this.#add(settings, this.#routing!);
    return this.#byAddress.get(address);
  }

  /** A dynamic neighbour whose connection is gone is a peer no more. Not from within its own doings. */
  #dismiss({ settings, peer }: Known): void {
    if (!this.#ranges.has(settings.name)) return;
    this.#around.schedule.afterPoll(() => {
      const known = this.#known.get(settings.name);
      if (known?.peer !== peer || peer.status.state !== 'Active' || this.#isClosed) return;
      this.#ranges.leave(settings.name);
      this.#remove(known, this.#routing!, CEASE.PEER_DECONFIGURED);
    });
  }

  #sessionChanged(name: string): void {
    this.#progress();
    // Not from within the session's own doings: a listener may well configure anew.
    this.#around.schedule.afterPoll(() => {
      const known = this.#known.get(name);
      if (this.#isClosed || known === undefined) return;
      const status = this.#statusOf(known);
      for (const listener of this.#sessionListeners) listener(status);
    });
  }

  /** BFD watches the addresses that an Established session is between. */
  #followPath({ settings, peer }: Known): void {
    const ends = peer.status.negotiated;
    if (settings.bfd === undefined || ends === undefined) {
      this.#bfd.watch(settings.name, undefined);
      return;
    }
    const remote = parseZonedAddress(ends.remoteAddress);
    this.#bfd.watch(settings.name, {
      settings: settings.bfd,
      local: parseZonedAddress(ends.localAddress),
      remote,
      device: remote.zone,
      minTtl: settings.guards.minTtl,
      failed: (why) => peer.pathFailed(why),
    });
  }

  readonly #upkeep: Task = {
    run: (deadlineMs) => {
      const leftMs = deadlineMs - this.#options.clock.monotonic();
      this.#hasWork = this.#routing!.work(Math.max(0, leftMs));
      if (this.#hasWork) return true;
      if (this.#applied !== this.#wanted) this.#beginAnew();
      this.#checkConvergence();
      return false;
    },
  };

  #requestWork(): void {
    if (this.#isClosed) return;
    this.#hasWork = true;
    this.#around.schedule.add('outbound', this.#upkeep);
  }

  /** All that the old AS number or router id was in is gone, and everyone was told. */
  #beginAnew(): void {
    this.#routing = undefined;
    this.#applied = undefined;
    this.#apply(this.#wanted!);
  }

  /** Something came that a deferral or someone in `whenConverged` may have waited for. */
  #progress(): void {
    if (this.#applied !== undefined && this.#deferral.endsFor(this.#peers)) {
      this.#routing!.defer(false);
    }
    this.#checkConvergence();
  }

  /** The configured ones: nobody waits for dynamic neighbours. */
  get #peers(): Peer[] {
    const configured = [...this.#known.values()].filter(
      ({ settings }) => !this.#ranges.has(settings.name),
    );
    return configured.map(({ peer }) => peer);
  }

  #checkConvergence(): void {
    if (this.#convergenceWaiters.size === 0) return;
    const isReady =
      !this.#hasWork &&
      !this.#deferral.isOn &&
      this.#wanted !== undefined &&
      this.#applied === this.#wanted &&
      this.#peers.every((peer) => peer.hasInitialRoutes);
    if (isReady) for (const settle of [...this.#convergenceWaiters]) settle(true);
  }

  /** Counts a stream that ends; the function returned is to be called when it has. */
  #countClosing(): () => void {
    this.#closing++;
    return () => {
      this.#closing--;
      if (this.#closing === 0) this.#allClosed?.();
    };
  }

  // What is shown

  #statusOf({ settings, peer }: Known): PeerStatus {
    const { name, description, type, session } = settings;
    const { status } = peer;
    return {
      name,
      description,
      type,
      address: placeOf(peer.remote ?? session.remote),
      port: session.remote.port,
      remoteAs: status.negotiated?.remoteAs ?? session.terms.remoteAs,
      passive: session.attributes.passive,
      isDynamic: this.#ranges.has(name),
      ...status,
      bfd: this.#bfd.status(name),
      routes: this.#routing!.peerCounts(peer.id),
    };
  }

  #withNames({ prefix, paths, sentTo, notSentTo, changedFor }: RouteDetail): RouteStatus {
    const nameOf = (id: number) => this.#byId.get(id)?.settings.name;
    return {
      prefix,
      paths: paths.map((path) => ({ ...path, peer: nameOf(path.peer) })),
      sentTo: sentTo.map((id) => nameOf(id)!),
      notSentTo: notSentTo.map(({ peer, reason }) => ({ peer: nameOf(peer)!, reason })),
      changedFor: changedFor.map(({ peer, changedBy }) => ({ peer: nameOf(peer)!, changedBy })),
    };
  }
}

function placeOf(remote: SessionSettings['remote']): string {
  return 'address' in remote ? remote.address : remote.interface;
}

function originate(
  before: Settings['originations'] | undefined,
  wanted: Settings['originations'],
  routing: Routing,
): void {
  for (const [text, { prefix }] of before ?? []) {
    if (!wanted.has(text)) routing.withdrawOrigin(prefix);
  }
  for (const [text, { prefix, attributes }] of wanted) {
    const old = before?.get(text);
    if (!old || !isDeepStrictEqual(old.attributes, attributes)) {
      routing.originate(prefix, attributes);
    }
  }
}
