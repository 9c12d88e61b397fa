/**
 * Keeps one outgoing TCP connection: makes it, gives up an attempt that takes too long, and tries
 * again, later and later. For servers that a speaker is a client of; peers have the state machine.
 */

import type { Clock, Random, Timer } from '../../ports.ts';
import type { Endpoint, Stream, Transport } from './transport.ts';

export interface DialerOptions {
  readonly transport: Transport;
  readonly clock: Pick<Clock, 'after'>;
  readonly random: Random;
}

/** What the owner hears of: `disconnected` also from within `drop`, the others never from within a call. */
export interface DialerEvents {
  connected(stream: Stream): void;
  /** Good during the call only. */
  data(octets: Uint8Array): void;
  writable(): void;
  /** The connection, or the attempt, has ended; another attempt follows. */
  disconnected(why: string): void;
}

const CONNECT_DEADLINE_MS = 10_000;
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;

export class Dialer {
  readonly #to: Endpoint;
  readonly #options: DialerOptions;
  readonly #events: DialerEvents;
  #stream: Stream | undefined;
  #timer: Timer | undefined;
  #failures = 0;

  constructor(to: Endpoint, options: DialerOptions, events: DialerEvents) {
    this.#to = to;
    this.#options = options;
    this.#events = events;
    this.#dial();
  }

  /** The connection was of use: after it ends, the next attempt comes soon. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** Ends the connection in order, so that what was written last arrives, and tries again later. */
  drop(why: string): void {
    const stream = this.#forget();
    stream?.end(() => {});
    this.#retry();
    this.#events.disconnected(why);
  }

  /** For good. `done` is called when the connection is closed. */
  close(done: () => void): void {
    const stream = this.#forget();
    if (stream === undefined) done();
    else stream.end(done);
  }

  #dial(): void {
    const { clock, transport } = this.#options;
    const stream = transport.connect(this.#to, undefined, {});
    this.#stream = stream;
    this.#timer = clock.after(CONNECT_DEADLINE_MS, () => {
      stream.destroy();
      this.#ended('the server does not answer');
    });
    stream.attach({
      connected: () => {
        this.#timer?.cancel();
        this.#events.connected(stream);
      },
      data: (octets) => this.#events.data(octets),
      writable: () => this.#events.writable(),
      closed: (why) => this.#ended(why),
    });
  }

  #ended(why: string): void {
    this.#forget();
    this.#retry();
    this.#events.disconnected(why);
  }

  #forget(): Stream | undefined {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#timer?.cancel();
    return stream;
  }

  #retry(): void {
    const { clock, random } = this.#options;
    const waitMs = Math.min(RETRY_MS * 2 ** this.#failures++, MAX_RETRY_MS);
    this.#timer = clock.after(waitMs * (0.75 + 0.25 * random()), () => this.#dial());
  }
}
