/** The addon's system calls. Each returns the call's result, or -errno. */
import { buildAddon } from './build-addon.ts';

/** What `pollStop` takes; opaque. */
export type Poll = object;

export interface Addon {
  /** Non-blocking and close-on-exec, whatever `type` says. */
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array): number;
  connect(fd: number, address: Uint8Array): number;
  listen(fd: number, backlog: number): number;
  accept(fd: number): number;
  /** @returns the length of the address that `out` got. */
  getsockname(fd: number, out: Uint8Array): number;
  setsockopt(fd: number, level: number, name: number, value: number | Uint8Array): number;
  /** A classic BPF program that sees each datagram before it is queued: linux/filter.h. */
  attachFilter(fd: number, program: Uint8Array): number;
  /** @returns the length of the value that `out` got. */
  getsockopt(fd: number, level: number, name: number, out: Uint8Array): number;
  sendmsg(fd: number, bytes: Uint8Array, length: number, descriptors?: Int32Array): number;
  /** `about` becomes [msg_flags, number of descriptors, descriptor, …]. */
  recvmsg(fd: number, out: Uint8Array, flags: number, about?: Int32Array): number;
  /**
   * One datagram; `source` becomes its sender's sockaddr, `destination` (16 bytes) where it was sent
   * to, `about` [TTL, interface].
   */
  recvDatagram(
    fd: number,
    out: Uint8Array,
    source: Uint8Array,
    destination: Uint8Array,
    about: Int32Array,
  ): number;
  sendDatagram(fd: number, bytes: Uint8Array, destination: Uint8Array): number;
  close(fd: number): number;
  /** Moves the calling thread into a network namespace. */
  setns(fd: number): number;
  /**
   * Calls back whenever `fd` has something to read, be it an error, until that is read. A number
   * instead of a Poll is -errno.
   */
  pollStart(fd: number, callback: () => void): Poll | number;
  /** After this the descriptor may be closed. */
  pollStop(poll: Poll): void;
  /** `sendmsg` on a thread of libuv's pool. The bytes are copied first. */
  sendOffLoop(fd: number, bytes: Uint8Array, length: number): Promise<number>;
}

/** Native modules are loaded by `process.dlopen`, which is what require() calls for them. */
function load(): Addon {
  const module = { exports: {} };
  process.dlopen(module, buildAddon());
  return module.exports as Addon;
}

export const addon: Addon = load();
