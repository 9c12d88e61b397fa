/** The kernel's links, addresses, routes, rules and neighbours in one network namespace. */

import { closeSync, openSync } from 'node:fs';
import type { Family } from 'net-ipaddr';
import {
  type AddressEntry,
  decodeAddress,
  encodeAddressDump,
  RTM_GETADDR,
} from './codec/address.ts';
import { type LentRoute, RouteLender } from './codec/lent-route.ts';
import { decodeLink, encodeLinkDump, type Link, type LinkRef, RTM_GETLINK } from './codec/link.ts';
import type { Namespace } from './codec/link-kind.ts';
import {
  decodeFdb,
  decodeNeighbour,
  encodeFdbDump,
  encodeNeighbourDump,
  type FdbEntry,
  type Neighbour,
  type NeighbourFilter,
  RTM_GETNEIGH,
} from './codec/neighbour.ts';
import {
  decodeNextHop,
  encodeNextHopDump,
  type NextHopObject,
  RTM_GETNEXTHOP,
} from './codec/next-hop-object.ts';
import {
  decodeRoute,
  encodeRouteDump,
  type Route,
  type RouteFilter,
  RTM_GETROUTE,
} from './codec/route.ts';
import { decodeRule, encodeRuleDump, RTM_GETRULE, type Rule } from './codec/rule.ts';
import { Dumps } from './dump.ts';
import { LinkDeletion } from './link-deletion.ts';
import { type Group, type Monitor, type NetlinkEvent, NetlinkMonitor } from './monitor.ts';
import type { NetlinkError } from './netlink-error.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import { OffLoop } from './off-loop.ts';
import type { Operation } from './operation.ts';
import { withoutChangesBy } from './own-changes.ts';
import { readLink } from './read-link.ts';
import { RequestBuffer } from './request-buffer.ts';
import type { MessageWriter } from './wire/message-writer.ts';
import type { Words } from './wire/words.ts';

export interface NetlinkOptions {
  /** @default the namespace of the calling thread */
  readonly netns?: Namespace;
}

/** One operation's result: undefined when done, else why not. */
export type Result = NetlinkError | undefined;

/** Room for the answers to a whole buffer of requests that all fail, at about 1 KiB each. */
const ANSWERS_BYTES = 1 << 20;
/** The same of a buffer that is sent by another thread. */
const OFF_LOOP_ANSWERS_BYTES = 1 << 22;
/** About 5,000 notifications: what others do at full speed during 20 ms in which we do not read. */
const NOTIFICATIONS_BYTES = 1 << 22;

/**
 * Opens the kernel's routing tables in a namespace. The descriptors stay in that namespace, and keep
 * it alive, until `close`.
 *
 * @throws SystemCallError when the namespace cannot be entered or the kernel is older than 4.20; an
 * Error of open(2) when its path is not there.
 */
export function openNetlink(options: NetlinkOptions = {}): Rtnetlink {
  return new Rtnetlink(options);
}

export class Rtnetlink {
  /** Undefined: the calling thread's, which needs no setns and so no CAP_SYS_ADMIN. */
  readonly #namespace: number | undefined;
  readonly #socket: NetlinkSocket;
  readonly #requests: RequestBuffer;
  readonly #monitors = new Set<Monitor>();
  #offLoop: OffLoop | undefined;
  #deletion: LinkDeletion | undefined;
  readonly #dumps = new Dumps(() => this.#openSocket());
  #closed = false;

  constructor(options: NetlinkOptions) {
    const { netns } = options;
    // A descriptor of our own: a path may go, and the caller closes what it gave.
    if (netns !== undefined)
      this.#namespace = openSync(typeof netns === 'number' ? `/proc/self/fd/${netns}` : netns, 'r');
    try {
      this.#socket = this.#openSocket();
    } catch (error) {
      if (this.#namespace !== undefined) closeSync(this.#namespace);
      throw error;
    }
    this.#requests = new RequestBuffer(this.#socket);
  }

  /** One interface, or undefined when there is none. Takes microseconds. */
  link(ref: LinkRef): Link | undefined {
    return readLink(this.#socket, ref);
  }

  /*
   * Dumps read in slices, so that a table of a million entries does not hold up the event loop, and
   * begin again when a change tore them (NLM_F_DUMP_INTR). Two at a time wait for one another.
   */

  links(filter: { kind?: string; master?: number } = {}): Promise<Link[]> {
    return this.#collect('links', RTM_GETLINK, decodeLink, (out) => encodeLinkDump(out, filter));
  }

  addresses(filter: { family?: Family; link?: number } = {}): Promise<AddressEntry[]> {
    return this.#collect('addresses', RTM_GETADDR, decodeAddress, (out) =>
      encodeAddressDump(out, filter),
    );
  }

  /**
   * Without a family: IPv4's, then IPv6's. A table that is not there is empty. A route takes about
   * 500 bytes: for a table of 100,000 `eachRoute` spares the garbage collector pauses of 20 ms.
   */
  async routes(filter: RouteFilter = {}): Promise<Route[]> {
    const all: Route[] = [];
    for (const family of families(filter.family)) {
      let routes: Route[] = [];
      await this.eachRoute({ ...filter, family }, () => {
        routes = [];
        return (route) => routes.push(route);
      });
      for (const route of routes) all.push(route);
    }
    return all;
  }

  /**
   * Every route of a family, without an array of them all. `begin` is called when the dump begins,
   * and once more each time that it begins again: forget what was told before.
   *
   * @param isKnown is asked about routes by next hop objects first: of those that it knows no object is made
   */
  eachRoute(
    filter: RouteFilter & { family: Family },
    begin: () => (route: Route) => void,
    isKnown: (route: LentRoute) => boolean = () => false,
  ): Promise<void> {
    const { family } = filter;
    const encode = (out: MessageWriter) => encodeRouteDump(out, family, filter);
    const lender = new RouteLender(family);
    const decodeWhole = ofFamily(family, decodeRoute);
    const decode: Decode<Route> = (words, start, end) => {
      const lent = lender.read(words, start, end);
      const isPassedOver = lent !== undefined && isKnown(lent);
      return isPassedOver ? undefined : decodeWhole(words, start, end);
    };
    return this.#visit('routes', RTM_GETROUTE, decode, encode, begin);
  }

  /** Objects and groups of them, by id. @throws NetlinkError EOPNOTSUPP by kernels before 5.3. */
  nextHops(): Promise<NextHopObject[]> {
    return this.#collect('next hops', RTM_GETNEXTHOP, decodeNextHop, encodeNextHopDump);
  }

  async rules(filter: { family?: Family } = {}): Promise<Rule[]> {
    const all: Rule[] = [];
    for (const family of families(filter.family)) {
      const decode = ofFamily(family, decodeRule);
      const encode = (out: MessageWriter) => encodeRuleDump(out, family);
      all.push(...(await this.#collect('rules', RTM_GETRULE, decode, encode)));
    }
    return all;
  }

  neighbours(filter: NeighbourFilter = {}): Promise<Neighbour[]> {
    return this.#collect('neighbours', RTM_GETNEIGH, decodeNeighbour, (out) =>
      encodeNeighbourDump(out, filter),
    );
  }

  fdb(filter: { link?: number } = {}): Promise<FdbEntry[]> {
    return this.#collect('forwarding entries', RTM_GETNEIGH, decodeFdb, (out) =>
      encodeFdbDump(out, filter),
    );
  }

  /**
   * Does all of them, each on its own: one that fails does not keep those after it from being tried.
   * Blocks for about 4 µs a route; links take longer. Each is written down before the next is asked
   * for: an iterable may hand out the same object again and again.
   *
   * @returns results in the order of the operations.
   */
  batch(operations: Iterable<Operation>): Result[] {
    if (this.#requests.count > 0) throw new Error('batch was called by the iterable that it reads');
    const results: Result[] = [];
    const onFailure = (index: number, error: NetlinkError) => {
      results[index] = error;
    };
    try {
      for (const operation of operations) {
        results.push(this.#requests.put(operation, results.length));
        if (this.#requests.isFull) this.#requests.send(onFailure);
      }
      this.#requests.send(onFailure);
    } finally {
      this.#requests.clear();
    }
    return results;
  }

  /** Does them as `batch` does, then throws the first error, if any. */
  change(...operations: Operation[]): void {
    for (const error of this.batch(operations)) if (error) throw error;
  }

  /**
   * `batch` on a thread of libuv's pool: for what blocks in the kernel (moving or deleting links), and
   * for routes by the thousand. All are written down before it returns.
   */
  async batchOffLoop(operations: Iterable<Operation>): Promise<Result[]> {
    return this.#openOffLoop().batch(operations);
  }

  /**
   * Deletes interfaces off the loop, many at a time. Resolves when they are gone; the kernel may go on freeing
   * them for 15–40 ms, on another thread. What is gone already is fine.
   */
  async deleteLinks(refs: Iterable<LinkRef>): Promise<void> {
    this.#deletion ??= new LinkDeletion({
      change: (operations) => this.batch(operations),
      openOffLoop: () => new OffLoop(this.#openSocket()),
      watch: (onGone) => this.#watchGone(onGone),
    });
    await this.#deletion.delete([...refs]);
  }

  /**
   * Calls `onEvent` for each change from now on, and `onResync` when the kernel had to drop some
   * (ENOBUFS): then what was told before is worth nothing; dump again. Changes of routes and next
   * hops made through this very object are not reported.
   */
  monitor(
    groups: readonly Group[],
    onEvent: (event: NetlinkEvent) => void,
    onResync: () => void,
    options: { /** @default 4 MiB */ receiveBufferBytes?: number } = {},
  ): Monitor {
    const socket = this.#openSocket(options.receiveBufferBytes ?? NOTIFICATIONS_BYTES);
    socket.filter(withoutChangesBy(this.#socket.portId, this.#openOffLoop().portId));
    const monitor = new NetlinkMonitor(socket, { groups, onEvent, onResync });
    this.#monitors.add(monitor);
    return {
      close: () => {
        this.#monitors.delete(monitor);
        monitor.close();
      },
    };
  }

  /** Closes its sockets; its monitors too. Dumps under way are rejected. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const monitor of this.#monitors) monitor.close();
    this.#offLoop?.close();
    this.#deletion?.close();
    this.#dumps.close();
    this.#socket.close();
    if (this.#namespace !== undefined) closeSync(this.#namespace);
  }

  #openOffLoop(): OffLoop {
    this.#offLoop ??= new OffLoop(this.#openSocket(OFF_LOOP_ANSWERS_BYTES));
    return this.#offLoop;
  }

  #openSocket(receiveBufferBytes = ANSWERS_BYTES): NetlinkSocket {
    if (this.#closed) throw new Error('the Rtnetlink was closed');
    return new NetlinkSocket(this.#namespace, receiveBufferBytes);
  }

  #watchGone(onGone: (link: Link) => void): Monitor {
    const onEvent = (event: NetlinkEvent) => {
      if (event.kind === 'link' && event.gone) onGone(event.link);
    };
    // What the kernel drops is not waited for: the deletion ends all the same.
    return this.monitor(['link'], onEvent, () => {});
  }

  async #collect<T>(
    what: string,
    type: number,
    decode: Decode<T>,
    encode: (out: MessageWriter) => void,
  ): Promise<T[]> {
    let all: T[] = [];
    await this.#visit(what, type, decode, encode, () => {
      all = [];
      return (entry) => all.push(entry);
    });
    return all;
  }

  #visit<T>(
    what: string,
    type: number,
    decode: Decode<T>,
    encode: (out: MessageWriter) => void,
    begin: () => (entry: T) => void,
  ): Promise<void> {
    return this.#dumps.run({
      attempt: `reading ${what}`,
      type,
      encode,
      begin: () => {
        const visit = begin();
        return (words, start, end) => {
          const entry = decode(words, start, end);
          if (entry !== undefined) visit(entry);
        };
      },
    });
  }
}

type Decode<T> = (words: Words, start: number, end: number) => T | undefined;

function families(family: Family | undefined): readonly Family[] {
  return family === undefined ? [4, 6] : [family];
}

/** A kernel without this family answers with those that it has. */
function ofFamily<T extends { family: Family }>(family: Family, decode: Decode<T>): Decode<T> {
  return (words, start, end) => {
    const entry = decode(words, start, end);
    return entry?.family === family ? entry : undefined;
  };
}
