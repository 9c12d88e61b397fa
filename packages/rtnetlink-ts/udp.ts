/** UDP sockets that tell what node:dgram does not: a datagram's TTL, and where it came in. */
import type { Address, Family } from 'net-ipaddr';
import { addon, type Poll } from './addon.ts';
import { familyNumber } from './codec/family.ts';
import type { Namespace } from './codec/link-kind.ts';
import {
  bind,
  MAX_SOCKADDR_BYTES,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
  setDevice,
  setOption,
  setTtl,
  socketAddress,
} from './internet-socket.ts';
import { inNamespace } from './namespace.ts';
import { checked, errnoName } from './system-call-error.ts';

export interface UdpOptions {
  readonly family: Family;
  readonly netns?: Namespace;
  /** Local address; without one, any. */
  readonly address?: Address;
  /** Local port. @default 0: the kernel chooses */
  readonly port?: number;
  /** Interface to bind to (SO_BINDTODEVICE): link-local addresses need it. */
  readonly device?: string;
  /** TTL or hop limit of what is sent. */
  readonly ttl?: number;
  /** Where `send` sends to; nothing from elsewhere is received. */
  readonly remote?: { readonly address: Address; readonly port: number };
}

/** Valid during the call that brings it. */
export interface Datagram {
  readonly bytes: Uint8Array;
  readonly source: Address;
  readonly sourcePort: number;
  readonly destination: Address;
  /** TTL or hop limit that it came with. */
  readonly ttl: number;
  /** Index of the interface that it came in by. */
  readonly interface: number;
}

export interface UdpSocket {
  /** Index of the interface that it is bound to, or 0. */
  readonly interface: number;
  /** Once. What is larger than `maxBytes` is dropped. */
  receive(maxBytes: number, onDatagram: (datagram: Datagram) => void): void;
  /** To `remote`. Returns the error's code where it was not sent: 'ENETUNREACH', 'ECONNREFUSED', … */
  send(bytes: Uint8Array): string | undefined;
  close(): void;
}

const SOCK_DGRAM = 2;
const SO_BINDTOIFINDEX = 62;
const IP_PKTINFO = 8;
const IP_RECVTTL = 12;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const IPV6_RECVHOPLIMIT = 51;

/** Read in one go; libuv calls again while there are more, after the other sockets. */
const MAX_BURST = 64;

/** @throws SystemCallError 'EADDRINUSE', 'EADDRNOTAVAIL', 'ENODEV', 'ENETUNREACH', … */
export function openUdp(options: UdpOptions): UdpSocket {
  const { family, remote } = options;
  const make = () => addon.socket(familyNumber(family), SOCK_DGRAM, 0);
  const made = options.netns === undefined ? make() : inNamespace(options.netns, make);
  const fd = checked(made, 'opening a UDP socket');
  try {
    configure(fd, options);
    bind(fd, options, 'a UDP socket');
    if (remote) {
      const to = socketAddress(family, remote.address, remote.port);
      checked(addon.connect(fd, to), 'connecting a UDP socket');
    }
    return new Socket(fd, family, boundInterface(fd));
  } catch (error) {
    addon.close(fd);
    throw error;
  }
}

function configure(fd: number, { family, device, ttl }: UdpOptions): void {
  if (family === 4) {
    setOption(fd, SOL_IP, IP_RECVTTL, 1, 'IP_RECVTTL');
    setOption(fd, SOL_IP, IP_PKTINFO, 1, 'IP_PKTINFO');
  } else {
    setOption(fd, SOL_IPV6, IPV6_V6ONLY, 1, 'IPV6_V6ONLY');
    setOption(fd, SOL_IPV6, IPV6_RECVHOPLIMIT, 1, 'IPV6_RECVHOPLIMIT');
    setOption(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1, 'IPV6_RECVPKTINFO');
  }
  if (device !== undefined) setDevice(fd, device);
  if (ttl !== undefined) setTtl(fd, family, ttl);
}

function boundInterface(fd: number): number {
  const index = new Uint32Array(1);
  const out = new Uint8Array(index.buffer);
  checked(addon.getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, out), 'reading SO_BINDTOIFINDEX');
  return index[0]!;
}

class Socket implements UdpSocket {
  readonly interface: number;
  readonly #fd: number;
  readonly #family: Family;
  #poll: Poll | undefined;
  #isClosed = false;

  constructor(fd: number, family: Family, boundTo: number) {
    this.#fd = fd;
    this.#family = family;
    this.interface = boundTo;
  }

  receive(maxBytes: number, onDatagram: (datagram: Datagram) => void): void {
    const buffer = Buffer.alloc(maxBytes);
    const poll = addon.pollStart(this.#fd, () => {
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
    const length = addon.recvDatagram(this.#fd, buffer, sockaddr, destination, about);
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

  send(bytes: Uint8Array): string | undefined {
    const result = addon.sendmsg(this.#fd, bytes, bytes.length);
    return result < 0 ? errnoName(-result) : undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#poll) addon.pollStop(this.#poll);
    addon.close(this.#fd);
  }
}
