/**
 * The peers of a speaker while it runs: made, changed and ended as the configuration says, and known
 * by name, by number, and by where they are.
 */

import { isDeepStrictEqual } from 'node:util';
import { CEASE } from 'bgp-parser-ts';
import { formatZonedAddress, hostPrefix, parseZonedAddress } from 'net-ipaddr';
import type { Log } from '../ports.ts';
import type { Bfd } from './bfd/bfd.ts';
import type { Monitor } from './bmp/monitor.ts';
import type { PeerSettings } from './configuration/peer.ts';
import type { Settings } from './configuration/settings.ts';
import { PeerRanges, type RangeStatus } from './peer-ranges.ts';
import type { Routing } from './routing.ts';
import type { PeerSurroundings } from './session/connection.ts';
import type { MonitoredSession, SessionEnd } from './session/monitored-session.ts';
import { Peer } from './session/peer.ts';
import { needsReset, type SessionSettings } from './session/settings.ts';
import type { PeerStatus } from './status.ts';
import type { Listeners } from './transport/listeners.ts';
import { isSigned, type PeerKeys, type Stream } from './transport/transport.ts';
import { Discovery } from './unnumbered/discovery.ts';
import type { Links } from './unnumbered/links.ts';

export interface PeersOptions {
  readonly around: PeerSurroundings;
  readonly log: Log;
  readonly bfd: Bfd;
  readonly monitor: Monitor;
  readonly listeners: Listeners;
  readonly links: Links;
  readonly events: PeersEvents;
}

/** What the speaker hears of any of them. */
export interface PeersEvents {
  /** The session with the peer of this name became Established, or ceased to be. */
  sessionChanged(name: string): void;
  /** As PeerEvents. */
  initialRoutesIn(): void;
  closing(): () => void;
}

interface Known {
  settings: PeerSettings;
  readonly peer: Peer;
  /** Of an unnumbered peer. */
  discovery?: Discovery;
}

export class Peers {
  readonly #options: PeersOptions;
  readonly #ranges = new PeerRanges();
  readonly #known = new Map<string, Known>();
  readonly #byAddress = new Map<string, Peer>();
  readonly #byId = new Map<number, Known>();
  #settings: Pick<Settings, 'peers' | 'ranges'> = { peers: new Map(), ranges: [] };
  /** Where those that are there have their routes; another one only when none is left. */
  #routing: Routing | undefined;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** The configured ones: nobody waits for dynamic neighbours. */
  get configured(): Peer[] {
    const known = [...this.#known.values()];
    return known.filter(({ settings }) => !this.#ranges.has(settings.name)).map(({ peer }) => peer);
  }

  get status(): PeerStatus[] {
    return [...this.#known.values()].map((known) => this.#statusOf(known));
  }

  get rangeStatus(): RangeStatus[] {
    return this.#ranges.status;
  }

  statusOf(name: string): PeerStatus | undefined {
    const known = this.#known.get(name);
    return known && this.#statusOf(known);
  }

  nameOf(id: number): string | undefined {
    return this.#byId.get(id)?.settings.name;
  }

  /** The RIB has something for the peer. */
  readable(id: number): void {
    this.#byId.get(id)?.peer.readable();
  }

  /** Ends, changes and makes peers, so that they are as wanted; what is the same is not touched. */
  configure(wanted: Settings, routing: Routing): void {
    this.#routing = routing;
    this.#settings = wanted;
    const peers = this.#ranges.set(wanted.ranges, wanted.peers);
    this.#setKeys();
    // All that go before any that come: a peer may take over another's address.
    for (const known of this.#known.values()) {
      const settings = peers.get(known.settings.name);
      if (settings === undefined) {
        this.#remove(known, CEASE.PEER_DECONFIGURED);
      } else if (needsReset(known.settings.session, settings.session)) {
        this.#remove(known, CEASE.OTHER_CONFIGURATION_CHANGE);
      } else {
        this.#change(known, settings);
      }
    }
    for (const settings of peers.values()) {
      if (!this.#known.has(settings.name)) this.#add(settings);
    }
  }

  /**
   * Hands a connection to the peer that it is from. False: it is nobody's.
   * @param admitsNew whether a dynamic neighbour may be made by it
   */
  incoming(stream: Stream, admitsNew: boolean): boolean {
    const { remoteAddress } = stream;
    if (remoteAddress === undefined) return false;
    const address = formatZonedAddress(remoteAddress);
    const peer = this.#byAddress.get(address) ?? (admitsNew ? this.#admit(address) : undefined);
    peer?.incoming(stream);
    return peer !== undefined;
  }

  /** RFC 8326: all are asked to take other paths than ours. */
  askToLeave(): void {
    for (const { peer, settings } of this.#known.values()) {
      this.#routing!.changePeer(peer.id, { ...settings.routing, isLeaving: true });
    }
  }

  /** Nobody is looked for any more, and each session is ended as `endSession` does it. */
  end(endSession: (peer: Peer) => void): void {
    for (const { peer, discovery } of this.#known.values()) {
      discovery?.close();
      endSession(peer);
    }
  }

  #add(settings: PeerSettings): void {
    const { name, session } = settings;
    const { around, events, log, monitor } = this.#options;
    const id = this.#routing!.addPeer(settings.routing);
    const peer = new Peer(
      session,
      id,
      this.#routing!,
      around,
      {
        sessionUp: (session: MonitoredSession) => monitor.peerUp(id, session),
        sessionDown: (end: SessionEnd) => monitor.peerDown(id, end),
        sessionChanged: () => {
          this.#followPath(known);
          events.sessionChanged(name);
        },
        initialRoutesIn: () => events.initialRoutesIn(),
        waiting: () => this.#dismiss(known),
        closing: () => events.closing(),
      },
      log.child({ peer: name, address: placeOf(session.remote) }),
    );
    const known: Known = { settings, peer };
    this.#known.set(name, known);
    this.#byId.set(id, known);
    peer.guard(settings.guards);
    peer.limitPrefixes(settings.maxPrefixes);
    peer.start();
    const { remote } = session;
    if ('address' in remote) this.#byAddress.set(remote.address, peer);
    else known.discovery = this.#discover(peer, remote, log.child({ peer: name }));
  }

  #change(known: Known, settings: PeerSettings): void {
    const { peer } = known;
    if (!isDeepStrictEqual(settings.session, known.settings.session)) peer.change(settings.session);
    if (!isDeepStrictEqual(settings.routing, known.settings.routing)) {
      this.#routing!.changePeer(peer.id, settings.routing);
    }
    if (!isDeepStrictEqual(settings.guards, known.settings.guards)) peer.guard(settings.guards);
    peer.limitPrefixes(settings.maxPrefixes);
    known.settings = settings;
    this.#followPath(known);
  }

  #remove({ settings, peer, discovery }: Known, subcode: number): void {
    discovery?.close();
    peer.stop(subcode);
    this.#routing!.removePeer(peer.id);
    this.#known.delete(settings.name);
    if (peer.remote !== undefined) this.#byAddress.delete(peer.remote.address);
    this.#byId.delete(peer.id);
  }

  /** Follows whoever is at the other end of the link. */
  #discover(peer: Peer, at: { interface: string; port: number }, log: Log): Discovery {
    const { around, links } = this.#options;
    const { clock, random } = around;
    return new Discovery(at.interface, { links, clock, random, log }, (address) => {
      if (peer.remote !== undefined) this.#byAddress.delete(peer.remote.address);
      if (address !== undefined) this.#byAddress.set(address, peer);
      peer.locate(address === undefined ? undefined : { address, port: at.port });
      this.#setKeys();
    });
  }

  /** A dynamic neighbour is made by connecting from within a range. */
  #admit(address: string): Peer | undefined {
    const settings = this.#ranges.admit(address);
    if (settings === undefined) return undefined;
    this.#add(settings);
    return this.#byAddress.get(address);
  }

  /** A dynamic neighbour whose connection is gone is a peer no more. Not from within its own doings. */
  #dismiss({ settings: { name }, peer }: Known): void {
    if (!this.#ranges.has(name)) return;
    this.#options.around.schedule.afterPoll(() => {
      const known = this.#known.get(name);
      if (known?.peer !== peer || peer.status.state !== 'Active') return;
      this.#ranges.leave(name);
      this.#remove(known, CEASE.PEER_DECONFIGURED);
    });
  }

  /** Those for peers that are not found yet follow. */
  #setKeys(): void {
    const keys: PeerKeys[] = [];
    for (const { name, session, guards } of this.#settings.peers.values()) {
      const remote =
        'address' in session.remote ? session.remote : this.#known.get(name)?.peer.remote;
      if (remote === undefined) continue;
      keys.push({ ...guards, prefix: hostPrefix(parseZonedAddress(remote.address)) });
    }
    for (const { prefix, guards } of this.#settings.ranges) keys.push({ ...guards, prefix });
    this.#options.listeners.setKeys(keys.filter(isSigned));
  }

  /** BFD watches the addresses that an Established session is between. */
  #followPath({ settings, peer }: Known): void {
    const { bfd } = this.#options;
    const ends = peer.status.negotiated;
    if (settings.bfd === undefined || ends === undefined) {
      bfd.watch(settings.name, undefined);
      return;
    }
    const remote = parseZonedAddress(ends.remoteAddress);
    bfd.watch(settings.name, {
      settings: settings.bfd,
      local: parseZonedAddress(ends.localAddress),
      remote,
      device: remote.zone,
      minTtl: settings.guards.minTtl,
      failed: (why) => peer.pathFailed(why),
    });
  }

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
      bfd: this.#options.bfd.status(name),
      routes: this.#routing!.peerCounts(peer.id),
    };
  }
}

function placeOf(remote: SessionSettings['remote']): string {
  return 'address' in remote ? remote.address : remote.interface;
}
