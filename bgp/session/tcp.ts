/** Transport over the kernel's TCP, by node:net. */

import { connect, createServer, type Socket } from 'node:net';
import { parseZonedAddress, type ZonedAddress } from 'net-ipaddr';
import type { Clock } from '../../ports.ts';
import type {
  Endpoint,
  Listener,
  ListenerEvents,
  Stream,
  StreamEvents,
  Transport,
} from './transport.ts';

/** Written and not yet taken by the kernel: above this, wait for it to drain. */
const MAX_QUEUED_BYTES = 65_536;
/** How long a connection that we end may take to close. */
const LINGER_MS = 1_000;
const MAPPED_PREFIX = '::ffff:';

export function tcpTransport(clock: Pick<Clock, 'after'>): Transport {
  return {
    connect(to, sourceAddress) {
      // IP literals: a name would go through the resolver and through autoSelectFamily.
      const socket = connect({
        host: to.address,
        port: to.port,
        noDelay: true,
        ...(sourceAddress === undefined ? {} : { localAddress: sourceAddress }),
      });
      return new TcpStream(socket, clock);
    },
    listen: (at, events) => listen(at, events, clock),
  };
}

function listen(at: Endpoint, events: ListenerEvents, clock: Pick<Clock, 'after'>): Listener {
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    events.incoming(new TcpStream(socket, clock));
  });
  server.on('error', (error) => {
    server.close();
    events.failed(error.message);
  });
  server.on('listening', () => {
    const bound = server.address();
    events.listening(typeof bound === 'object' && bound ? bound.port : at.port);
  });
  // ipv6Only: that :: and 0.0.0.0 can both be listened on, and neither takes the other's peers.
  server.listen({ host: at.address, port: at.port, ipv6Only: true });
  return {
    close() {
      server.removeAllListeners('error').on('error', () => {});
      server.close();
    },
  };
}

class TcpStream implements Stream {
  readonly #socket: Socket;
  readonly #clock: Pick<Clock, 'after'>;
  #why = 'the peer closed the connection';

  constructor(socket: Socket, clock: Pick<Clock, 'after'>) {
    this.#socket = socket;
    this.#clock = clock;
    // An error is always followed by 'close', which tells of it. Without a listener it would throw.
    socket.on('error', (error) => {
      this.#why = error.message;
    });
  }

  get localAddress(): ZonedAddress | undefined {
    return readAddress(this.#socket.localAddress);
  }

  get remoteAddress(): ZonedAddress | undefined {
    return readAddress(this.#socket.remoteAddress);
  }

  attach(events: StreamEvents): void {
    const socket = this.#socket;
    socket.on('connect', () => events.connected());
    socket.on('data', (chunk) => events.data(chunk as Buffer));
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
    for (const event of ['connect', 'data', 'drain', 'close']) {
      this.#socket.removeAllListeners(event);
    }
  }
}

function readAddress(text: string | undefined): ZonedAddress | undefined {
  if (text === undefined) return undefined;
  return parseZonedAddress(
    text.startsWith(MAPPED_PREFIX) ? text.slice(MAPPED_PREFIX.length) : text,
  );
}
