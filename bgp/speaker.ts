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
import { formatZonedAddress, parsePrefix } from 'net-ipaddr';
import { Bfd } from './bfd/bfd.ts';
import { udpTransport } from './bfd/udp.ts';
import { Monitor } from './bmp/monitor.ts';
import type { SpeakerConfig } from './configuration/configuration.ts';
import { check, type Settings } from './configuration/settings.ts';
import { Convergence } from './convergence.ts';
import { Deferral } from './deferral.ts';
import { Peers } from './peers.ts';
import { type RoutesListener, Routing } from './routing.ts';
import { Caches } from './rpki/caches.ts';
import { OriginValidation } from './rpki/origins.ts';
import { Schedule, type Task } from './schedule.ts';
import type { PeerSurroundings } from './session/connection.ts';
import type { Peer } from './session/peer.ts';
import { Strangers } from './session/strangers.ts';
import type { SpeakerOptions } from './speaker-options.ts';
import { type PeerStatus, type RouteStatus, routeStatus, type SpeakerStatus } from './status.ts';
import { Listeners } from './transport/listeners.ts';
import { tcpTransport } from './transport/tcp.ts';
import type { Stream } from './transport/transport.ts';
import { kernelLinks } from './unnumbered/kernel-links.ts';

export type { BfdSettings } from './bfd/bfd.ts';
export type {
  BmpConfig,
  OriginationConfig,
  PeerConfig,
  PeerRangeConfig,
  RpkiConfig,
  SpeakerConfig,
} from './configuration/configuration.ts';
export { ConfigurationError } from './configuration/fields.ts';
export type { SpeakerOptions } from './speaker-options.ts';
export type { PeerStatus, RouteStatus, SpeakerStatus } from './status.ts';

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
  readonly #routesListeners: RoutesListener[] = [];
  readonly #sessionListeners: ((peer: PeerStatus) => void)[] = [];

  /** What is to be; what is differs from it only while the tables of another AS are given up. */
  #wanted: Settings | undefined;
  #applied: Settings | undefined;
  #routing: Routing | undefined;
  #hasWork = false;
  readonly #peers: Peers;
  readonly #convergence: Convergence;

  #isClosed = false;
  /** Streams on which the last words are still on their way. */
  #closing = 0;
  #allClosed: (() => void) | undefined;

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
    this.#convergence = new Convergence(clock);
    this.#peers = new Peers({
      around: this.#around,
      log,
      bfd: this.#bfd,
      monitor: this.#monitor,
      listeners: this.#listeners,
      links: options.links ?? kernelLinks(clock),
      events: {
        sessionChanged: (name) => this.#sessionChanged(name),
        initialRoutesIn: () => this.#progress(),
        closing: () => this.#countClosing(),
      },
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
   * What is to be from now on. Only what differs is touched: a peer whose address, AS, hold time
   * or families changed is reset, one whose policy, next hop or restart time changed is not, and the
   * others notice nothing. Listening is tried until it works, and `inspect` tells how it went.
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

  /** `resolve` may have other answers from now on. */
  reviewNextHops(): void {
    this.#routing?.reviewNextHops();
  }

  /**
   * Resolves to true when every configured peer is Established, its initial routes are in and all
   * are chosen and told; to false `deadlineMs` from now. What is configured meanwhile counts, and
   * before the first configuration nothing has converged.
   */
  whenConverged(deadlineMs: number): Promise<boolean> {
    const converged = this.#convergence.wait(deadlineMs);
    this.#checkConvergence();
    return converged;
  }

  inspect(): SpeakerStatus {
    return {
      listeners: this.#listeners.status,
      strangersRefused: this.#strangers.count,
      bfdDropped: this.#bfd.dropped,
      collectors: this.#monitor.status,
      caches: this.#caches.status,
      peers: this.#peers.status,
      ranges: this.#peers.rangeStatus,
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
      if (detail !== undefined) yield routeStatus(detail, (id) => this.#peers.nameOf(id));
    }
  }

  /**
   * Leaves for good: peers are asked to take other paths (RFC 8326), have `drainMs` to do so, and then
   * get a Cease / Administrative Shutdown with `text` in it (RFC 9003), upon which they drop our routes.
   */
  async leave({ drainMs, text }: { drainMs: number; text: string }): Promise<void> {
    this.#peers.askToLeave();
    await new Promise<void>((resolve) => void this.#options.clock.after(drainMs, resolve));
    const data = encodeShutdownCommunication(text);
    await this.#end(true, (peer) => peer.stop(CEASE.ADMINISTRATIVE_SHUTDOWN, data));
  }

  /**
   * Ends all sessions and stops listening; resolves when the sockets are closed, in seconds at most.
   * Peers that are to keep our routes until we are back see their connections close (RFC 4724 §4.1).
   * The others, or `forGood` all, get a Cease / Administrative Shutdown and drop our routes at once.
   */
  close({ forGood }: { forGood: boolean }): Promise<void> {
    return this.#end(forGood, (peer) => {
      if (peer.keepsRoutes && !forGood) peer.abandon();
      else peer.stop(CEASE.ADMINISTRATIVE_SHUTDOWN);
    });
  }

  // Configuration

  #apply(wanted: Settings): void {
    const before = this.#applied;
    this.#applied = wanted;
    const routing = this.#routing ?? this.#newRouting(wanted);
    this.#listeners.set(wanted.listen);
    this.#monitor.set(wanted.bmp);
    routing.onUpdate(this.#monitor.isOn ? this.#monitor.update : undefined);
    this.#caches.set(wanted.rpki.servers);
    if (!isDeepStrictEqual(before?.rpki, wanted.rpki))
      routing.validateOrigins(this.#origins(wanted));
    routing.setLocalAddresses(wanted.localAddresses);
    this.#peers.configure(wanted, routing);
    originate(before?.originations, wanted.originations, routing);
    this.#progress();
  }

  #newRouting({ localAs, routerId, clusterId }: Settings): Routing {
    const { clock, random, log, interfaceOf, resolve } = this.#options;
    const routing = new Routing({
      clock,
      random,
      log,
      localAs,
      routerId,
      clusterId,
      ...(interfaceOf && { interfaceOf }),
      ...(resolve && { resolve }),
    });
    routing.onReadable((id) => this.#peers.readable(id));
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

  async #end(forGood: boolean, endSession: (peer: Peer) => void): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listeners.set([]);
    this.#deferral.stop();
    this.#convergence.tell(false);
    this.#peers.end(endSession);
    // RFC 5882 §4.3.2: a restart shows by TCP first. AdminDown on its heels overtakes it where BFD is another process.
    this.#bfd.close({ isTold: forGood });
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
    const { remoteAddress } = stream;
    // Dynamic neighbours come back once the new tables have begun.
    const admitsNew = this.#applied === this.#wanted;
    if (!this.#isClosed && this.#peers.incoming(stream, admitsNew)) return;
    stream.destroy();
    this.#strangers.refused(remoteAddress && formatZonedAddress(remoteAddress));
  }

  #sessionChanged(name: string): void {
    this.#progress();
    // Not from within the session's own doings: a listener may well configure anew.
    this.#around.schedule.afterPoll(() => {
      const status = this.#peers.statusOf(name);
      if (this.#isClosed || status === undefined) return;
      for (const listener of this.#sessionListeners) listener(status);
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
    if (this.#applied !== undefined && this.#deferral.endsFor(this.#peers.configured)) {
      this.#routing!.defer(false);
    }
    this.#checkConvergence();
  }

  #checkConvergence(): void {
    if (!this.#convergence.isAwaited) return;
    const isReady =
      !this.#hasWork &&
      !this.#deferral.isOn &&
      this.#wanted !== undefined &&
      this.#applied === this.#wanted &&
      this.#peers.configured.every((peer) => peer.hasInitialRoutes);
    if (isReady) this.#convergence.tell(true);
  }

  /** Counts a stream that ends; the function returned is to be called when it has. */
  #countClosing(): () => void {
    this.#closing++;
    return () => {
      this.#closing--;
      if (this.#closing === 0) this.#allClosed?.();
    };
  }
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
