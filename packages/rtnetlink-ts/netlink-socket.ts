/** One netlink socket. */
import { addon } from './addon.ts';
import type { Namespace } from './codec/link-kind.ts';
import { inNamespace } from './namespace.ts';
import { NetlinkError } from './netlink-error.ts';
import { setReceiveBuffer } from './receive-buffer.ts';
import { checked } from './system-call-error.ts';
import { allocateWords, type Words } from './wire/words.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
/** Whom it speaks to: rtnetlink, or netfilter. */
const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
/** Of a request that failed, answers repeat the header only. */
const NETLINK_CAP_ACK = 10;
/** Answers say why, in words. */
const NETLINK_EXT_ACK = 11;
/** Dump requests are checked, and so their filters hold. Linux 4.20. */
const NETLINK_GET_STRICT_CHK = 12;

const MSG_TRUNC = 0x20;

/** The kernel fills up to 32 KiB at a time; one message may be longer. */
const RECEIVE_BYTES = 65_536;

export class NetlinkSocket {
  #fd: number;
  /** What the kernel calls this socket (nlmsg_pid of its answers and of what it causes). */
  readonly portId: number;
  /** What `receive` read last. Each socket has its own: callers use others while they walk over it. */
  readonly received: Words = allocateWords(RECEIVE_BYTES);
  #sequence = 1;

  constructor(
    namespace: Namespace | undefined,
    receiveBufferBytes: number,
    protocol: typeof NETLINK_ROUTE | typeof NETLINK_NETFILTER = NETLINK_ROUTE,
  ) {
    // Made inside, it stays there: setns, socket, setns back take a quarter of a millisecond.
    const make = () => addon.socket(AF_NETLINK, SOCK_RAW, protocol);
    const result = inNamespace(namespace, make);
    this.#fd = checked(result, 'opening a netlink socket');
    try {
      for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK])
        checked(
          addon.setsockopt(this.#fd, SOL_NETLINK, option, 1),
          `setting netlink option ${option} (Linux 4.20 or newer is needed)`,
        );
      setReceiveBuffer(this.#fd, receiveBufferBytes);
      this.portId = this.#bind();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#fd;
  }

  /** @returns the first of `count` sequence numbers that follow one another (modulo 2^32). */
  takeSequences(count: number): number {
    const first = this.#sequence;
    this.#sequence = (first + count) >>> 0;
    return first;
  }

  /** @returns 0, or the errno. The kernel has done the work when this returns; answers wait. */
  send(bytes: Uint8Array, length: number): number {
    const result = addon.sendmsg(this.#fd, bytes, length);
    return result < 0 ? -result : 0;
  }

  /** As `send`, in a thread of libuv's pool. */
  async sendOffLoop(bytes: Uint8Array, length: number): Promise<number> {
    const result = await addon.sendOffLoop(this.#fd, bytes, length);
    return result < 0 ? -result : 0;
  }

  /**
   * Reads one datagram into `received`.
   * @returns its length, or -errno: -EAGAIN when there is none, -ENOBUFS when some were lost.
   */
  receive(): number {
    const length = addon.recvmsg(this.#fd, this.received.u8, MSG_TRUNC);
    if (length > this.received.u8.length)
      throw new NetlinkError(`reading a netlink message of ${length} bytes`, 'EMSGSIZE');
    return length;
  }

  /** What of all that it would be told is queued for it: own-changes.ts. */
  filter(program: Uint8Array): void {
    checked(addon.attachFilter(this.#fd, program), 'filtering netlink notifications');
  }

  join(group: number): void {
    const result = addon.setsockopt(this.#fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
    checked(result, `joining netlink multicast group ${group}`);
  }

  /** Its number may be another file's right after, so that it is forgotten here. */
  close(): void {
    if (this.#fd >= 0) addon.close(this.#fd);
    this.#fd = -1;
  }

  /** Port 0 asks the kernel for a free one; it is the second word of struct sockaddr_nl. */
  #bind(): number {
    const address = new Uint8Array(12);
    new Uint16Array(address.buffer)[0] = AF_NETLINK;
    checked(addon.bind(this.#fd, address), 'binding a netlink socket');
    checked(addon.getsockname(this.#fd, address), 'asking for a netlink port');
    return new Uint32Array(address.buffer)[1]!;
  }
}
