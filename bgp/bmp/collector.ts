/**
 * The session with one collector (RFC 7854 §3): whoever is up, then the routes that are there, then
 * what comes, UPDATEs octet by octet as the peers sent them.
 *
 *   peers up and down, UPDATEs ──▶ backlog ──▶ stream
 *   dump of Adj-RIB-In ───────────────┘ only while the backlog is empty
 *
 * A collector that takes less than comes in is dropped when its backlog reaches its limit, and begins
 * anew with the whole table. Serving it the latest state only, as slow peers are, would need a record
 * of every path that it was told of; a live feed that costs one copy an UPDATE, and a dump that goes
 * at the collector's own pace, need none.
 */

import type { Log, Timer } from '../../ports.ts';
import type { AdjRibInDump } from '../adj-rib-in-dump.ts';
import type { Task } from '../schedule.ts';
import { Dialer } from '../transport/dialer.ts';
import type { Surroundings } from '../transport/surroundings.ts';
import type { Endpoint, Stream } from '../transport/transport.ts';
import { Backlog } from './backlog.ts';

export interface CollectorStatus {
  readonly address: string;
  readonly port: number;
  /** `dumping`: the routes that were there are on their way. */
  readonly state: 'disconnected' | 'dumping' | 'live';
  readonly sinceMs: number;
  /** Octets that the collector has not taken yet. */
  readonly backlogBytes: number;
  /** Why the last connection ended. */
  readonly lastError: string | undefined;
}

/** What a collector is told from. */
export interface Feed {
  /** Initiation and a Peer Up for each session. */
  begin(to: Collector): void;
  dump(): AdjRibInDump | undefined;
  /** Some of the dump. False: it is complete, and that was told. */
  dumpSome(dump: AdjRibInDump, to: Collector): boolean;
}

export interface CollectorOptions extends Surroundings {
  readonly log: Log;
  readonly feed: Feed;
}

const MAX_BACKLOG_BYTES = 16 * 1024 * 1024;
/** A collector that takes nothing at all for so long is gone. */
const STALL_MS = 60_000;

export class Collector implements Task {
  readonly #at: Endpoint;
  readonly #options: CollectorOptions;
  readonly #dialer: Dialer;
  #stream: Stream | undefined;
  #isWritable = false;
  #stall: Timer | undefined;
  #backlog = new Backlog();
  #dump: AdjRibInDump | undefined;
  #sinceMs: number;
  #lastError: string | undefined;

  constructor(at: Endpoint, options: CollectorOptions) {
    this.#at = at;
    this.#options = options;
    this.#sinceMs = options.clock.now();
    this.#dialer = new Dialer(at, options, {
      connected: (stream) => this.#connected(stream),
      data: () => {},
      writable: () => this.#writable(),
      disconnected: (why) => this.#disconnected(why),
    });
  }

  get status(): CollectorStatus {
    const state = this.#stream === undefined ? 'disconnected' : this.#dump ? 'dumping' : 'live';
    return {
      ...this.#at,
      state,
      sinceMs: this.#sinceMs,
      backlogBytes: this.#backlog.size,
      lastError: this.#lastError,
    };
  }

  /** Queues a message, `head` and then `bytes[start, end)`; both may be written to afterwards. */
  send(head: Uint8Array, bytes: Uint8Array = head, start = 0, end = 0): void {
    if (this.#stream === undefined) return;
    this.#backlog.append(head, 0, head.length);
    this.#backlog.append(bytes, start, end);
    if (this.#backlog.size > MAX_BACKLOG_BYTES) {
      this.#dialer.drop('the collector takes less than comes in');
      return;
    }
    this.#options.schedule.add('outbound', this);
  }

  /** `done` is called when the connection is closed. */
  close(lastWords: Uint8Array, done: () => void): void {
    if (this.#stream !== undefined && this.#isWritable) {
      this.send(lastWords);
      for (let piece = this.#backlog.take(); piece; piece = this.#backlog.take()) {
        this.#stream.write([piece]);
      }
    }
    this.#forget();
    this.#dialer.close(done);
  }

  /** One write: the outbound task. */
  run(): boolean {
    if (this.#stream === undefined || !this.#isWritable) return false;
    if (this.#backlog.size === 0 && this.#dump && !this.#options.feed.dumpSome(this.#dump, this)) {
      this.#dump = undefined;
      this.#sinceMs = this.#options.clock.now();
      // Only now: who never takes a whole table is not asked every second whether it will.
      this.#dialer.succeeded();
    }
    const piece = this.#backlog.take();
    if (piece === undefined) return this.#dump !== undefined;
    this.#isWritable = this.#stream.write([piece]);
    if (!this.#isWritable) this.#startStall();
    return this.#isWritable && (this.#backlog.size > 0 || this.#dump !== undefined);
  }

  #connected(stream: Stream): void {
    const { clock, feed, log } = this.#options;
    this.#stream = stream;
    this.#isWritable = true;
    this.#sinceMs = clock.now();
    log.info({ ...this.#at }, 'BMP collector connected');
    feed.begin(this);
    this.#dump = feed.dump();
  }

  #disconnected(why: string): void {
    if (why !== this.#lastError) {
      this.#options.log.warn(
        { ...this.#at, why },
        'no session with the BMP collector; will try again',
      );
    }
    this.#lastError = why;
    if (this.#stream !== undefined) this.#sinceMs = this.#options.clock.now();
    this.#forget();
  }

  #forget(): void {
    this.#options.schedule.remove(this);
    this.#stall?.cancel();
    this.#stream = undefined;
    this.#isWritable = false;
    this.#dump = undefined;
    this.#backlog = new Backlog();
  }

  #writable(): void {
    this.#stall?.cancel();
    this.#isWritable = true;
    this.#options.schedule.add('outbound', this);
  }

  #startStall(): void {
    this.#stall?.cancel();
    this.#stall = this.#options.clock.after(STALL_MS, () => {
      this.#dialer.drop('the collector takes nothing any more');
    });
  }
}
