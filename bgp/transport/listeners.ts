/** The sockets that all peers connect to: opened, tried again, and closed as the configuration says. */

import { Retry } from '../../backoff.ts';
import type { Clock, Log, Random } from '../../ports.ts';
import type { Endpoint, Listener, PeerKeys, Stream, Transport } from './transport.ts';

export interface ListenerStatus {
  readonly address: string;
  /** The bound port, or the wanted one while there is none. */
  readonly port: number;
  readonly isListening: boolean;
  /** Why not, if it was tried in vain. */
  readonly error: string | undefined;
}

export interface ListenersOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** As ListenerEvents.incoming, for all of them. */
  readonly incoming: (stream: Stream) => void;
}

const BACKOFF = { firstMs: 1_000, longestMs: 30_000 };

export class Listeners {
  readonly #options: ListenersOptions;
  readonly #sockets = new Map<string, ListenSocket>();
  #keys: readonly PeerKeys[] = [];

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Who must sign what it sends (RFC 2385, RFC 5925), on all of them, also those that are opened later. */
  setKeys(keys: readonly PeerKeys[]): void {
    this.#keys = keys;
    for (const socket of this.#sockets.values()) socket.setKeys(keys);
  }

  /** Opens what is new and closes what is gone; the others, and all connections, stay. */
  set(endpoints: readonly Endpoint[]): void {
    const wanted = new Map(endpoints.map((at) => [`${at.address} ${at.port}`, at]));
    for (const [key, socket] of this.#sockets) {
      if (wanted.has(key)) continue;
      socket.close();
      this.#sockets.delete(key);
    }
    for (const [key, at] of wanted) {
      if (this.#sockets.has(key)) continue;
      const socket = new ListenSocket(at, this.#options);
      socket.setKeys(this.#keys);
      this.#sockets.set(key, socket);
    }
  }

  get status(): ListenerStatus[] {
    return [...this.#sockets.values()].map(({ status }) => status);
  }
}

class ListenSocket {
  readonly #at: Endpoint;
  readonly #options: ListenersOptions;
  readonly #retry: Retry;
  #listener: Listener;
  #keys: readonly PeerKeys[] = [];
  #port: number;
  #isListening = false;
  #error: string | undefined;

  constructor(at: Endpoint, options: ListenersOptions) {
    this.#at = at;
    this.#options = options;
    this.#port = at.port;
    this.#retry = new Retry(options, BACKOFF, () => {
      this.#listener = this.#open();
      this.setKeys(this.#keys);
    });
    this.#listener = this.#open();
  }

  get status(): ListenerStatus {
    const { address } = this.#at;
    return { address, port: this.#port, isListening: this.#isListening, error: this.#error };
  }

  setKeys(keys: readonly PeerKeys[]): void {
    this.#keys = keys;
    try {
      this.#listener.setKeys(keys);
    } catch (error) {
      // Whoever connects without the key is let in, and heard only once its own socket has it.
      const { message: why } = error as Error;
      this.#options.log.error(
        { ...this.#at, why },
        'cannot have all keys of peers while listening',
      );
    }
  }

  close(): void {
    this.#retry.close();
    this.#listener.close();
  }

  #open(): Listener {
    return this.#options.transport.listen(this.#at, {
      listening: (port) => {
        this.#port = port;
        this.#isListening = true;
        this.#error = undefined;
        this.#retry.succeeded();
      },
      incoming: this.#options.incoming,
      failed: (why) => this.#failed(why),
    });
  }

  /** The address may be given to an interface later, or its present user may go away: try again. */
  #failed(why: string): void {
    const { log } = this.#options;
    this.#isListening = false;
    if (why !== this.#error) {
      log.warn({ ...this.#at, why }, 'cannot listen for BGP peers; will try again');
    }
    this.#error = why;
    this.#retry.failed();
  }
}
