/** What TCP and UDP sockets have in common: addresses as the kernel reads them, and options of IP. */
import { type Address, type Family, formatAddress } from 'net-ipaddr';
import { addon } from './addon.ts';
import { AF_INET, AF_INET6 } from './codec/family.ts';
import { checked } from './system-call-error.ts';

export const SOL_SOCKET = 1;
export const SOL_IP = 0;
export const SOL_IPV6 = 41;

const SO_BINDTODEVICE = 25;
const SO_BINDTOIFINDEX = 62;
const IP_TTL = 2;
const IP_MINTTL = 21;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MINHOPCOUNT = 73;

/** Bytes of struct sockaddr_in6, the larger one. */
export const MAX_SOCKADDR_BYTES = 28;

/** struct sockaddr_in and sockaddr_in6: family (machine's order), port (network order), address. */
export function socketAddress(
  family: Family,
  address: Address | undefined,
  port: number,
): Uint8Array {
  const sockaddr = Buffer.alloc(family === 4 ? 16 : MAX_SOCKADDR_BYTES);
  new Uint16Array(sockaddr.buffer, sockaddr.byteOffset, 1)[0] = family === 4 ? AF_INET : AF_INET6;
  sockaddr.writeUInt16BE(port, 2);
  if (address) sockaddr.set(address.bytes, family === 4 ? 4 : 8);
  return sockaddr;
}

interface BindOptions {
  readonly family: Family;
  /** Without one, any. */
  readonly address?: Address;
  /** @default 0: the kernel chooses */
  readonly port?: number;
}

/** @param what For the error: 'a TCP socket'. */
export function bind(fd: number, { family, address, port = 0 }: BindOptions, what: string): void {
  const sockaddr = socketAddress(family, address, port);
  const at = address ? formatAddress(address) : `any IPv${family} address`;
  checked(addon.bind(fd, sockaddr), `binding ${what} to ${at}, port ${port}`);
}

export function setDevice(fd: number, device: string): void {
  setOption(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(device), `SO_BINDTODEVICE ${device}`);
}

/** Index of the interface that the socket is bound to, or 0. */
export function boundInterface(fd: number): number {
  const index = new Uint32Array(1);
  const out = new Uint8Array(index.buffer);
  checked(addon.getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, out), 'reading SO_BINDTOIFINDEX');
  return index[0]!;
}

/** TTL, or hop limit, of what is sent: 1–255. */
export function setTtl(fd: number, family: Family, ttl: number): void {
  if (family === 4) setOption(fd, SOL_IP, IP_TTL, ttl, `IP_TTL ${ttl}`);
  else setOption(fd, SOL_IPV6, IPV6_UNICAST_HOPS, ttl, `IPV6_UNICAST_HOPS ${ttl}`);
}

/** Drops what arrives with a lower TTL or hop limit (GTSM, RFC 5082): 0–255; 0 drops nothing. */
export function setMinTtl(fd: number, family: Family, minTtl: number): void {
  if (family === 4) setOption(fd, SOL_IP, IP_MINTTL, minTtl, `IP_MINTTL ${minTtl}`);
  else setOption(fd, SOL_IPV6, IPV6_MINHOPCOUNT, minTtl, `IPV6_MINHOPCOUNT ${minTtl}`);
}

export function setOption(
  fd: number,
  level: number,
  name: number,
  value: number | Uint8Array,
  text: string,
): void {
  checked(addon.setsockopt(fd, level, name, value), `setting ${text}`);
}
