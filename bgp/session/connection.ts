/**
 * One connection with a peer: hands the state machine what the socket and the clock bring, and does
 * what the machine says. What it means for the peer as a whole is its owner's.
 */

import {
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  encodeOpen,
  HEADER_LENGTH,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MAX_MESSAGE_LENGTH,
  MESSAGE_KEEPALIVE,
  MESSAGE_NOTIFICATION,
  MESSAGE_OPEN,
  MESSAGE_ROUTE_REFRESH,
  MESSAGE_UPDATE,
  NO_DATA,
  type Notification,
  type RouteRefresh,
  type WireError,
} from 'bgp-parser-ts';
import type { Contender } from '../fsm/collision.ts';
import { type Event, notificationEvent } from '../fsm/event.ts';
import type { RestartState } from '../fsm/graceful-restart.ts';
import { transition } from '../fsm/machine.ts';
import type { Negotiated } from '../fsm/negotiated.ts';
import { openEvent, openFor } from '../fsm/open.ts';
import {
  type Action,
  type Context,
  type Fsm,
  IDLE,
  sendHoldMs,
  type TimerName,
  type Transition,
} from '../fsm/transition.ts';
import type { Task } from '../schedule.ts';
import type { Surroundings } from '../transport/surroundings.ts';
import { type Endpoint, type Guards, isSigned, type Stream } from '../transport/transport.ts';
import { Framer } from './framer.ts';
import { Outbound, type OutboundOwner } from './outbound.ts';
import type { SessionSettings } from './settings.ts';
import { Timers } from './timers.ts';

/** What the connections of all peers share. */
export interface PeerSurroundings extends Surroundings {
  /** As it is when an OPEN is sent. */
  readonly restart: RestartState;
}

/** The peer that a connection belongs to. */
export interface ConnectionOwner extends OutboundOwner {
  readonly settings: SessionSettings;
  readonly guards: Guards;
  /** Known whenever a connection is wanted. */
  readonly remote: Endpoint | undefined;
  /** A valid OPEN came. False: this connection lost against another, and is closed by now. */
  survivesCollision(connection: Connection, negotiated: Negotiated): boolean;
  /** Events have been dealt with; `before` is the machine as it was. May dispose of the connection. */
  settled(connection: Connection, before: Fsm): void;
  sessionUp(connection: Connection, negotiated: Negotiated): void;
  /** @param graceful see the action `sessionDown` */
  sessionDown(graceful: boolean): void;
  /** One UPDATE, `bytes[start, end)`, valid during the call; what it returns ends the session. */
  update(bytes: Uint8Array, start: number, end: number): WireError | undefined;
  routeRefresh(message: RouteRefresh): void;
  /** A KEEPALIVE has come while Established. */
  keptAlive(): void;
  received(type: number): void;
  notificationReceived(notification: Notification): void;
  transportFailed(why: string): void;
  /** The stream is closing; to be called when it is closed. */
  closing(): () => void;
}

/** Unread input above which the peer is told to wait, by TCP, and below which it may go on. */
const PAUSE_ABOVE_BYTES = 131_072;
const RESUME_BELOW_BYTES = 65_536;

const UPDATE_MSG: Event = { name: 'UpdateMsg' };
const KEEP_ALIVE_MSG: Event = { name: 'KeepAliveMsg' };

export class Connection implements Task {
  readonly #owner: ConnectionOwner;
  readonly #around: PeerSurroundings;
  readonly #timers: Timers;

  #fsm: Fsm = IDLE;
  /** What an UPDATE means to the machine as it is: the same for each of the thousands that come in a row. */
  #onUpdate: { readonly fsm: Fsm; readonly transition: Transition } | undefined;
  readonly #events: Event[] = [];
  #isDispatching = false;

  #stream: Stream | undefined;
  #outbound: Outbound | undefined;
  #initiator: 'us' | 'them' = 'us';
  #framer = new Framer();
  #isPaused = false;
  /** The peer closed; what it sent before is read first. */
  #closedWhy: string | undefined;
  #refresh: RouteRefresh | undefined;
  /** The OPENs of the connection, whole messages. */
  openSent: Uint8Array = NO_DATA;
  openReceived: Uint8Array = NO_DATA;

  /** @param fsm Where the machine starts: a second connection inherits the counter of the first. */
  constructor(owner: ConnectionOwner, around: PeerSurroundings, fsm: Fsm) {
    this.#owner = owner;
    this.#around = around;
    this.#fsm = fsm;
    this.#timers = new Timers({
      ...around,
      expired: (timer) => this.#expired(timer),
      hasUnread: () => this.#framer.unread > 0,
    });
  }

  get fsm(): Fsm {
    return this.#fsm;
  }

  get contender(): Contender {
    return { state: this.#fsm.state, initiator: this.#stream ? this.#initiator : 'nobody' };
  }

  get stream(): Stream | undefined {
    return this.#stream;
  }

  /** Takes a connection that the peer initiated. */
  adopt(stream: Stream): void {
    this.#initiator = 'them';
    this.#use(stream);
    this.guard();
    this.dispatch({ name: 'TcpConnectionConfirmed' });
  }

  /** Its stream takes only what the owner's guards let through, from now on. */
  guard(): void {
    this.#stream?.guard(this.#owner.guards);
  }

  /** The RIB has something for the peer. */
  readable(): void {
    if (this.#fsm.state === 'Established') this.#around.schedule.add('outbound', this.#outbound!);
  }

  /** Forgets everything, without a word to the peer. */
  dispose(): void {
    this.#timers.stopAll();
    this.#drop();
  }

  dispatch(event: Event): void {
    // An action may bring about the next event; it waits until this one is done with.
    if (this.#isDispatching) {
      this.#events.push(event);
      return;
    }
    this.#isDispatching = true;
    const before = this.#fsm;
    for (let next: Event | undefined = event; next; next = this.#events.shift()) {
      const { fsm, actions } = this.#transition(next);
      this.#fsm = fsm;
      for (const action of actions) this.#do(action);
    }
    this.#isDispatching = false;
    if (this.#fsm !== before) this.#owner.settled(this, before);
  }

  /** The attributes may change under a session. */
  get #context(): Context {
    return { attributes: this.#owner.settings.attributes, random: this.#around.random };
  }

  #transition(event: Event): Transition {
    const fsm = this.#fsm;
    if (event !== UPDATE_MSG) return transition(fsm, event, this.#context);
    if (this.#onUpdate?.fsm !== fsm) {
      this.#onUpdate = { fsm, transition: transition(fsm, event, this.#context) };
    }
    return this.#onUpdate.transition;
  }

  #do(action: Action): void {
    switch (action.do) {
      case 'connect':
        this.#connect();
        return;
      case 'drop':
        this.#drop();
        return;
      case 'sendOpen':
        this.openSent = encodeOpen(openFor(this.#owner.settings.terms, this.#around.restart));
        this.#outbound?.send(this.openSent, MESSAGE_OPEN);
        return;
      case 'sendKeepalive':
        this.#outbound?.keepalive();
        return;
      case 'sendNotification':
        this.#outbound?.notify(action.error);
        return;
      case 'startTimer':
        this.#timers.start(action.timer, action.afterMs);
        return;
      case 'stopTimer':
        this.#timers.stop(action.timer);
        return;
      case 'stopTimers':
        this.#timers.stopAll();
        return;
      case 'sessionUp':
        this.#owner.sessionUp(this, action.negotiated);
        this.readable();
        return;
      case 'sessionDown':
        this.#owner.sessionDown(action.graceful);
        return;
      case 'processUpdate':
        this.#processUpdate();
        return;
      case 'processRouteRefresh':
        this.#owner.routeRefresh(this.#refresh!);
        return;
    }
  }

  #expired(timer: TimerName): void {
    const { settings, guards } = this.#owner;
    if (timer === 'ConnectRetry' && this.#stream !== undefined) {
      // A wrong password looks like nobody: TCP does not answer what is not signed as it should be.
      const doubt = isSigned(guards) ? ': is the password the same on both sides?' : '';
      this.#owner.transportFailed(`no answer from port ${settings.remote.port}${doubt}`);
    }
    this.dispatch({ name: `${timer}Timer_Expires` });
  }

  // The stream

  #connect(): void {
    const { settings, guards, remote } = this.#owner;
    this.#initiator = 'us';
    this.#use(this.#around.transport.connect(remote!, settings.sourceAddress, guards));
  }

  #use(stream: Stream): void {
    this.#stream = stream;
    this.#framer = new Framer();
    this.#isPaused = false;
    this.#closedWhy = undefined;
    this.#outbound = new Outbound(stream, this.#owner, (isWritable) => this.#flows(isWritable));
    stream.attach({
      connected: () => this.dispatch({ name: 'Tcp_CR_Acked' }),
      data: (octets) => this.#data(octets),
      writable: () => {
        this.#outbound!.writable();
        this.readable();
      },
      closed: (why) => this.#closed(why),
    });
  }

  #flows(isWritable: boolean): void {
    const { state, negotiated } = this.#fsm;
    if (isWritable) this.#timers.stop('SendHold');
    if (isWritable || state !== 'Established') return;
    const afterMs = sendHoldMs(negotiated!);
    if (afterMs > 0) this.#timers.start('SendHold', afterMs);
  }

  #drop(): void {
    const stream = this.#stream;
    const outbound = this.#outbound;
    if (stream === undefined || outbound === undefined) return;
    this.#stream = undefined;
    this.#outbound = undefined;
    this.#around.schedule.remove(this);
    this.#around.schedule.remove(outbound);
    // After a NOTIFICATION the stream ends in order, so that it arrives.
    if (outbound.saidWhy) stream.end(this.#owner.closing());
    else stream.destroy();
  }

  #closed(why: string): void {
    this.#closedWhy = why;
    if (this.#framer.unread === 0) this.#fail(why);
  }

  #fail(why: string): void {
    this.#owner.transportFailed(why);
    this.dispatch({ name: 'TcpConnectionFails' });
  }

  // Inbound

  #data(octets: Uint8Array): void {
    this.#framer.push(octets);
    if (!this.#isPaused && this.#framer.unread > PAUSE_ABOVE_BYTES) {
      this.#isPaused = true;
      this.#stream!.pause();
    }
    this.#around.schedule.add('inbound', this);
  }

  /** Reads messages until the deadline: the inbound task. */
  run(deadlineMs: number): boolean {
    const { clock } = this.#around;
    const stream = this.#stream;
    // A message may end the session, and then the stream is gone, or is another one.
    while (this.#stream === stream && this.#readOne() && clock.monotonic() < deadlineMs);
    if (this.#stream !== stream || stream === undefined) return false;
    const { unread } = this.#framer;
    if (this.#isPaused && unread < RESUME_BELOW_BYTES) {
      // The messages just read restarted the HoldTimer: the peer did not age in between.
      this.#isPaused = false;
      stream.resume();
    }
    if (unread > 0) return true;
    if (this.#closedWhy !== undefined) this.#fail(this.#closedWhy);
    return false;
  }

  /** False: there is no whole message. */
  #readOne(): boolean {
    const { extendedMessage } = this.#fsm.negotiated ?? { extendedMessage: false };
    const maxLength = extendedMessage ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH;
    const found = this.#framer.next(maxLength);
    if (found === false) return false;
    if (found === true) this.#message();
    else this.dispatch({ name: 'BGPHeaderErr', error: found });
    return true;
  }

  #message(): void {
    const { bytes, start, end } = this.#framer;
    const type = bytes[start + HEADER_LENGTH - 1]!;
    this.#owner.received(type);
    switch (type) {
      case MESSAGE_UPDATE:
        this.dispatch(UPDATE_MSG);
        return;
      case MESSAGE_KEEPALIVE:
        if (this.#fsm.state === 'Established') this.#owner.keptAlive();
        this.dispatch(KEEP_ALIVE_MSG);
        return;
      case MESSAGE_OPEN:
        this.openReceived = bytes.slice(start, end);
        this.#open(openEvent(this.#fsm, this.#owner.settings.terms, decodeOpen(bytes, start, end)));
        return;
      case MESSAGE_NOTIFICATION: {
        const notification = decodeNotification(bytes, start, end);
        this.#owner.notificationReceived(notification);
        this.dispatch(notificationEvent(notification));
        return;
      }
      case MESSAGE_ROUTE_REFRESH: {
        const decoded = decodeRouteRefresh(bytes, start, end);
        if ('error' in decoded) {
          this.dispatch({ name: 'RouteRefreshMsgErr', error: decoded.error });
          return;
        }
        this.#refresh = decoded.message;
        this.dispatch({ name: 'RouteRefreshMsg' });
      }
    }
  }

  #open(event: Event): void {
    if ('negotiated' in event && !this.#owner.survivesCollision(this, event.negotiated)) return;
    this.dispatch(event);
  }

  #processUpdate(): void {
    const { bytes, start, end } = this.#framer;
    const error = this.#owner.update(bytes, start, end);
    if (error !== undefined) this.dispatch({ name: 'UpdateMsgErr', error });
  }
}
