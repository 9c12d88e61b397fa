/** TCP sockets with options that node:net does not know, as descriptors that it takes over. */

import type { Address, Family, Prefix } from 'net-ipaddr';
import { formatAddress } from 'net-ipaddr';
import { addon } from './addon.ts';
import { familyNumber } from './codec/family.ts';
import type { Namespace } from './codec/link-kind.ts';
import {
  bind,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
  setDevice,
  setMinTtl,
  setOption,
  setTtl,
  socketAddress,
} from './internet-socket.ts';
import { inNamespace } from './namespace.ts';
import { checked, SystemCallError } from './system-call-error.ts';

export interface TcpOptions {
  readonly family: Family;
  readonly netns?: Namespace;
  /** Local address; without one, any. */
  readonly address?: Address;
  /** Local port. @default 0: the kernel chooses */
  readonly port?: number;
  /** Interface to bind to (SO_BINDTODEVICE). */
  readonly device?: string;
  /** Bind although the address is not there (IP_FREEBIND). @default false */
  readonly freeBind?: boolean;
  /** TTL or hop limit of what is sent. */
  readonly ttl?: number;
  /** Drop what arrives with less (GTSM, RFC 5082). */
  readonly minTtl?: number;
}

const SOCK_STREAM = 1;
const SO_REUSEADDR = 2;
const IP_FREEBIND = 15;
const IPV6_V6ONLY = 26;

export const SOL_TCP = 6;
const TCP_MD5SIG = 14;
const TCP_MD5SIG_EXT = 32;
const TCP_MD5SIG_FLAG_PREFIX = 1;
const TCP_MD5SIG_MAXKEYLEN = 80;

/**
 * A TCP descriptor, bound where an address or port is given. Hand it to `net.Socket({ fd }).connect`
 * with an IP literal (names go through autoSelectFamily, which may drop it), or to
 * `server.listen({ fd })`; from then on it is theirs to close. listenTcp listens without node:net.
 *
 * @throws SystemCallError 'EADDRINUSE', 'EADDRNOTAVAIL', 'ENODEV', 'EPERM', 'EACCES', …
 */
export function openTcp(options: TcpOptions): number {
  const { family } = options;
  const make = () => addon.socket(familyNumber(family), SOCK_STREAM, 0);
  const made = inNamespace(options.netns, make);
  const fd = checked(made, 'opening a TCP socket');
  try {
    configure(fd, options);
    if (options.address || options.port) bind(fd, options, 'a TCP socket');
    return fd;
  } catch (error) {
    addon.close(fd);
    throw error;
  }
}

function configure(fd: number, options: TcpOptions): void {
  const { family, device } = options;
  // As node:net does: a restart must not wait for TIME_WAIT to pass.
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1, 'SO_REUSEADDR');
  if (family === 6) setOption(fd, SOL_IPV6, IPV6_V6ONLY, 1, 'IPV6_V6ONLY');
  if (device !== undefined) setDevice(fd, device);
  // The IPv4 option serves both families.
  if (options.freeBind) setOption(fd, SOL_IP, IP_FREEBIND, 1, 'IP_FREEBIND');
  if (options.ttl !== undefined) setTtl(fd, family, options.ttl);
  if (options.minTtl !== undefined) setMinTtl(fd, family, options.minTtl);
}

/**
 * The MD5 key (RFC 2385) for one peer's address, or for all of a prefix; an empty key removes it.
 * Also on a socket that listens already. At most 80 bytes of UTF-8.
 */
export function setTcpMd5(fd: number, peer: Address | Prefix, key: string): void {
  const address = 'address' in peer ? peer.address : peer;
  const keyBytes = Buffer.from(key);
  if (keyBytes.length > TCP_MD5SIG_MAXKEYLEN)
    throw new TypeError(
      `a TCP MD5 key has at most ${TCP_MD5SIG_MAXKEYLEN} bytes; this one has ${keyBytes.length}`,
    );
  // struct tcp_md5sig: sockaddr_storage 128, flags 1, prefix length 1, key length 2, ifindex 4, key.
  const value = Buffer.alloc(136 + TCP_MD5SIG_MAXKEYLEN);
  value.set(socketAddress(address.family, address, 0));
  const byPrefix = 'address' in peer;
  if (byPrefix) {
    value[128] = TCP_MD5SIG_FLAG_PREFIX;
    value[129] = peer.length;
  }
  new Uint16Array(value.buffer, value.byteOffset + 130, 1)[0] = keyBytes.length;
  value.set(keyBytes, 136);
  const option = byPrefix ? TCP_MD5SIG_EXT : TCP_MD5SIG;
  const result = addon.setsockopt(fd, SOL_TCP, option, value);
  // Removing what is not there: so it is as wanted.
  if (result === -ENOENT && keyBytes.length === 0) return;
  checked(result, `setting the TCP MD5 key for ${formatAddress(address)}`);
}

const ENOENT = 2;

/** Closes a descriptor that nothing has taken over. */
export function closeDescriptor(fd: number): void {
  const result = addon.close(fd);
  if (result < 0) throw new SystemCallError(`closing descriptor ${fd}`, 'EBADF');
}
