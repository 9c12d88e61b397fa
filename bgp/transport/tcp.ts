/** Transport over the kernel's TCP: rtnetlink-ts makes the sockets, with options that node:net lacks; node:net uses them. */

import { type OnReadOpts, Socket } from 'node:net';
import { type Family, formatPrefix, parseZonedAddress, type ZonedAddress } from 'net-ipaddr';
import { listenTcp, openTcp, type TcpListener, type TcpOptions } from 'rtnetlink-ts';
import type { Clock } from '../../ports.ts';
import { changeListenerKeys } from './signing.ts';
import { TcpStream } from './tcp-stream.ts';
import type { Endpoint, Listener, ListenerEvents, PeerKeys, Transport } from './transport.ts';

/** The most, always: a peer with GTSM takes nothing less (RFC 5082 §3), and the others don't mind. */
const TTL = 255;

export function tcpTransport(clock: Pick<Clock, 'after'>): Transport {
  return {
    connect(to, sourceAddress, guards) {
      const peer = parseZonedAddress(to.address);
      const source = sourceAddress && { address: parseZonedAddress(sourceAddress) };
      try {
        const fd = openTcp({ ...optionsFor(peer), ...source });
        const stream = new TcpStream((onread) => new Socket({ fd, onread }), fd, clock);
        stream.guard(guards, peer);
        stream.connect(to);
        return stream;
      } catch (error) {
        return new TcpStream(() => new Socket().destroy(error as Error), -1, clock);
      }
    },
    listen: (at, events) => new TcpAcceptor(at, events, clock),
  };
}

class TcpAcceptor implements Listener {
  readonly #family: Family;
  #listener: TcpListener | undefined;
  /** By the prefix's text. */
  #keys: ReadonlyMap<string, PeerKeys> = new Map();
  #isClosed = false;

  constructor(at: Endpoint, events: ListenerEvents, clock: Pick<Clock, 'after'>) {
    const address = parseZonedAddress(at.address);
    this.#family = address.family;
    const options = { ...optionsFor(address), address, port: at.port };
    const tell = (fn: () => void) => process.nextTick(() => this.#isClosed || fn());
    const failed = (error: Error) => tell(() => events.failed(error.message));
    const accepted = (fd: number) => {
      const options = { fd, readable: true, writable: true };
      const make = (onread: OnReadOpts) => new Socket({ ...options, onread }).setNoDelay();
      events.incoming(new TcpStream(make, fd, clock));
    };
    try {
      const listener = listenTcp(options, { accepted, failed });
      this.#listener = listener;
      tell(() => events.listening(listener.port));
    } catch (error) {
      failed(error as Error);
    }
  }

  setKeys(keys: readonly PeerKeys[]): void {
    if (this.#listener === undefined) return;
    const { fd } = this.#listener;
    const before = this.#keys;
    const ofFamily = keys.filter(({ prefix }) => prefix.address.family === this.#family);
    this.#keys = new Map(ofFamily.map((one) => [formatPrefix(one.prefix), one]));
    for (const [text, keys] of before)
      if (!this.#keys.has(text)) changeListenerKeys(fd, keys.prefix, keys, {});
    for (const [text, keys] of this.#keys)
      changeListenerKeys(fd, keys.prefix, before.get(text) ?? {}, keys);
  }

  close(): void {
    this.#isClosed = true;
    this.#listener?.close();
  }
}

/** Of a socket that is to reach a link-local address, or be one, the interface is a part. */
function optionsFor({ family, zone }: ZonedAddress): TcpOptions {
  return { family, ttl: TTL, ...(zone !== undefined && { device: zone }) };
}
