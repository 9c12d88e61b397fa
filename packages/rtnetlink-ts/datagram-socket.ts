/** Datagrams with what the kernel knows of them, for UDP and for ICMPv6. */
import type { Address, Family } from 'net-ipaddr';
import { addon, type Poll } from './addon.ts';
import { MAX_SOCKADDR_BYTES } from './internet-socket.ts';
import { checked, errnoName } from './system-call-error.ts';

/** Valid during the call that brings it. */
export interface Datagram {
  readonly bytes: Uint8Array;
  readonly source: Address;
  /** 0 for ICMPv6, which has no ports. */
  readonly sourcePort: number;
  readonly destination: Address;
  /** TTL or hop limit that it came with. */
  readonly ttl: number;
  /** Index of the interface that it came in by. */
  readonly interface: number;
}

/**
 * Read in one go, before the loop goes on: more small ones than a receive buffer of the usual size
 * holds. Should still more come meanwhile, libuv calls again after the other sockets.
 */
const MAX_BURST = 512;

/** Takes the descriptor over, which reports TTL and destination by now. */
export class DatagramSocket {
  protected readonly fd: number;
  readonly #family: Family;
  #poll: Poll | undefined;
  #isClosed = false;

  constructor(fd: number, family: Family) {
    this.fd = fd;
    this.#family = family;
  }

  /** Once. What is larger than `maxBytes` is dropped. */
  receive(maxBytes: number, onDatagram: (datagram: Datagram) => void): void {
    const buffer = Buffer.alloc(maxBytes);
    const poll = addon.pollStart(this.fd, () => {
      for (let count = 0; count < MAX_BURST && !this.#isClosed; count++) {
        const datagram = this.#read(buffer);
        if (datagram === 'none') return;
        if (datagram !== undefined) onDatagram(datagram);
      }
    });
    if (typeof poll === 'number') checked(poll, 'waiting for datagrams');
    else this.#poll = poll;
  }

  /** Undefined: too large, or an error that is read away, such as a port that nobody listens at. */
  #read(buffer: Buffer): Datagram | 'none' | undefined {
    const sockaddr = Buffer.alloc(MAX_SOCKADDR_BYTES);
    const destination = new Uint8Array(16);
    const about = new Int32Array(2);
    const length = addon.recvDatagram(this.fd, buffer, sockaddr, destination, about);
    if (length < 0) return errnoName(-length) === 'EAGAIN' ? 'none' : undefined;
    if (length > buffer.length) return undefined;
    const family = this.#family;
    const address = family === 4 ? sockaddr.subarray(4, 8) : sockaddr.subarray(8, 24);
    return {
      bytes: buffer.subarray(0, length),
      source: { family, bytes: address },
      sourcePort: sockaddr.readUInt16BE(2),
      destination: { family, bytes: family === 4 ? destination.subarray(0, 4) : destination },
      ttl: about[0]!,
      interface: about[1]!,
    };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#poll) addon.pollStop(this.#poll);
    addon.close(this.fd);
  }
}
