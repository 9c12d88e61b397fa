/** ICMPv6 on one link, raw: Neighbour Discovery's messages, which no other socket sends or tells of. */
import type { Address } from 'net-ipaddr';
import { addon } from './addon.ts';
import { AF_INET6 } from './codec/family.ts';
import type { Namespace } from './codec/link-kind.ts';
import { DatagramSocket } from './datagram-socket.ts';
import {
  boundInterface,
  SOL_IPV6,
  setDevice,
  setOption,
  setTtl,
  socketAddress,
} from './internet-socket.ts';
import { inNamespace } from './namespace.ts';
import { checked, errnoName } from './system-call-error.ts';

export interface Icmpv6Options {
  /** The interface that it speaks on (SO_BINDTODEVICE). */
  readonly device: string;
  /** ICMPv6 types to receive; the kernel drops all others. */
  readonly types: readonly number[];
  /** Multicast groups to join on the link, besides ff02::1 which everybody is in. */
  readonly groups?: readonly Address[];
  readonly netns?: Namespace;
}

const SOCK_RAW = 3;
const IPPROTO_ICMPV6 = 58;

const ICMPV6_FILTER = 1;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
const IPV6_RECVPKTINFO = 49;
const IPV6_RECVHOPLIMIT = 51;

/** RFC 4861 §3.1: no router has forwarded what arrives with it. */
const MAX_HOP_LIMIT = 255;

/**
 * Needs CAP_NET_RAW. The kernel computes and checks checksums; the receiver checks hop limits.
 *
 * @throws SystemCallError 'EPERM', 'ENODEV', …
 */
export function openIcmpv6(options: Icmpv6Options): Icmpv6Socket {
  const make = () => addon.socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
  const made = inNamespace(options.netns, make);
  const fd = checked(made, 'opening an ICMPv6 socket');
  try {
    configure(fd, options);
    return new Icmpv6Socket(fd, 6);
  } catch (error) {
    addon.close(fd);
    throw error;
  }
}

function configure(fd: number, { device, types, groups = [] }: Icmpv6Options): void {
  setOption(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, filterOf(types), 'ICMPV6_FILTER');
  setDevice(fd, device);
  const index = boundInterface(fd);
  setOption(fd, SOL_IPV6, IPV6_RECVHOPLIMIT, 1, 'IPV6_RECVHOPLIMIT');
  setOption(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1, 'IPV6_RECVPKTINFO');
  setTtl(fd, 6, MAX_HOP_LIMIT);
  setOption(fd, SOL_IPV6, IPV6_MULTICAST_HOPS, MAX_HOP_LIMIT, 'IPV6_MULTICAST_HOPS');
  setOption(fd, SOL_IPV6, IPV6_MULTICAST_IF, index, 'IPV6_MULTICAST_IF');
  setOption(fd, SOL_IPV6, IPV6_MULTICAST_LOOP, 0, 'IPV6_MULTICAST_LOOP');
  for (const { bytes } of groups) {
    // struct ipv6_mreq: address, interface.
    const membership = new Uint8Array(20);
    membership.set(bytes);
    new Uint32Array(membership.buffer, 16, 1)[0] = index;
    setOption(fd, SOL_IPV6, IPV6_ADD_MEMBERSHIP, membership, 'IPV6_ADD_MEMBERSHIP');
  }
}

/** struct icmp6_filter: a bit a type, set where it is blocked. */
function filterOf(types: readonly number[]): Uint8Array {
  const words = new Uint32Array(8).fill(0xffffffff);
  for (const type of types) words[type >>> 5]! &= ~(1 << (type & 31));
  return new Uint8Array(words.buffer);
}

export class Icmpv6Socket extends DatagramSocket {
  /**
   * One message, from its type on, with zeros for its checksum. Returns the error's code where it was
   * not sent: 'EADDRNOTAVAIL' as long as the link has no address, 'ENETDOWN', …
   */
  send(message: Uint8Array, to: Address): string | undefined {
    const result = addon.sendDatagram(this.fd, message, socketAddress(6, to, 0));
    return result < 0 ? errnoName(-result) : undefined;
  }
}
