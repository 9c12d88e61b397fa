/** One connection over the kernel's TCP. */

import type { OnReadOpts, Socket } from 'node:net';
import { parseZonedAddress, type ZonedAddress } from 'net-ipaddr';
import { setMinTtl } from 'rtnetlink-ts';
import type { Clock } from '../../ports.ts';
import { changeConnectionKeys } from './signing.ts';
import type { Endpoint, Guards, Stream, StreamEvents } from './transport.ts';

/** Written and not yet taken by the kernel: above this, wait for it to drain. */
const MAX_QUEUED_BYTES = 65_536;
/** How long a connection that we end may take to close. */
const LINGER_MS = 1_000;
/** All sockets read into it, one after the other: a buffer for each read would be garbage at once. */
const READ_BUFFER = new Uint8Array(65_536);

export class TcpStream implements Stream {
  readonly #socket: Socket;
  /** The socket's, which closes it. */
  readonly #fd: number;
  readonly #clock: Pick<Clock, 'after'>;
  #guards: Guards = {};
  localAddress: ZonedAddress | undefined;
  remoteAddress: ZonedAddress | undefined;
  localPort: number | undefined;
  remotePort: number | undefined;
  #why = 'the peer closed the connection';
  #received: (octets: Uint8Array) => void = () => {};

  constructor(makeSocket: (onread: OnReadOpts) => Socket, fd: number, clock: Pick<Clock, 'after'>) {
    const socket = makeSocket({
      buffer: READ_BUFFER,
      callback: (count) => {
        this.#received(READ_BUFFER.subarray(0, count));
        return true;
      },
    });
    this.#socket = socket;
    this.#fd = fd;
    this.#clock = clock;
    // An error is always followed by 'close', which tells of it. Without a listener it would throw.
    socket.on('error', (error) => {
      this.#why = error.message;
    });
    this.#learnEnds();
    socket.on('connect', () => this.#learnEnds());
  }

  /** While it is connected: a socket that has closed knows nothing of it, and what came before is read still. */
  #learnEnds(): void {
    const { localAddress, localPort, remoteAddress, remotePort } = this.#socket;
    this.localAddress = readAddress(localAddress);
    this.localPort = localPort;
    this.remoteAddress = readAddress(remoteAddress);
    this.remotePort = remotePort;
  }

  guard(guards: Guards, peer = this.remoteAddress): void {
    // A socket that is destroyed has closed its descriptor, whose number may be another's by now.
    if (this.#socket.destroyed || peer === undefined) return;
    const before = this.#guards;
    this.#guards = guards;
    try {
      if (guards.minTtl !== before.minTtl) setMinTtl(this.#fd, peer.family, guards.minTtl ?? 0);
      changeConnectionKeys(this.#fd, peer, before, guards);
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
  }

  /** Begins to, unless it has failed already. */
  connect({ address, port }: Endpoint): void {
    // An IP literal: a name would go through the resolver and through autoSelectFamily.
    if (!this.#socket.destroyed) this.#socket.setNoDelay().connect({ host: address, port });
  }

  attach(events: StreamEvents): void {
    const socket = this.#socket;
    this.#received = (octets) => events.data(octets);
    socket.on('connect', () => events.connected());
    socket.on('drain', () => events.writable());
    socket.on('close', () => events.closed(this.#why));
    socket.resume();
  }

  write(pieces: readonly Uint8Array[]): boolean {
    // Corked, so that all pieces leave in one writev.
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
    // The kernel takes what it has room for during the call, so this is what it had no room for.
    return this.#socket.writableLength < MAX_QUEUED_BYTES;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(done: () => void): void {
    const socket = this.#socket;
    this.#forgetEvents();
    // The socket may be closed already, and then it says nothing more: the time-out always comes.
    const linger = this.#clock.after(LINGER_MS, () => finish());
    const finish = () => {
      linger.cancel();
      socket.removeListener('close', finish);
      socket.destroy();
      done();
    };
    socket.on('close', finish);
    socket.resume();
    socket.end();
  }

  destroy(): void {
    this.#forgetEvents();
    this.#socket.destroy();
  }

  #forgetEvents(): void {
    this.#received = () => {};
    for (const event of ['connect', 'drain', 'close']) {
      this.#socket.removeAllListeners(event);
    }
  }
}

function readAddress(text: string | undefined): ZonedAddress | undefined {
  return text === undefined ? undefined : parseZonedAddress(text);
}
