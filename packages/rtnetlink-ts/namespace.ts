/** Acting inside another network namespace. */
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { addon } from './addon.ts';
import type { Namespace } from './codec/link-kind.ts';
import { checked, errnoName } from './system-call-error.ts';

/** The calling thread's own: /proc/self would be the main thread's. */
const OWN_NAMESPACE = '/proc/thread-self/ns/net';
const SYSCTLS = '/proc/sys';

/**
 * Runs `fn` with this thread inside `namespace`, then comes back, whatever `fn` does. Should coming
 * back fail, the process ends: everything it did afterwards would be done to the wrong network.
 *
 * @param namespace undefined: where the thread is, which takes nothing, and needs no privilege.
 *
 * `fn` must be synchronous and start nothing: setns(2) moves one thread, and a libuv thread that is
 * first started inside stays there for ever.
 *
 * @throws SystemCallError when the namespace cannot be entered; an Error of open(2) when its path is not there.
 */
export function inNamespace<T>(namespace: Namespace | undefined, fn: () => T): T {
  if (namespace === undefined) return fn();
  const own = openSync(OWN_NAMESPACE, 'r');
  try {
    enter(namespace);
    try {
      const result = fn();
      if (result instanceof Promise)
        throw new TypeError('inNamespace was given an asynchronous function');
      return result;
    } finally {
      comeBack(own);
    }
  } finally {
    closeSync(own);
  }
}

function enter(namespace: Namespace): void {
  const target = openNamespace(namespace);
  try {
    checked(addon.setns(target.fd), `entering network namespace ${namespace}`);
  } finally {
    target.close();
  }
}

function comeBack(own: number): void {
  const result = addon.setns(own);
  if (result >= 0) return;
  const why = `${errnoName(-result)} on the way back from a network namespace`;
  writeSync(2, `rtnetlink-ts: ${why}; ending, rather than acting on the wrong network\n`);
  process.abort();
}

/** A descriptor for a namespace; `close` leaves one that the caller gave open. */
export function openNamespace(namespace: Namespace): { fd: number; close(): void } {
  if (typeof namespace === 'number') return { fd: namespace, close() {} };
  const fd = openSync(namespace, 'r');
  return { fd, close: () => closeSync(fd) };
}

/**
 * Writes sysctls inside a namespace, in order. Keys are paths below /proc/sys, since an interface's
 * name may hold a dot: `{ 'net/ipv4/conf/eth0/forwarding': 1 }`.
 *
 * @throws the first Error of write(2), which names the path; those before it are written.
 */
export function writeSysctls(
  namespace: Namespace | undefined,
  sysctls: Readonly<Record<string, string | number>>,
): void {
  const writes = Object.entries(sysctls).map(([key, value]) => [pathOf(key), `${value}`] as const);
  if (writes.length === 0) return;
  inNamespace(namespace, () => {
    for (const [path, value] of writes) writeFileSync(path, value);
  });
}

function pathOf(key: string): string {
  const path = normalize(key);
  if (isAbsolute(path) || path.startsWith('..'))
    throw new TypeError(`"${key}" is not a sysctl: a path below ${SYSCTLS} is needed`);
  return join(SYSCTLS, path);
}
