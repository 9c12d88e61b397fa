/** UDP sockets that tell what node:dgram does not: a datagram's TTL, and where it came in. */
import type { Address, Family } from 'net-ipaddr';
import { addon } from './addon.ts';
import { familyNumber } from './codec/family.ts';
import type { Namespace } from './codec/link-kind.ts';
import { type Datagram, DatagramSocket } from './datagram-socket.ts';
import {
  bind,
  boundInterface,
  SOL_IP,
  SOL_IPV6,
  setDevice,
  setOption,
  setTtl,
  socketAddress,
} from './internet-socket.ts';
import { inNamespace } from './namespace.ts';
import { setReceiveBuffer } from './receive-buffer.ts';
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
  /** @default the host's, net.core.rmem_default */
  readonly receiveBufferBytes?: number;
  /** Where `send` sends to; nothing from elsewhere is received. */
  readonly remote?: { readonly address: Address; readonly port: number };
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
const IP_PKTINFO = 8;
const IP_RECVTTL = 12;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const IPV6_RECVHOPLIMIT = 51;

/** @throws SystemCallError 'EADDRINUSE', 'EADDRNOTAVAIL', 'ENODEV', 'ENETUNREACH', … */
export function openUdp(options: UdpOptions): UdpSocket {
  const { family, remote } = options;
  const make = () => addon.socket(familyNumber(family), SOCK_DGRAM, 0);
  const made = inNamespace(options.netns, make);
  const fd = checked(made, 'opening a UDP socket');
  try {
    configure(fd, options);
    bind(fd, options, 'a UDP socket');
    if (remote) {
      const to = socketAddress(family, remote.address, remote.port);
      checked(addon.connect(fd, to), 'connecting a UDP socket');
    }
    return new ConnectedSocket(fd, family);
  } catch (error) {
    addon.close(fd);
    throw error;
  }
}

function configure(fd: number, options: UdpOptions): void {
  const { family, device, receiveBufferBytes, ttl } = options;
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
  if (receiveBufferBytes !== undefined) setReceiveBuffer(fd, receiveBufferBytes);
}

class ConnectedSocket extends DatagramSocket implements UdpSocket {
  readonly interface: number;

  constructor(fd: number, family: Family) {
    super(fd, family);
    this.interface = boundInterface(fd);
  }

  send(bytes: Uint8Array): string | undefined {
    const result = addon.sendmsg(this.fd, bytes, bytes.length);
    return result < 0 ? errnoName(-result) : undefined;
  }
}
