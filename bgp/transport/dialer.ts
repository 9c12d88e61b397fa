/**
 * Keeps one outgoing TCP connection: makes it, gives up an attempt that takes too long, and tries
 * again, later and later. For servers that a speaker is a client of; peers have the state machine.
 */

import { Retry } from '../../backoff.ts';
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
const BACKOFF = { firstMs: 1_000, longestMs: 60_000 };

export class Dialer {
  readonly #to: Endpoint;
  readonly #options: DialerOptions;
  readonly #events: DialerEvents;
  readonly #retry: Retry;
  #stream: Stream | undefined;
  #deadline: Timer | undefined;

  constructor(to: Endpoint, options: DialerOptions, events: DialerEvents) {
    this.#to = to;
    this.#options = options;
    this.#events = events;
    this.#retry = new Retry(options, BACKOFF, () => this.#dial());
    this.#dial();
  }

  /** The connection was of use: after it ends, the next attempt comes soon. */
  succeeded(): void {
    this.#retry.succeeded();
  }

  /** Ends the connection in order, so that what was written last arrives, and tries again later. */
  drop(why: string): void {
    const stream = this.#forget();
    stream?.end(() => {});
    this.#retry.failed();
    this.#events.disconnected(why);
  }

  /** For good. `done` is called when the connection is closed. */
  close(done: () => void): void {
    this.#retry.close();
    const stream = this.#forget();
    if (stream === undefined) done();
    else stream.end(done);
  }

  #dial(): void {
    const { clock, transport } = this.#options;
    const stream = transport.connect(this.#to, undefined, {});
    this.#stream = stream;
    this.#deadline = clock.after(CONNECT_DEADLINE_MS, () => {
      stream.destroy();
      this.#ended('the server does not answer');
    });
    stream.attach({
      connected: () => {
        this.#deadline?.cancel();
        this.#events.connected(stream);
      },
      data: (octets) => this.#events.data(octets),
      writable: () => this.#events.writable(),
      closed: (why) => this.#ended(why),
    });
  }

  #ended(why: string): void {
    this.#forget();
    this.#retry.failed();
    this.#events.disconnected(why);
  }

  #forget(): Stream | undefined {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#deadline?.cancel();
    return stream;
  }
}
