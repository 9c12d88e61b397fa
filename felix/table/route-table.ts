/**
 * The main routing table: makes what the kernel has of ours into what is desired.
 *
 * What the kernel has is known from a dump, from what it answered to our own writes, and from what it
 * tells of others'. Where these may be out of step the answer is a dump, never a guess.
 */

import { type Family, formatPrefix, type Prefix } from 'net-ipaddr';
import type { NetlinkError, Result, Route, RouteSpec } from 'rtnetlink-ts';
import type { Clock, Log, Random } from '../../ports.ts';
import type { Netlink } from '../kernel.ts';
import { TABLE } from '../ours.ts';
import type { Report } from '../report.ts';
import { difference, type Step } from './difference.ts';
import { Entries, type Entry } from './entries.ts';
import { Failures } from './failures.ts';
import { writeRoutes } from './footing.ts';
import {
  describeRoute,
  type InterfaceNames,
  isOurs,
  isRemote,
  leadsToPod,
  METRIC,
  sameRoute,
} from './kernel-route.ts';
import { believe, sightOurs, sightStranger } from './sighting.ts';

/** How long an unknown route to a pod's interface stays: another program may be wiring that pod now. */
const GRACE_MS = 10_000;
/** Longest stretch of work without a return to the event loop. */
const SLICE_MS = 5;

const FAMILIES: readonly Family[] = [4, 6];

const { floor } = Math;

export interface RouteTableOptions {
  netlink: Pick<Netlink, 'batch' | 'eachRoute'>;
  names: InterfaceNames;
  /** Whose routes are ours: it may grow, after which a resync is due. */
  protocols: ReadonlySet<number>;
  clock: Clock;
  random: Random;
  log: Log;
  /** There is something to flush. */
  onWork(): void;
  /** The kernel has something that we did not know of: a resync is due. */
  onSurprise(): void;
}

/** Told of every route in the main table that is not ours. */
export interface StrangerListener {
  /** Forget what was told of this family: its dump begins (again). */
  begin(family: Family): void;
  see(route: Route): void;
}

export interface RouteCounters {
  added: number;
  replaced: number;
  removed: number;
  /** Writes that the kernel refused. */
  failed: number;
  resyncs: number;
  /** Routes of ours that a resync found missing or changed. */
  repaired: number;
}

export class RouteTable {
  readonly counters: RouteCounters = {
    added: 0,
    replaced: 0,
    removed: 0,
    failed: 0,
    resyncs: 0,
    repaired: 0,
  };
  readonly #options: RouteTableOptions;
  readonly #entries: Entries;
  readonly #queue = new Set<Entry>();
  readonly #failures: Failures;
  #keepsUnknownRemote = true;
  #desiredCount = 0;
  /** Counts dumps, those that began again too. */
  #dump = 0;
  /** The newest of each family. */
  readonly #dumpOf = { 4: 0, 6: 0 };

  constructor(options: RouteTableOptions) {
    this.#options = options;
    this.#entries = new Entries(floor(options.random() * 2 ** 32));
    this.#failures = new Failures(options, (entry) => this.#enqueue(entry));
  }

  get hasWork(): boolean {
    return this.#queue.size > 0;
  }

  get desiredCount(): number {
    return this.#desiredCount;
  }

  get failingCount(): number {
    return this.#failures.count;
  }

  get pendingCount(): number {
    return this.#queue.size + this.#failures.waitingCount;
  }

  /**
   * What should be there for this prefix from now on.
   *
   * @param desired undefined: nothing, and what there is of ours goes.
   */
  want(prefix: Prefix, desired: RouteSpec | undefined): void {
    const entry = desired ? this.#entries.findOrAdd(prefix) : this.#entries.find(prefix);
    if (entry === undefined) return;
    if (entry.desired === undefined && desired !== undefined) this.#desiredCount++;
    if (entry.desired !== undefined && desired === undefined) this.#desiredCount--;
    entry.isKnown = true;
    const placeBefore = metricOf(entry);
    entry.desired = desired;
    // Who is in the other place the next dump tells; adding overwrites nobody until then.
    if (metricOf(entry) !== placeBefore) entry.stranger = entry.sightedStranger = undefined;
    entry.attempts = 0;
    this.#failures.acquit(entry);
    this.#enqueue(entry);
  }

  /**
   * Remote routes of ours that nobody here knows are kept until this is called: they were learned
   * before a restart, and BGP may not have come round to them yet.
   */
  removeUnknownRemote(): void {
    this.#keepsUnknownRemote = false;
    for (let id = 0; id < this.#entries.idLimit; id++) {
      const entry = this.#entries.at(id);
      if (entry && !entry.isKnown && entry.ours.length > 0) this.#enqueue(entry);
    }
  }

  /** Sends one batch of at most `limit` prefixes. Blocks for about 3 µs a route. */
  flush(limit: number): void {
    const batch: Entry[] = [];
    for (const entry of this.#queue) {
      if (batch.length === limit) break;
      batch.push(entry);
      this.#queue.delete(entry);
    }
    this.#send(batch);
  }

  /** Sends these prefixes now, before all others. @returns what is still wrong with them. */
  settle(prefixes: Iterable<Prefix>): string[] {
    const entries: Entry[] = [];
    for (const prefix of prefixes) {
      const entry = this.#entries.find(prefix);
      if (entry === undefined) continue;
      this.#queue.delete(entry);
      entries.push(entry);
    }
    this.#send(entries);
    return entries.flatMap((entry) => {
      const problem = this.#failures.reasonOf(entry);
      return problem === undefined ? [] : [`${formatPrefix(entry.prefix)}: ${problem}`];
    });
  }

  /** The obstacle may be gone (an interface came up): what failed is tried again at once. */
  retryAll(): void {
    for (const entry of this.#failures.obstructed()) this.#retry(entry);
  }

  retryNow(prefixes: Iterable<Prefix>): void {
    for (const prefix of prefixes) {
      const entry = this.#entries.find(prefix);
      if (entry !== undefined && this.#failures.isObstructed(entry)) this.#retry(entry);
    }
  }

  /** The interface went down, and its routes with it, of which IPv4 says nothing. */
  forgetRoutesVia(interfaceIndex: number, prefixes: Iterable<Prefix>): void {
    for (const prefix of prefixes) {
      const entry = this.#entries.find(prefix);
      if (entry === undefined) continue;
      this.#touch(entry);
      entry.ours = entry.ours.filter((route) => route.oif !== interfaceIndex);
      this.#enqueue(entry);
    }
  }

  /** What somebody else did to a route. @returns whether only a resync can tell what it means. */
  hear(route: Route, gone: boolean): boolean {
    if (route.table !== TABLE) return false;
    const entry = this.#entries.find(route.destination);
    const { names, protocols } = this.#options;
    if (isOurs(route, names, protocols)) {
      const same = entry?.ours.find((known) => sameRoute(route, known));
      if (!gone) return same === undefined;
      // One next hop of several goes with a message that names it alone.
      if (entry === undefined || same === undefined) return entry?.desired !== undefined;
      entry.ours = entry.ours.filter((known) => known !== same);
    } else {
      if (entry === undefined || route.metric !== metricOf(entry)) return false;
      // It may have come instead of ours, of which the kernel says nothing.
      if (!gone) return true;
      entry.stranger = undefined;
    }
    this.#touch(entry);
    this.#enqueue(entry);
    return false;
  }

  /** Reads the whole table, and queues what is not as desired. */
  async resync(strangers: readonly StrangerListener[]): Promise<void> {
    // Entries that are written to from now on: their `touchedDuring` is `first` or more.
    const first = ++this.#dump;
    for (const family of FAMILIES) await this.#read(family, strangers);
    await this.#sweep(first);
    this.counters.resyncs++;
  }

  /** What is not as desired, and why; the first thousand. */
  problems(): Report[] {
    return this.#failures.reports();
  }

  /** Our routes that the kernel has, as far as it is known. */
  *programmed(): Generator<RouteSpec, void, undefined> {
    for (let id = 0; id < this.#entries.idLimit; id++) yield* this.#entries.at(id)?.ours ?? [];
  }

  close(): void {
    this.#queue.clear();
    this.#failures.close();
  }

  #send(batch: readonly Entry[]): void {
    const { steps, blocked } = difference(batch, (entry, route) => this.#mayRemove(entry, route));
    const results = steps.length > 0 ? this.#write(steps) : [];
    for (const [i, step] of steps.entries()) this.#settleStep(step, results[i]);
    for (const entry of blocked) {
      const stranger = describeRoute(entry.stranger!, this.#options.names);
      this.#failures.blame(entry, `a route that is not ours has its place: ${stranger}`);
    }
    for (const entry of batch) this.#afterSend(entry);
  }

  #write(steps: readonly Step<Entry>[]): Result[] {
    try {
      return writeRoutes(this.#options.netlink, steps);
    } catch (error) {
      // The socket failed, not a route: what the kernel did of it is unknown.
      this.#options.onSurprise();
      return steps.map(() => error as NetlinkError);
    }
  }

  #settleStep({ action, slot: entry, route }: Step<Entry>, error: Result): void {
    this.#touch(entry);
    if (error !== undefined && !(action === 'delete' && isGone(error.code))) {
      this.counters.failed++;
      this.#failures.fail(entry, error.message);
      // It is there, and we did not know: ours or a stranger's, the next dump tells.
      if (error.code === 'EEXIST') this.#options.onSurprise();
      return;
    }
    if (action === 'delete') {
      entry.ours = entry.ours.filter((known) => known !== route);
      this.counters.removed++;
      return;
    }
    if (action === 'add') this.counters.added++;
    else this.counters.replaced++;
    entry.ours = [...entry.ours.filter((known) => known.metric !== route.metric), route];
    this.#failures.acquit(entry);
    entry.attempts = 0;
  }

  #retry(entry: Entry): void {
    entry.attempts = 0;
    this.#enqueue(entry);
  }

  /** Gone, clean, or to be looked at again. */
  #afterSend(entry: Entry): void {
    const { desired, ours } = entry;
    if (desired === undefined && ours.length === 0) {
      this.#failures.acquit(entry);
      entry.isKnown = false;
      entry.unwantedSince = undefined;
      if (entry.stranger === undefined) this.#drop(entry);
    }
    if (
      this.#failures.reasonOf(entry) === undefined &&
      desired !== undefined &&
      !this.#isAsDesired(entry)
    )
      this.#enqueue(entry);
  }

  #mayRemove(entry: Entry, route: RouteSpec): boolean {
    if (entry.isKnown) return true;
    const now = this.#options.clock.monotonic();
    entry.unwantedSince ??= now;
    if (leadsToPod(route, this.#options.names)) {
      const rest = entry.unwantedSince + GRACE_MS - now;
      if (rest > 0) this.#failures.postpone(entry, rest);
      return rest <= 0;
    }
    return !(this.#keepsUnknownRemote && isRemote(route));
  }

  #isAsDesired(entry: Entry): boolean {
    const { desired, ours } = entry;
    if (desired === undefined) return ours.length === 0;
    return ours.length === 1 && sameRoute(ours[0]!, desired);
  }

  #read(family: Family, strangers: readonly StrangerListener[]): Promise<void> {
    const { names, netlink, protocols } = this.#options;
    return netlink.eachRoute({ family, table: TABLE }, () => {
      const dump = ++this.#dump;
      this.#dumpOf[family] = dump;
      for (const listener of strangers) listener.begin(family);
      return (route) => {
        const { destination, metric } = route;
        if (isOurs(route, names, protocols))
          sightOurs(this.#entries.findOrAdd(destination), dump, route);
        else {
          const entry =
            metric === METRIC
              ? this.#entries.findOrAdd(destination)
              : this.#entries.find(destination);
          if (entry && metric === metricOf(entry)) sightStranger(entry, dump, route);
          for (const listener of strangers) listener.see(route);
        }
      };
    });
  }

  /** Compares what the dump told with what was known, a slice at a time. */
  async #sweep(first: number): Promise<void> {
    const { clock } = this.#options;
    let sliceEnd = clock.monotonic() + SLICE_MS;
    for (let id = 0; id < this.#entries.idLimit; id++) {
      const entry = this.#entries.at(id);
      if (entry !== undefined && entry.touchedDuring < first) this.#compare(entry);
      if (id % 256 === 255 && clock.monotonic() > sliceEnd) {
        await new Promise<void>((resolve) => clock.after(0, resolve));
        sliceEnd = clock.monotonic() + SLICE_MS;
      }
    }
  }

  #compare(entry: Entry): void {
    const wasAsDesired = this.#isAsDesired(entry);
    believe(entry, this.#dumpOf[entry.prefix.address.family]);
    if (this.#isAsDesired(entry)) {
      this.#failures.acquit(entry);
      this.#failures.awaitNoMore(entry);
      if (entry.desired === undefined && entry.stranger === undefined) this.#drop(entry);
      return;
    }
    if (wasAsDesired && entry.desired !== undefined) this.counters.repaired++;
    this.#enqueue(entry);
  }

  /** Nothing refers to it afterwards: its id goes to another prefix. */
  #drop(entry: Entry): void {
    this.#queue.delete(entry);
    this.#failures.awaitNoMore(entry);
    this.#failures.acquit(entry);
    this.#entries.delete(entry);
  }

  #touch(entry: Entry): void {
    entry.touchedDuring = this.#dump;
  }

  #enqueue(entry: Entry): void {
    this.#failures.awaitNoMore(entry);
    this.#queue.add(entry);
    this.#options.onWork();
  }
}

function isGone(code: string): boolean {
  return code === 'ESRCH' || code === 'ENOENT' || code === 'ENODEV';
}

/** Where a route of ours to the prefix is, or would be: one metric is one place. */
function metricOf({ desired }: Entry): number {
  return desired?.metric ?? METRIC;
}
