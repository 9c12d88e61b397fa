/** The session with one cache: hands the protocol what socket and clock bring, and does what it says. */

import type { Log, Timer } from '../../ports.ts';
import type { Task } from '../schedule.ts';
import { Dialer } from '../transport/dialer.ts';
import type { Surroundings } from '../transport/surroundings.ts';
import type { Endpoint, Stream } from '../transport/transport.ts';
import {
  type Action,
  type Client,
  DISCONNECTED,
  type Event,
  type Phase,
  type TimerName,
  transition,
} from './client.ts';
import type { CoveringPrefixes } from './covering.ts';
import { PduReader } from './pdu-reader.ts';
import type { VrpTable } from './vrps.ts';

export interface CacheStatus {
  readonly address: string;
  readonly port: number;
  readonly phase: Phase;
  readonly version: number;
  /** Undefined: we hold nothing of it. */
  readonly sessionId: number | undefined;
  readonly serial: number | undefined;
  /** Validated ROA payloads that count. */
  readonly vrps: number;
  /** When the last answer was complete, milliseconds since the epoch. */
  readonly syncedAtMs: number | undefined;
  /** Why the last connection ended. The cache's words may be in it: escape before printing. */
  readonly lastError: string | undefined;
}

export interface CacheOptions extends Surroundings {
  readonly log: Log;
  readonly table: VrpTable;
  /** Routes to prefixes below these may be judged otherwise now. */
  readonly changed: (prefixes: CoveringPrefixes) => void;
}

/** Unread input above which the cache is told to wait, by TCP, and below which it may go on. */
const PAUSE_ABOVE_BYTES = 131_072;
const RESUME_BELOW_BYTES = 65_536;

export class Cache implements Task {
  readonly #at: Endpoint;
  /** In the table. */
  readonly #index: number;
  readonly #options: CacheOptions;
  readonly #dialer: Dialer;
  #client: Client = DISCONNECTED;
  readonly #events: Event[] = [];
  #isDispatching = false;
  #stream: Stream | undefined;
  #reader = new PduReader();
  #isPaused = false;
  readonly #timers = new Map<TimerName, Timer>();
  #syncedAtMs: number | undefined;
  #lastError: string | undefined;

  constructor(at: Endpoint, index: number, options: CacheOptions) {
    this.#at = at;
    this.#index = index;
    this.#options = options;
    this.#dialer = new Dialer(at, options, {
      connected: (stream) => this.#connected(stream),
      data: (chunk) => this.#data(chunk),
      writable: () => {},
      disconnected: (why) => this.#disconnected(why),
    });
  }

  get status(): CacheStatus {
    const { phase, version, session } = this.#client;
    return {
      ...this.#at,
      phase,
      version,
      sessionId: session?.id,
      serial: session?.serial,
      vrps: this.#options.table.count(this.#index),
      syncedAtMs: this.#syncedAtMs,
      lastError: this.#lastError,
    };
  }

  /** What the cache said counts no more. `done` is called when the connection is closed. */
  close(done: () => void): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#options.schedule.remove(this);
    this.#stream = undefined;
    this.#changed(this.#options.table.flush(this.#index));
    this.#dialer.close(done);
  }

  /** Reads PDUs until the deadline: the inbound task. */
  run(deadlineMs: number): boolean {
    const { clock } = this.#options;
    const stream = this.#stream;
    do {
      if (!this.#readOne()) return false;
      // A PDU may end the session.
      if (stream === undefined || this.#stream !== stream) return false;
      if (this.#isPaused && this.#reader.unread < RESUME_BELOW_BYTES) {
        this.#isPaused = false;
        stream.resume();
      }
    } while (clock.monotonic() < deadlineMs);
    return true;
  }

  #connected(stream: Stream): void {
    this.#stream = stream;
    this.#reader = new PduReader();
    this.#isPaused = false;
    this.#dispatch({ name: 'connected' });
  }

  #disconnected(why: string): void {
    this.#stream = undefined;
    this.#options.schedule.remove(this);
    if (why !== this.#lastError) {
      this.#options.log.warn(
        { ...this.#at, why },
        'no session with the RPKI cache; will try again',
      );
    }
    this.#lastError = why;
    this.#dispatch({ name: 'disconnected' });
  }

  #data(chunk: Uint8Array): void {
    this.#reader.push(chunk);
    if (!this.#isPaused && this.#reader.unread > PAUSE_ABOVE_BYTES) {
      this.#isPaused = true;
      this.#stream!.pause();
    }
    this.#options.schedule.add('inbound', this);
  }

  /** False: there is no whole PDU. */
  #readOne(): boolean {
    const found = this.#reader.next();
    if (found === undefined) return false;
    const { bytes } = this.#reader;
    if ('type' in found) this.#dispatch({ name: 'pdu', version: bytes[0]!, pdu: found });
    else this.#dispatch({ name: 'wrong', error: found, bytes });
    return true;
  }

  #dispatch(event: Event): void {
    this.#events.push(event);
    // An action may bring about the next event; it waits until this one is done with.
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    for (let next = this.#events.shift(); next; next = this.#events.shift()) {
      const { client, actions } = transition(this.#client, next);
      this.#client = client;
      for (const action of actions) this.#do(action);
    }
    this.#isDispatching = false;
  }

  #do(action: Action): void {
    const { table } = this.#options;
    switch (action.do) {
      case 'send':
        this.#stream?.write([action.pdu]);
        return;
      case 'drop':
        this.#dialer.drop(action.why);
        return;
      case 'startTimer':
        this.#startTimer(action.timer, action.afterMs);
        return;
      case 'stopTimer':
        this.#timers.get(action.timer)?.cancel();
        return;
      case 'begin':
        table.begin(this.#index, action.isEverything);
        return;
      case 'apply': {
        const error = table.apply(this.#index, action.vrp);
        if (error) this.#dispatch({ name: 'wrong', error, bytes: this.#reader.bytes });
        return;
      }
      case 'commit':
        this.#synchronised();
        return;
      case 'flush':
        this.#changed(table.flush(this.#index));
        return;
    }
  }

  #synchronised(): void {
    const { clock, log, table } = this.#options;
    this.#changed(table.commit(this.#index));
    const isFirst = this.#syncedAtMs === undefined;
    this.#syncedAtMs = clock.now();
    this.#lastError = undefined;
    this.#dialer.succeeded();
    const fields = { ...this.#at, vrps: table.count(this.#index) };
    if (isFirst) log.info(fields, 'the RPKI cache has told all that it has');
    else log.debug(fields, 'the RPKI cache has told what has changed');
  }

  #changed(prefixes: CoveringPrefixes): void {
    if (prefixes.size > 0) this.#options.changed(prefixes);
  }

  #startTimer(timer: TimerName, afterMs: number): void {
    this.#timers.get(timer)?.cancel();
    const ring = () => this.#dispatch({ name: 'rings', timer });
    this.#timers.set(timer, this.#options.clock.after(afterMs, ring));
  }
}
