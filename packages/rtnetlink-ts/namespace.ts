/** Acting inside another network namespace. */

import type { Namespace } from './codec/link.ts';

/**
 * Runs `fn` with this thread inside `namespace`, then comes back, whatever `fn` does. Should coming
 * back fail, the process ends: everything it did afterwards would be done to the wrong network.
 *
 * `fn` must be synchronous and start nothing: setns(2) moves one thread, and a libuv thread that is
 * first started inside stays there for ever.
 */
export function inNamespace<T>(_namespace: Namespace, _fn: () => T): T {
  throw new Error('not wired yet');
}

/**
 * Writes sysctls inside a namespace. Keys are paths below /proc/sys, since an interface's name may
 * hold a dot: `{ 'net/ipv4/conf/eth0/forwarding': 1 }`.
 */
export function writeSysctls(
  _namespace: Namespace,
  _sysctls: Readonly<Record<string, string | number>>,
): void {
  throw new Error('not wired yet');
}
