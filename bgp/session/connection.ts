/**
 * One connection with a peer: hands the state machine what the socket and the clock bring, and does
 * what the machine says. What it means for the peer as a whole is its owner's.
 */

import {
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  HEADER_LENGTH,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MAX_MESSAGE_LENGTH,
  MESSAGE_KEEPALIVE,
  MESSAGE_NOTIFICATION,
  MESSAGE_OPEN,
  MESSAGE_ROUTE_REFRESH,
  MESSAGE_UPDATE,
  type Notification,
  type RouteRefresh,
  type WireError,
} from 'bgp-parser-ts';
import type { Clock, Random, Timer } from '../../ports.ts';
import type { Contender } from '../fsm/collision.ts';
import { type Event, notificationEvent } from '../fsm/event.ts';
import { transition } from '../fsm/machine.ts';
import { type Negotiated, openEvent, openFor, type Terms } from '../fsm/open.ts';
import { type Action, type Attributes, type Fsm, IDLE, type TimerName } from '../fsm/transition.ts';
import type { Schedule, Task } from '../schedule.ts';
import { Framer } from './framer.ts';
import type { Endpoint, Stream, Transport } from './transport.ts';

/** What all connections share. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly schedule: Schedule;
  readonly transport: Transport;
}

/** How the session with one peer is to be. */
export interface SessionSettings {
  readonly remote: Endpoint;
  /** Where we connect from; undefined: the kernel chooses. */
  readonly sourceAddress: string | undefined;
  readonly terms: Terms;
  readonly attributes: Attributes;
}

/** The peer that a connection belongs to. */
export interface ConnectionOwner {
  readonly settings: SessionSettings;
  /** A valid OPEN came. False: this connection lost against another, and is closed by now. */
  survivesCollision(connection: Connection, negotiated: Negotiated): boolean;
  /** Events have been dealt with; `before` is the machine as it was. May dispose of the connection. */
  settled(connection: Connection, before: Fsm): void;
  sessionUp(connection: Connection, negotiated: Negotiated): void;
  sessionDown(): void;
  /** One UPDATE, `bytes[start, end)`, valid during the call; what it returns ends the session. */
  update(bytes: Uint8Array, start: number, end: number): WireError | undefined;
  routeRefresh(message: RouteRefresh): void;
  /** A KEEPALIVE has come while Established. */
  keptAlive(): void;
  /** UPDATEs to send now, about that many octets; empty: none. */
  pull(maxBytes: number): Uint8Array[];
  received(type: number): void;
  sent(type: number): void;
  notificationReceived(notification: Notification): void;
  notificationSent(error: WireError): void;
  transportFailed(why: string): void;
  /** The stream is closing; to be called when it is closed. */
  closing(): () => void;
}

/** Unread input above which the peer is told to wait, by TCP, and below which it may go on. */
const PAUSE_ABOVE_BYTES = 131_072;
const RESUME_BELOW_BYTES = 65_536;
/** What is asked of the RIB for one write. */
const PULL_BYTES = 65_536;
/** How long bytes that came at the last moment have to become a message. */
const HOLD_GRACE_MS = 1_000;

const KEEPALIVE = encodeKeepalive();
const UPDATE_MSG: Event = { name: 'UpdateMsg' };
const KEEP_ALIVE_MSG: Event = { name: 'KeepAliveMsg' };

export class Connection implements Task {
  readonly #owner: ConnectionOwner;
  readonly #around: Surroundings;
  readonly #outbound: Task = { run: () => this.#flush() };

  #fsm: Fsm = IDLE;
  readonly #events: Event[] = [];
  #isDispatching = false;

  #stream: Stream | undefined;
  #initiator: 'us' | 'them' = 'us';
  #framer = new Framer();
  #isPaused = false;
  /** The peer closed; what it sent before is read first. */
  #closedWhy: string | undefined;
  #isWritable = true;
  #owesKeepalive = false;
  #saidWhy = false;
  #refresh: RouteRefresh | undefined;

  readonly #timers = new Map<TimerName, Timer>();
  #holdDeadlineMs = 0;

  /** @param fsm Where the machine starts: a second connection inherits the counter of the first. */
  constructor(owner: ConnectionOwner, around: Surroundings, fsm: Fsm) {
    this.#owner = owner;
    this.#around = around;
    this.#fsm = fsm;
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
    this.dispatch({ name: 'TcpConnectionConfirmed' });
  }

  /** The RIB has something for the peer. */
  readable(): void {
    this.#around.schedule.add('outbound', this.#outbound);
  }

  /** Forgets everything, without a word to the peer. */
  dispose(): void {
    this.#stopTimers();
    this.#drop();
  }

  dispatch(event: Event): void {
    this.#events.push(event);
    // An action may bring about the next event; it waits until this one is done with.
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    const before = this.#fsm;
    const context = { attributes: this.#owner.settings.attributes, random: this.#around.random };
    for (let next = this.#events.shift(); next; next = this.#events.shift()) {
      const { fsm, actions } = transition(this.#fsm, next, context);
      this.#fsm = fsm;
      for (const action of actions) this.#do(action);
    }
    this.#isDispatching = false;
    if (this.#fsm !== before) this.#owner.settled(this, before);
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
        this.#send(encodeOpen(openFor(this.#owner.settings.terms)), MESSAGE_OPEN);
        return;
      case 'sendKeepalive':
        this.#keepalive();
        return;
      case 'sendNotification':
        this.#notify(action.error);
        return;
      case 'startTimer':
        this.#startTimer(action.timer, action.afterMs);
        return;
      case 'stopTimer':
        this.#stopTimer(action.timer);
        return;
      case 'stopTimers':
        this.#stopTimers();
        return;
      case 'sessionUp':
        this.#owner.sessionUp(this, action.negotiated);
        this.readable();
        return;
      case 'sessionDown':
        this.#owner.sessionDown();
        return;
      case 'processUpdate':
        this.#processUpdate();
        return;
      case 'processRouteRefresh':
        this.#owner.routeRefresh(this.#refresh!);
        return;
    }
  }

  // The stream

  #connect(): void {
    const { remote, sourceAddress } = this.#owner.settings;
    this.#initiator = 'us';
    this.#use(this.#around.transport.connect(remote, sourceAddress));
  }

  #use(stream: Stream): void {
    this.#stream = stream;
    this.#framer = new Framer();
    this.#isPaused = false;
    this.#closedWhy = undefined;
    this.#isWritable = true;
    this.#owesKeepalive = false;
    this.#saidWhy = false;
    stream.attach({
      connected: () => this.dispatch({ name: 'Tcp_CR_Acked' }),
      data: (chunk) => this.#data(chunk),
      writable: () => this.#writable(),
      closed: (why) => this.#closed(why),
    });
  }

  #drop(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#around.schedule.remove(this);
    this.#around.schedule.remove(this.#outbound);
    if (stream === undefined) return;
    // After a NOTIFICATION the stream ends in order, so that it arrives.
    if (this.#saidWhy) stream.end(this.#owner.closing());
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

  #data(chunk: Uint8Array): void {
    this.#framer.push(chunk);
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

  // Outbound

  #send(message: Uint8Array, type: number): void {
    if (this.#stream === undefined) return;
    this.#owner.sent(type);
    this.#isWritable = this.#stream.write([message]);
  }

  #keepalive(): void {
    // What waits in the socket says that we live as well as a KEEPALIVE behind it would, and a peer
    // that takes nothing must not make us queue without a bound. One goes out when it takes again.
    if (this.#isWritable) this.#send(KEEPALIVE, MESSAGE_KEEPALIVE);
    else this.#owesKeepalive = true;
  }

  #notify(error: WireError): void {
    this.#owner.notificationSent(error);
    this.#saidWhy = true;
    this.#send(encodeNotification(error.code, error.subcode, error.data), MESSAGE_NOTIFICATION);
  }

  #writable(): void {
    this.#isWritable = true;
    if (this.#owesKeepalive) {
      this.#owesKeepalive = false;
      this.#send(KEEPALIVE, MESSAGE_KEEPALIVE);
    }
    this.readable();
  }

  /** One write of UPDATEs: the outbound task. */
  #flush(): boolean {
    if (this.#fsm.state !== 'Established' || !this.#isWritable) return false;
    const pieces = this.#owner.pull(PULL_BYTES);
    if (pieces.length === 0) return false;
    for (const piece of pieces) this.#countMessages(piece);
    this.#isWritable = this.#stream!.write(pieces);
    return this.#isWritable;
  }

  #countMessages(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; at += (piece[at + 16]! << 8) | piece[at + 17]!) {
      this.#owner.sent(MESSAGE_UPDATE);
    }
  }

  // Timers

  #startTimer(timer: TimerName, afterMs: number): void {
    const { clock } = this.#around;
    if (timer === 'Hold') {
      // Restarted with every message: only the deadline moves, and the timer looks at it when due.
      this.#holdDeadlineMs = clock.monotonic() + afterMs;
      if (this.#timers.has('Hold')) return;
      this.#timers.set(
        'Hold',
        clock.after(afterMs, () => this.#holdRings()),
      );
      return;
    }
    this.#stopTimer(timer);
    const expires: Event = { name: `${timer}Timer_Expires` };
    this.#timers.set(
      timer,
      clock.after(afterMs, () => {
        this.#timers.delete(timer);
        this.dispatch(expires);
      }),
    );
  }

  #stopTimer(timer: TimerName): void {
    this.#timers.get(timer)?.cancel();
    this.#timers.delete(timer);
  }

  #stopTimers(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #holdRings(): void {
    const { clock, schedule } = this.#around;
    const leftMs = this.#holdDeadlineMs - clock.monotonic();
    if (leftMs > 0) {
      this.#timers.set(
        'Hold',
        clock.after(leftMs, () => this.#holdRings()),
      );
      return;
    }
    // After a stall of the loop timers fire before sockets are read: the peer's KEEPALIVE may be
    // waiting there. It gets one look at the sockets before it is judged.
    let isStopped = false;
    this.#timers.set('Hold', {
      cancel() {
        isStopped = true;
      },
    });
    schedule.afterPoll(() => {
      if (!isStopped) this.#holdIsDue();
    });
  }

  #holdIsDue(): void {
    this.#timers.delete('Hold');
    const { clock } = this.#around;
    if (this.#framer.unread > 0) {
      // There is input that we have not read, as always when the reads are paused: it counts.
      this.#startTimer('Hold', HOLD_GRACE_MS);
    } else if (this.#holdDeadlineMs > clock.monotonic()) {
      this.#startTimer('Hold', this.#holdDeadlineMs - clock.monotonic());
    } else {
      this.dispatch({ name: 'HoldTimer_Expires' });
    }
  }
}
