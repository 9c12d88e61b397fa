/** TCP-AO (RFC 5925) on TCP descriptors: Linux 6.7 built with CONFIG_TCP_AO. */

import { type Address, formatAddress, hostPrefix, type Prefix } from 'net-ipaddr';
import { addon } from './addon.ts';
import { socketAddress } from './internet-socket.ts';
import { checked, errnoName, SystemCallError } from './system-call-error.ts';
import { SOL_TCP } from './tcp.ts';

/** A master key tuple. What it says never changes (§3.1): another secret is another key, with another id. */
export interface TcpAoKey {
  /** SendID and RecvID in one, 0–255: both sides call the key so. */
  readonly id: number;
  readonly algorithm: TcpAoAlgorithm;
  /** At most 80 bytes of UTF-8. */
  readonly secret: string;
}

/** Those that RFC 5926 §3.1 has. */
export type TcpAoAlgorithm = 'HMAC-SHA-1-96' | 'AES-128-CMAC-96';

/** As the kernel's crypto API calls them. */
const ALGORITHM_NAMES = { 'HMAC-SHA-1-96': 'hmac(sha1)', 'AES-128-CMAC-96': 'cmac(aes128)' };

const TCP_AO_ADD_KEY = 38;
const TCP_AO_DEL_KEY = 39;
const TCP_AO_INFO = 40;
const TCP_AO_MAXKEYLEN = 80;
/** Bytes of a code: 96 bits in both algorithms. */
const MAC_LENGTH = 12;

const ENOENT = 2;
const EEXIST = 17;

/**
 * Segments to and from `peer` may be signed with the key; those without any are dropped from now on.
 * Also on a socket that listens already, and on one that was connected with another key.
 *
 * @throws SystemCallError 'ENOPROTOOPT': the kernel has no TCP-AO; 'EISCONN': it was connected without
 */
export function addTcpAoKey(fd: number, peer: Address | Prefix, key: TcpAoKey): void {
  const secret = Buffer.from(key.secret);
  if (secret.length > TCP_AO_MAXKEYLEN)
    throw new TypeError(
      `a TCP-AO key has at most ${TCP_AO_MAXKEYLEN} bytes; this one has ${secret.length}`,
    );
  // struct tcp_ao_add: sockaddr_storage 128, algorithm 64, ifindex 4, flags 4, padding 2, prefix
  // length, SendID, RecvID, MAC length, key flags, key length, key 80, padding to 8.
  const value = Buffer.alloc(288);
  const { address, length } = hosts(peer);
  value.set(socketAddress(address.family, address, 0));
  value.write(ALGORITHM_NAMES[key.algorithm], 128);
  value.set([length, key.id, key.id, MAC_LENGTH, 0, secret.length], 202);
  value.set(secret, 208);
  const result = addon.setsockopt(fd, SOL_TCP, TCP_AO_ADD_KEY, value);
  // There already: a connection has the keys of the listener that it came through.
  if (result === -EEXIST) return;
  checkedOption(result, `adding TCP-AO key ${key.id} for ${formatAddress(address)}`);
}

/** Not the one in use, of a socket that is connected: see `useTcpAoKey`. */
export function removeTcpAoKey(fd: number, peer: Address | Prefix, id: number): void {
  // struct tcp_ao_del: sockaddr_storage 128, ifindex 4, flags 4, padding 2, prefix length, SendID, RecvID.
  const value = Buffer.alloc(144);
  const { address, length } = hosts(peer);
  value.set(socketAddress(address.family, address, 0));
  value.set([length, id, id], 138);
  const result = addon.setsockopt(fd, SOL_TCP, TCP_AO_DEL_KEY, value);
  if (result === -ENOENT) return;
  checkedOption(result, `removing TCP-AO key ${id} for ${formatAddress(address)}`);
}

/** Signs with this one, and asks the peer to (RNextKeyID). Not on a socket that listens. */
export function useTcpAoKey(fd: number, id: number): void {
  // struct tcp_ao_info_opt: flags 4, padding 2, current key, next key of the peer, five counters of 8.
  const value = Buffer.alloc(48);
  const flags = new Uint32Array(value.buffer, value.byteOffset, 1);
  const [setCurrent, setRNext] = [1, 2];
  flags[0] = setCurrent | setRNext;
  value.set([id, id], 6);
  const result = addon.setsockopt(fd, SOL_TCP, TCP_AO_INFO, value);
  checkedOption(result, `signing with TCP-AO key ${id}`);
}

function hosts(peer: Address | Prefix): Prefix {
  return 'address' in peer ? peer : hostPrefix(peer);
}

function checkedOption(result: number, attempt: string): void {
  if (result < 0 && errnoName(-result) === 'ENOPROTOOPT')
    throw new SystemCallError(
      attempt,
      'ENOPROTOOPT',
      'this kernel has no TCP-AO: it takes Linux 6.7 or later, built with CONFIG_TCP_AO',
    );
  checked(result, attempt);
}
