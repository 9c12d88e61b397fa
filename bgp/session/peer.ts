/** One configured peer: its connection, a second one while two collide, and what is known of its session. */

import {
  CEASE,
  ERROR,
  encodeMaximumPrefixes,
  NO_DATA,
  type Notification,
  REFRESH_BEGIN,
  REFRESH_END,
  REFRESH_REQUEST,
  type RouteRefresh,
  SAFI_UNICAST,
  type WireError,
} from 'bgp-parser-ts';
import { type Family, formatZonedAddress } from 'net-ipaddr';
import type { Log } from '../../ports.ts';
import { AFI } from '../afi.ts';
import type { MonitoredSession, SessionEnd } from '../bmp/message.ts';
import { admit, resolve } from '../fsm/collision.ts';
import { manualStart } from '../fsm/event.ts';
import type { Negotiated } from '../fsm/open.ts';
import { type Fsm, IDLE, type State } from '../fsm/transition.ts';
import type { Routing } from '../routing.ts';
import {
  Connection,
  type ConnectionOwner,
  type PeerSurroundings,
  type SessionSettings,
} from './connection.ts';
import { endOfRib } from './end-of-rib.ts';
import { PrefixLimit } from './prefix-limit.ts';
import { type MessageCounts, type SessionError, SessionRecord } from './record.ts';
import { StaleRoutes, type StaleStatus } from './stale-routes.ts';
import type { Endpoint, Guards, Stream } from './transport.ts';

/** A session as it is now. */
export interface SessionStatus {
  readonly state: State;
  /** Since when it is Established, or since when it is not; milliseconds since the epoch. */
  readonly sinceMs: number;
  /** How often it was Established since the peer was configured. */
  readonly upCount: number;
  /** There were too many prefixes: it stays Idle until then; milliseconds since the epoch. */
  readonly heldOffUntilMs: number | undefined;
  /** The latest of all: a peer that went away on purpose, and now does not answer, has two reasons. */
  readonly lastError: SessionError | undefined;
  /** The latest that a NOTIFICATION told. */
  readonly lastNotification: SessionError | undefined;
  /** Undefined unless Established. */
  readonly negotiated: (Negotiated & { localAddress: string; remoteAddress: string }) | undefined;
  /** Families whose initial routes are in: End-of-RIB, or a KEEPALIVE, came after them. */
  readonly initialRoutesIn: readonly Family[];
  /** RFC 4724: routes that are kept since the session ended; undefined: none. */
  readonly stale: StaleStatus | undefined;
  readonly received: Readonly<MessageCounts>;
  readonly sent: Readonly<MessageCounts>;
}

/** What of the RIB a session drives. */
export type PeerRoutes = Pick<
  Routing,
  | 'peerUp'
  | 'peerDown'
  | 'update'
  | 'received'
  | 'refresh'
  | 'refreshBegins'
  | 'forgetStale'
  | 'longLive'
  | 'pull'
>;

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
  readonly settings: SessionSettings;
  #guards: Guards = {};
  readonly #limit = new PrefixLimit();
  #heldOffUntilMs: number | undefined;
  #remote: Endpoint | undefined;
  /** The peer's id in `routing`. */
  readonly id: number;
  readonly #routing: PeerRoutes;
  readonly #around: PeerSurroundings;
  readonly #events: PeerEvents;
  readonly #log: Log;

  /** One; two while the peer's attempt and ours meet. */
  #connections: Connection[];
  #negotiated: SessionStatus['negotiated'];
  #sinceMs: number;
  /** As #sinceMs, of the monotonic clock. */
  #establishedAtMs = 0;
  #upCount = 0;
  #initialRoutesIn: Family[] = [];
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
    this.#connections = [new Connection(this, around, IDLE)];
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
    if (max === this.#limit.max) return;
    this.#limit.max = max;
    if (this.#heldOffUntilMs !== undefined) this.start();
    this.#heldOffUntilMs = undefined;
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
    const families = this.#negotiated?.families;
    return families?.every((family) => this.#initialRoutesIn.includes(family)) ?? false;
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
    return {
      state: this.#furthestState(),
      sinceMs: this.#sinceMs,
      upCount: this.#upCount,
      heldOffUntilMs: this.#heldOffUntilMs,
      lastError: this.#record.lastError,
      lastNotification: this.#record.lastNotification,
      negotiated: this.#negotiated,
      initialRoutesIn: [...this.#initialRoutesIn],
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
    this.#initialRoutesIn = [];
    this.#limit.begin();
    this.#heldOffUntilMs = undefined;
    this.#log.info({ families: negotiated.families }, 'session established');
    const knowsLongLivedStale = negotiated.capabilities.some(
      ({ kind }) => kind === 'long-lived-graceful-restart',
    );
    const ends = { localAddress, remoteAddress };
    this.#routing.peerUp(this.id, { ...negotiated, ...ends, knowsLongLivedStale });
    this.#stale.sessionCameBack(negotiated.gracefulRestart);
    this.#record.sessionBegins();
    this.#events.sessionUp(this.#monitored(connection, negotiated));
    this.#events.sessionChanged();
  }

  #monitored(connection: Connection, negotiated: Negotiated): MonitoredSession {
    const { openSent, openReceived, stream } = connection;
    return {
      remoteAddress: stream!.remoteAddress!,
      localAddress: stream!.localAddress!,
      remotePort: stream!.remotePort ?? 0,
      localPort: stream!.localPort ?? 0,
      remoteAs: negotiated.remoteAs,
      remoteRouterId: negotiated.remoteRouterId,
      openSent,
      openReceived,
    };
  }

  sessionDown(graceful: boolean): void {
    const restart = graceful ? this.#negotiated?.gracefulRestart : undefined;
    const kept = restart?.families ?? [];
    this.#negotiated = undefined;
    this.#sinceMs = this.#around.clock.now();
    this.#log.info({ lastError: this.#record.lastError, kept }, 'session ended');
    this.#routing.peerDown(this.id, kept);
    if (restart) this.#stale.sessionEnded(restart);
    else this.#stale.stop();
    this.#events.sessionDown(this.#record.end);
    this.#events.sessionChanged();
  }

  update(bytes: Uint8Array, start: number, end: number): WireError | undefined {
    const error = this.#process(bytes, start, end);
    if (error !== undefined) return error;
    if (this.#limit.max !== undefined) this.#checkPrefixes();
    const family = endOfRib(bytes, start, end);
    if (family !== undefined) this.#noteInitialRoutes([family]);
    return undefined;
  }

  #checkPrefixes(): void {
    const { clock } = this.#around;
    for (const family of this.#negotiated!.families) {
      const count = this.#routing.received(this.id, family);
      const verdict = this.#limit.judge(family, count, clock.monotonic());
      if (verdict === 'fine') continue;
      if (verdict === 'near') {
        const { max } = this.#limit;
        this.#log.warn({ family, count, max }, 'the peer nears the number of prefixes it may have');
        continue;
      }
      const { max, holdOffMs, text } = verdict;
      this.#heldOffUntilMs = clock.now() + holdOffMs;
      this.#main.dispatch({
        name: 'AutomaticStop',
        subcode: CEASE.MAXIMUM_PREFIXES,
        text,
        data: encodeMaximumPrefixes(AFI[family], SAFI_UNICAST, max),
        idleHoldMs: holdOffMs,
      });
      return;
    }
  }

  /** A fault of ours that one peer's message brings out must not take the other sessions down. */
  #process(bytes: Uint8Array, start: number, end: number): WireError | undefined {
    try {
      return this.#routing.update(this.id, bytes, start, end);
    } catch (err) {
      const message = Buffer.from(bytes.subarray(start, end)).toString('hex');
      this.#log.error({ err, message }, 'this UPDATE brought out a bug: please report it');
      const text = 'an internal error while the UPDATE was processed';
      return { code: ERROR.UPDATE, subcode: 0, data: NO_DATA, text };
    }
  }

  routeRefresh({ afi, safi, subtype }: RouteRefresh): void {
    const { capabilities, enhancedRouteRefresh, families } = this.#negotiated!;
    const family = safi === SAFI_UNICAST ? families.find((one) => AFI[one] === afi) : undefined;
    if (family === undefined) return;
    if (subtype === REFRESH_REQUEST) this.#routing.refresh(this.id, family);
    if (!enhancedRouteRefresh) return;
    if (subtype === REFRESH_END) this.#routing.forgetStale(this.id, family);
    if (subtype !== REFRESH_BEGIN) return;
    // RFC 7313 §4: with graceful restart End-of-RIB comes first, which tells what is stale of old.
    const owesEndOfRib = capabilities.some(({ kind }) => kind === 'graceful-restart');
    if (!owesEndOfRib || this.#initialRoutesIn.includes(family)) {
      this.#routing.refreshBegins(this.id, family);
    } else {
      this.#log.warn({ family }, 'ignored a beginning of route refresh before End-of-RIB');
    }
  }

  /**
   * Peers without the graceful restart capability need not send End-of-RIB. Most speakers send the
   * initial routes before their first KEEPALIVE of the established session, so that ends them too.
   */
  keptAlive(): void {
    const negotiated = this.#negotiated!;
    if (negotiated.capabilities.some(({ kind }) => kind === 'graceful-restart')) return;
    this.#noteInitialRoutes(negotiated.families);
  }

  #noteInitialRoutes(families: readonly Family[]): void {
    const hadAll = this.hasInitialRoutes;
    const added = families.filter((family) => !this.#initialRoutesIn.includes(family));
    this.#initialRoutesIn.push(...added);
    for (const family of added) this.#stale.endOfRib(family);
    if (!hadAll && this.hasInitialRoutes) this.#events.initialRoutesIn();
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
