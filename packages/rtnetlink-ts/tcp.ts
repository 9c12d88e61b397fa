/** TCP sockets with options that node:net does not know, as descriptors that it takes over. */

import type { Address, Family, Prefix } from 'net-ipaddr';
import type { Namespace } from './codec/link.ts';

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

/**
 * A TCP descriptor, bound where an address or port is given. Hand it to `net.Socket({ fd }).connect`
 * with an IP literal, or to `server.listen({ fd })`; from then on it is theirs to close.
 */
export function openTcp(_options: TcpOptions): number {
  throw new Error('not wired yet');
}

/**
 * The MD5 key (RFC 2385) for one peer's address, or for all of a prefix; an empty key removes it.
 * Also while listening. At most 80 bytes.
 */
export function setTcpMd5(_fd: number, _peer: Address | Prefix, _key: string): void {
  throw new Error('not wired yet');
}

export function setTtl(_fd: number, _family: Family, _ttl: number): void {
  throw new Error('not wired yet');
}

export function setMinTtl(_fd: number, _family: Family, _minTtl: number): void {
  throw new Error('not wired yet');
}

export function closeDescriptor(_fd: number): void {
  throw new Error('not wired yet');
}
