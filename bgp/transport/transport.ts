/**
 * What a session needs of TCP. tcp.ts gives it on the real network; tests give it on a virtual one.
 *
 * No call below calls back synchronously. Addresses are IP literals, link-local ones with their zone
 * (fe80::1%eth0).
 */

import type { Prefix, ZonedAddress } from 'net-ipaddr';
import type { TcpAoKey } from 'rtnetlink-ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Every segment is signed, by one of the two ways. */
export interface SigningKeys {
  /** RFC 2385. */
  readonly md5Key?: string;
  /** RFC 5925, each id once: the first signs, and all are taken from the peer. */
  readonly aoKeys?: readonly TcpAoKey[];
}

export function isSigned({ md5Key, aoKeys }: SigningKeys): boolean {
  return md5Key !== undefined || aoKeys !== undefined;
}

/** What a segment must have to be taken from the peer. May change while the connection lives. */
export interface Guards extends SigningKeys {
  /** RFC 5082: the least TTL or hop limit, 1–255. */
  readonly minTtl?: number;
}

/** Who connects from within `prefix` must sign; of several the longest prefix counts. */
export interface PeerKeys extends SigningKeys {
  readonly prefix: Prefix;
}

export interface Transport {
  /** Begins to connect. `connected` or `closed` follows once the stream has its events attached. */
  connect(to: Endpoint, sourceAddress: string | undefined, guards: Guards): Stream;
  listen(at: Endpoint, events: ListenerEvents): Listener;
}

export interface Listener {
  /** In place of the keys before; streams that are here already keep theirs. @throws what the kernel says */
  setKeys(keys: readonly PeerKeys[]): void;
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
  readonly localPort: number | undefined;
  readonly remotePort: number | undefined;
  /**
   * In place of the guards before, at once: until the peer has the same MD5 key nothing gets through.
   * AO keys come and go, but a connection neither begins nor ceases to have any: it is closed.
   */
  guard(guards: Guards): void;
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
  /** Good during the call only. */
  data(octets: Uint8Array): void;
  writable(): void;
  /** The peer closed, or the connection (or the attempt) failed. The last event. */
  closed(why: string): void;
}
