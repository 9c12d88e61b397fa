/** The keys in a socket that listens or is connected: those of before give way to those of now. */

import type { Address, Prefix } from 'net-ipaddr';
import { addTcpAoKey, removeTcpAoKey, setTcpMd5, type TcpAoKey, useTcpAoKey } from 'rtnetlink-ts';
import type { SigningKeys } from './transport.ts';

/** Of a listener, for all of a prefix. */
export function changeListenerKeys(
  fd: number,
  prefix: Prefix,
  before: SigningKeys,
  now: SigningKeys,
): void {
  const { aoKeys = [] } = now;
  // The kernel refuses to have both kinds for one address: what goes, goes first.
  if (now.md5Key === undefined) setMd5Key(fd, prefix, before, now);
  for (const { id } of without(before.aoKeys, aoKeys)) removeTcpAoKey(fd, prefix, id);
  for (const key of without(aoKeys, before.aoKeys)) addTcpAoKey(fd, prefix, key);
  if (now.md5Key !== undefined) setMd5Key(fd, prefix, before, now);
}

/** @throws also when the connection would need another key of the same id, which AO does not allow */
export function changeConnectionKeys(
  fd: number,
  peer: Address,
  before: SigningKeys,
  now: SigningKeys,
): void {
  setMd5Key(fd, peer, before, now);
  const { aoKeys = [] } = now;
  const [first] = aoKeys;
  const gone = without(before.aoKeys, aoKeys);
  const added = without(aoKeys, before.aoKeys);
  const changed = gone.find(({ id }) => added.some((key) => key.id === id));
  if (changed !== undefined)
    throw new Error(
      `TCP-AO key ${changed.id} has changed, which ends the connection (RFC 5925 §3.1): another secret takes another id`,
    );
  for (const key of added) addTcpAoKey(fd, peer, key);
  if (first !== undefined && first.id !== before.aoKeys?.[0]?.id) useTcpAoKey(fd, first.id);
  for (const { id } of gone) removeTcpAoKey(fd, peer, id);
}

function setMd5Key(
  fd: number,
  peer: Address | Prefix,
  before: SigningKeys,
  now: SigningKeys,
): void {
  if (now.md5Key !== before.md5Key) setTcpMd5(fd, peer, now.md5Key ?? '');
}

function without(keys: readonly TcpAoKey[] = [], others: readonly TcpAoKey[] = []): TcpAoKey[] {
  return keys.filter(
    ({ id, algorithm, secret }) =>
      !others.some((key) => key.id === id && key.algorithm === algorithm && key.secret === secret),
  );
}
