/** The kernel's links, addresses, routes, rules and neighbours in one network namespace. */

import type { Family } from 'net-ipaddr';
import type { AddressEntry } from './codec/address.ts';
import type { Link, LinkRef, Namespace } from './codec/link.ts';
import type { FdbEntry, Neighbour, NeighbourFilter } from './codec/neighbour.ts';
import type { Route, RouteFilter } from './codec/route.ts';
import type { Rule } from './codec/rule.ts';
import type { Group, Monitor, NetlinkEvent } from './monitor.ts';
import type { NetlinkError } from './netlink-error.ts';
import type { Operation } from './operation.ts';

export interface NetlinkOptions {
  /** @default the namespace of the calling thread */
  readonly netns?: Namespace;
}

/** One operation's result: undefined when done, else why not. */
export type Result = NetlinkError | undefined;

/**
 * Opens the kernel's routing tables in a namespace. The descriptors stay in that namespace, and keep
 * it alive, until `close`.
 *
 * @throws NetlinkError when the namespace cannot be entered or the kernel is older than 4.20.
 */
export function openNetlink(options: NetlinkOptions = {}): Rtnetlink {
  return new Rtnetlink(options);
}

export interface Rtnetlink {
  /** One interface, or undefined when there is none. Takes microseconds. */
  link(ref: LinkRef): Link | undefined;

  /*
   * Dumps read in slices, so that a table of a million entries does not hold up the event loop, and
   * begin again when a change tore them (NLM_F_DUMP_INTR). Two at a time wait for one another.
   */
  links(filter?: { kind?: string; master?: number }): Promise<Link[]>;
  addresses(filter?: { family?: Family; link?: number }): Promise<AddressEntry[]>;
  routes(filter?: RouteFilter): Promise<Route[]>;
  rules(filter?: { family?: Family }): Promise<Rule[]>;
  neighbours(filter?: NeighbourFilter): Promise<Neighbour[]>;
  fdb(filter?: { link?: number }): Promise<FdbEntry[]>;
  /**
   * Every route, without an array of them all. `begin` is called when the dump begins, and once more
   * each time that it begins again: forget what was told before.
   */
  eachRoute(filter: RouteFilter, begin: () => (route: Route) => void): Promise<void>;

  /**
   * Does all of them, each on its own: one that fails does not keep those after it from being tried.
   * Blocks for about 3 µs a route; links take longer. Results are in the order of the operations.
   */
  batch(operations: Iterable<Operation>): Result[];
  /** Does them as `batch` does, then throws the first one's error that failed. */
  change(...operations: Operation[]): void;
  /** `batch` on a thread of libuv's pool: for what blocks in the kernel (moving or deleting links). */
  batchOffLoop(operations: Iterable<Operation>): Promise<Result[]>;
  /**
   * Deletes interfaces off the loop. One deletion blocks in the kernel for 15–40 ms, and so do
   * twenty by group: those asked for while one is under way go together. What is gone already is fine.
   */
  deleteLinks(refs: Iterable<LinkRef>): Promise<void>;

  /**
   * Calls `onEvent` for each change from now on, and `onResync` when the kernel had to drop some
   * (ENOBUFS): then what was told before is worth nothing; dump again. Route changes made through
   * this very object are not reported.
   */
  monitor(
    groups: readonly Group[],
    onEvent: (event: NetlinkEvent) => void,
    onResync: () => void,
    options?: { /** @default 1 MiB */ receiveBufferBytes?: number },
  ): Monitor;

  /** Closes its sockets; its monitors too. */
  close(): void;
}

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the face first
export class Rtnetlink {
  constructor(_options: NetlinkOptions) {
    throw new Error('not wired yet');
  }
}
