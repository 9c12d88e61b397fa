/**
 * What a session needs of TCP. tcp.ts gives it on the real network; tests give it on a virtual one.
 *
 * No call below calls back synchronously. Addresses are IP literals, link-local ones with their zone
 * (fe80::1%eth0); ::ffff:a.b.c.d is told as a.b.c.d.
 */

import type { ZonedAddress } from 'net-ipaddr';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface Transport {
  /** Begins to connect. `connected` or `closed` follows once the stream has its events attached. */
  connect(to: Endpoint, sourceAddress: string | undefined): Stream;
  listen(at: Endpoint, events: ListenerEvents): Listener;
}

export interface Listener {
  /** Streams that came in through it live on. */
  close(): void;
}

export interface ListenerEvents {
  /** @param port The port bound, which tells when port 0 was asked for. */
  listening(port: number): void;
  /** To be given its events, or destroyed, before this returns. */
  incoming(stream: Stream): void;
  /** It does not, or no longer, listen. */
  failed(why: string): void;
}

/** One TCP connection. */
export interface Stream {
  /** Known once connected. */
  readonly localAddress: ZonedAddress | undefined;
  readonly remoteAddress: ZonedAddress | undefined;
  /** Once, right after the stream was got. Nothing is read before. */
  attach(events: StreamEvents): void;
  /**
   * Queues the pieces, which must not change afterwards. False: enough is queued, wait for
   * `writable` (more is still taken, but without a bound).
   */
  write(pieces: readonly Uint8Array[]): boolean;
  /** Asks for no more `data`; one or two chunks that are read already may still come. */
  pause(): void;
  resume(): void;
  /**
   * Sends what is queued and closes; what the peer still sends is read and dropped, since closing
   * with unread input would make TCP reset the connection and lose what we said last. `done` is
   * called when it is closed, which takes seconds at most. No other event follows.
   */
  end(done: () => void): void;
  /** Closes at once, whatever is queued. No event follows. */
  destroy(): void;
}

export interface StreamEvents {
  connected(): void;
  /** The chunk is the receiver's to keep; nobody writes to it again. */
  data(chunk: Uint8Array): void;
  writable(): void;
  /** The peer closed, or the connection (or the attempt) failed. The last event. */
  closed(why: string): void;
}
