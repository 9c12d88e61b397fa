/** One configured peer: its connection, a second one while two collide, and what is known of its session. */

import {
  CEASE,
  NO_DATA,
  type Notification,
  type RouteRefresh,
  type WireError,
} from 'bgp-parser-ts';
import { formatZonedAddress } from 'net-ipaddr';
import type { Log } from '../../ports.ts';
import { admit, resolve } from '../fsm/collision.ts';
import { manualStart } from '../fsm/event.ts';
import type { Negotiated } from '../fsm/negotiated.ts';
import { type Fsm, IDLE, keepaliveMs, type State } from '../fsm/transition.ts';
import type { Routing } from '../routing.ts';
import type { Endpoint, Guards, Stream } from '../transport/transport.ts';
import { Connection, type ConnectionOwner, type PeerSurroundings } from './connection.ts';
import { type IncomingOptions, IncomingRoutes } from './incoming-routes.ts';
import type { MonitoredSession, SessionEnd } from './monitored-session.ts';
import { SessionRecord } from './record.ts';
import type { SessionSettings } from './settings.ts';
import { StaleRoutes } from './stale-routes.ts';
import { type Ends, monitored, type SessionStatus } from './status.ts';

/** What of the RIB a session drives. */
export type PeerRoutes = IncomingOptions['routing'] &
  Pick<Routing, 'peerUp' | 'peerDown' | 'longLive' | 'pull'>;

/** What the peer's owner hears of, when it happens. */
export interface PeerEvents {
  sessionUp(session: MonitoredSession): void;
  sessionDown(end: SessionEnd): void;
  /** The session became Established, or ceased to be: `status` tells. */
  sessionChanged(): void;
  /** The initial routes of all negotiated families are in. */
  initialRoutesIn(): void;
  /** Nothing is left of a session, and a new one is the peer's to begin. */
  waiting(): void;
  /** As ConnectionOwner.closing. */
  closing(): () => void;
}

/** The two connections of peers that dial each other at the same time come closer together than that. */
const REPLACEABLE_AFTER_MS = 5_000;

export class Peer implements ConnectionOwner {
  /** To be changed by `change`. */
  settings: SessionSettings;
  #guards: Guards = {};
  #remote: Endpoint | undefined;
  /** The peer's id in `routing`. */
  readonly id: number;
  readonly #routing: PeerRoutes;
  readonly #around: PeerSurroundings;
  readonly #events: PeerEvents;
  readonly #log: Log;

  /** One; two while the peer's attempt and ours meet. */
  #connections: Connection[];
  #negotiated: (Ends & Negotiated) | undefined;
  #sinceMs: number;
  /** As #sinceMs, of the monotonic clock. */
  #establishedAtMs = 0;
  #upCount = 0;
  readonly #incoming: IncomingRoutes;
  readonly #stale: StaleRoutes;
  readonly #record: SessionRecord;

  constructor(
    settings: SessionSettings,
    id: number,
    routing: PeerRoutes,
    around: PeerSurroundings,
    events: PeerEvents,
    log: Log,
  ) {
    this.settings = settings;
    this.#remote = 'address' in settings.remote ? settings.remote : undefined;
    this.id = id;
    this.#routing = routing;
    this.#around = around;
    this.#events = events;
    this.#log = log;
    this.#sinceMs = around.clock.now();
    this.#record = new SessionRecord(around.clock, log);
    this.#stale = new StaleRoutes(around.clock, {
      forget: (family) => {
        routing.forgetStale(id, family);
        this.#tellWaiting();
      },
      longLive: (family) => routing.longLive(id, family),
    });
    this.#incoming = new IncomingRoutes({
      id,
      routing,
      clock: around.clock,
      log,
      familyIsIn: (family) => this.#stale.endOfRib(family),
      allAreIn: () => events.initialRoutesIn(),
      endSession: (event) => this.#main.dispatch(event),
    });
    this.#connections = [new Connection(this, around, IDLE)];
  }

  /** Takes up what needs no reset: at once, or with the next OPEN. A session that is not there yet begins anew. */
  change(settings: SessionSettings): void {
    this.settings = settings;
    if (this.isEstablished || this.#incoming.heldOffUntilMs !== undefined) return;
    this.#stopConnections(CEASE.OTHER_CONFIGURATION_CHANGE, NO_DATA);
    this.start();
  }

  get guards(): Guards {
    return this.#guards;
  }

  /** Takes effect at once; the session is not reset. */
  guard(guards: Guards): void {
    this.#guards = guards;
    for (const connection of this.#connections) connection.guard();
  }

  /** A session that was ended for too many prefixes comes back at once when the limit is another. */
  limitPrefixes(max: number | undefined): void {
    if (this.#incoming.limitPrefixes(max)) this.start();
  }

  /** Where the peer is, as far as is known. */
  get remote(): Endpoint | undefined {
    return this.#remote;
  }

  start(): void {
    if (this.#remote !== undefined) {
      this.#main.dispatch(manualStart(this.settings.attributes.passive));
    } else {
      this.transportFailed('no neighbour has advertised itself on the link yet, or it is down');
    }
  }

  /** The peer is there from now on, or nobody knows where: its session ends, and begins anew. */
  locate(remote: Endpoint | undefined): void {
    this.stop(CEASE.OTHER_CONFIGURATION_CHANGE);
    this.#remote = remote;
    this.start();
  }

  /** Ends the session; the Cease subcode tells the peer why (RFC 4486), and `data` what it holds for it. */
  stop(subcode: number, data: Uint8Array = NO_DATA): void {
    this.#stale.stop();
    this.#stopConnections(subcode, data);
  }

  #stopConnections(subcode: number, data: Uint8Array): void {
    for (const connection of [...this.#connections]) {
      connection.dispatch({ name: 'ManualStop', subcode, data });
    }
  }

  /** Ends the session, which comes back by itself: the path to the peer has failed (RFC 5882 §4.2). */
  pathFailed(why: string): void {
    if (!this.isEstablished) return;
    const text = `BFD found the path down: ${why}`;
    this.#main.dispatch({ name: 'AutomaticStop', subcode: CEASE.BFD_DOWN, text });
  }

  /** Ends the session without a NOTIFICATION. The routes stay in the RIB: for a process that ends. */
  abandon(): void {
    this.#stale.stop();
    for (const connection of this.#connections) connection.dispose();
  }

  /** A connection from the peer's address has come. */
  incoming(stream: Stream): void {
    const contenders = this.#connections.map(({ contender }) => contender);
    const admission = admit(contenders, this.#isReplaceable());
    switch (admission.fate) {
      case 'adopt':
        this.#main.adopt(stream);
        return;
      case 'refuse':
        this.#refuse(stream, admission.why);
        return;
      case 'replace':
        this.#connections[admission.stale]!.dispatch({ name: 'OpenCollisionDump' });
        this.#second(stream);
        return;
      case 'second':
        this.#second(stream);
        return;
    }
  }

  /** The RIB has something for the peer. */
  readable(): void {
    this.#main.readable();
  }

  get isEstablished(): boolean {
    return this.#negotiated !== undefined;
  }

  /** Established, and the initial routes of all families are in. */
  get hasInitialRoutes(): boolean {
    return this.isEstablished && this.#incoming.hasInitialRoutes;
  }

  /** Established with a peer that sends End-of-RIB and does not wait for ours first (RFC 4724 §4.1). */
  get owesEndOfRib(): boolean {
    const restart = this.#negotiated?.gracefulRestart;
    return restart !== undefined && !restart.restarted && !this.hasInitialRoutes;
  }

  /** Whether the peer keeps our routes when the connection just ends. */
  get keepsRoutes(): boolean {
    return this.#negotiated?.gracefulRestart !== undefined;
  }

  get status(): SessionStatus {
    const negotiated = this.#negotiated;
    return {
      state: this.#furthestState(),
      sinceMs: this.#sinceMs,
      upCount: this.#upCount,
      heldOffUntilMs: this.#incoming.heldOffUntilMs,
      lastError: this.#record.lastError,
      lastNotification: this.#record.lastNotification,
      negotiated: negotiated && {
        ...negotiated,
        keepaliveMs: keepaliveMs(negotiated, this.settings.attributes),
      },
      initialRoutesIn: [...this.#incoming.initialRoutesIn],
      stale: this.#stale.status,
      ...this.#record.counts,
    };
  }

  get #main(): Connection {
    return this.#connections[0]!;
  }

  /** With two connections the peer is as far as the further one. */
  #furthestState(): State {
    const order: State[] = ['Established', 'OpenConfirm', 'OpenSent', 'Connect', 'Active', 'Idle'];
    const states = this.#connections.map(({ fsm }) => fsm.state);
    return order.find((state) => states.includes(state))!;
  }

  // Collision

  #second(stream: Stream): void {
    // It begins where a machine waits for the peer to connect.
    const { connectRetryCounter } = this.#main.fsm;
    const second = new Connection(this, this.#around, {
      ...IDLE,
      state: 'Active',
      connectRetryCounter,
    });
    this.#connections.push(second);
    second.adopt(stream);
  }

  /**
   * Without a NOTIFICATION: one would send the peer to Idle, where it in turn refuses us, while after
   * a mere failure it listens on. (RFC 4271 §8.2.2, events 25 and 18 in OpenSent.)
   */
  #refuse(stream: Stream, why: string): void {
    this.#log.debug({ why }, 'refused a connection from the peer');
    stream.destroy();
  }

  /**
   * RFC 4724 §5: a peer that connects while its session is Established here has lost that, in an end
   * of which we heard nothing. One that is new may just have met the peer's own attempt.
   */
  #isReplaceable(): boolean {
    const ageMs = this.#around.clock.monotonic() - this.#establishedAtMs;
    return this.keepsRoutes && ageMs >= REPLACEABLE_AFTER_MS;
  }

  survivesCollision(opened: Connection, { remoteAs, remoteRouterId }: Negotiated): boolean {
    const other = this.#connections.find((connection) => connection !== opened);
    if (other === undefined) return true;
    // RFC 4724 §5 drops the old session with the new connection. It goes with the new session
    // (`sessionUp`): then it was the peer, and it wanted one.
    const replaces = other.fsm.state === 'Established' && opened.contender.initiator === 'them';
    if (replaces && this.#isReplaceable()) return true;
    const { localAs, routerId } = this.settings.terms;
    const speakers = { localRouterId: routerId, localAs, remoteRouterId, remoteAs };
    const loser = resolve(opened.contender, other.contender, speakers);
    this.#log.debug({ loser }, 'two connections with the peer: one is closed');
    (loser === 'opened' ? opened : other).dispatch({ name: 'OpenCollisionDump' });
    return loser === 'other';
  }

  settled(connection: Connection, before: Fsm): void {
    const { state, delaysOpen } = connection.fsm;
    if (state !== before.state) this.#log.debug({ from: before.state, to: state }, 'session state');
    const isWithoutStream = state === 'Idle' || (state === 'Active' && !delaysOpen);
    if (this.#connections.length > 1 && isWithoutStream) {
      // §8.2.1.2: the machine of the connection that is closed is disposed of.
      connection.dispose();
      this.#connections = this.#connections.filter((one) => one !== connection);
    }
    this.#tellWaiting();
  }

  #tellWaiting(): void {
    const { state, delaysOpen } = this.#main.fsm;
    const isAlone = this.#connections.length === 1 && state === 'Active' && !delaysOpen;
    if (isAlone && this.#stale.status === undefined) this.#events.waiting();
  }

  // What a connection tells

  sessionUp(connection: Connection, negotiated: Negotiated): void {
    const localAddress = connection.stream!.localAddress!;
    const remoteAddress = connection.stream!.remoteAddress!;
    for (const other of [...this.#connections]) {
      if (other === connection) continue;
      const isReplaced = other.fsm.state === 'Established';
      other.dispatch({ name: isReplaced ? 'TcpConnectionFails' : 'OpenCollisionDump' });
    }
    this.#establishedAtMs = this.#around.clock.monotonic();
    this.#negotiated = {
      ...negotiated,
      localAddress: formatZonedAddress(localAddress),
      remoteAddress: formatZonedAddress(remoteAddress),
    };
    this.#sinceMs = this.#around.clock.now();
    this.#upCount++;
    this.#incoming.sessionBegins(negotiated);
    this.#log.info({ families: negotiated.families }, 'session established');
    const knowsLongLivedStale = negotiated.capabilities.some(
      ({ kind }) => kind === 'long-lived-graceful-restart',
    );
    const ends = { localAddress, remoteAddress };
    this.#routing.peerUp(this.id, { ...negotiated, ...ends, knowsLongLivedStale });
    this.#stale.sessionCameBack(negotiated.gracefulRestart);
    this.#record.sessionBegins();
    this.#events.sessionUp(monitored(connection, negotiated));
    this.#events.sessionChanged();
  }

  sessionDown(graceful: boolean): void {
    const restart = graceful ? this.#negotiated?.gracefulRestart : undefined;
    const kept = restart?.families ?? [];
    this.#negotiated = undefined;
    this.#sinceMs = this.#around.clock.now();
    this.#log.info({ lastError: this.#record.lastError, kept }, 'session ended');
    this.#incoming.sessionEnds();
    this.#routing.peerDown(this.id, kept);
    if (restart) this.#stale.sessionEnded(restart);
    else this.#stale.stop();
    this.#events.sessionDown(this.#record.end);
    this.#events.sessionChanged();
  }

  update(bytes: Uint8Array, start: number, end: number): WireError | undefined {
    return this.#incoming.update(bytes, start, end);
  }

  routeRefresh(message: RouteRefresh): void {
    this.#incoming.routeRefresh(message);
  }

  keptAlive(): void {
    this.#incoming.keptAlive();
  }

  pull(maxBytes: number): Uint8Array[] {
    return this.#routing.pull(this.id, maxBytes);
  }

  received(type: number): void {
    this.#record.received(type);
  }

  sent(type: number): void {
    this.#record.sent(type);
  }

  notificationReceived(notification: Notification): void {
    this.#record.notificationReceived(notification);
  }

  notificationSent(error: WireError): void {
    this.#record.notificationSent(error);
  }

  transportFailed(why: string): void {
    this.#record.transportFailed(why);
  }

  closing(): () => void {
    return this.#events.closing();
  }
}
