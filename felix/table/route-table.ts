/**
 * The main routing table: makes what the kernel has of ours into what is desired.
 *
 * What the kernel has is known from a dump, from what it answered to our own writes, and from what it
 * tells of others'. Where these may be out of step the answer is a dump, never a guess.
 */

import { formatPrefix, type Prefix } from 'net-ipaddr';
import type { Result, Route, RouteSpec } from 'rtnetlink-ts';
import type { Netlink } from '../kernel.ts';
import { TABLE } from '../ours.ts';
import type { Report } from '../report.ts';
import { difference, type Plan, type Step } from './difference.ts';
import { Entries, type Entry, isAsDesired, metricOf } from './entries.ts';
import { EntryQueue } from './entry-queue.ts';
import { Failures, type FailuresOptions } from './failures.ts';
import { describeRoute, type InterfaceNames, isOurs, sameRoute } from './kernel-route.ts';
import type { NextHopObjects } from './next-hop-objects.ts';
import { newCounters } from './route-counters.ts';
import { isGone, RouteWriter, type RouteWriterOptions } from './route-writer.ts';
import { Sightings, type StrangerListener } from './sightings.ts';
import { UnknownRoutes } from './unknown-routes.ts';

/** Longest stretch of work without a return to the event loop. */
const SLICE_MS = 3;

export interface RouteTableOptions extends RouteWriterOptions, FailuresOptions {
  netlink: RouteWriterOptions['netlink'] & Pick<Netlink, 'eachRoute'>;
  names: InterfaceNames;
  nextHops: Pick<NextHopObjects, 'flush' | 'idle' | 'lackOf' | 'remove' | 'retry'>;
  /** Whose routes are ours: it may grow, after which a resync is due. */
  protocols: ReadonlySet<number>;
  /** There is something to flush. */
  onWork(): void;
  /** The kernel has something that we did not know of: a resync is due. */
  onSurprise(): void;
}

interface Batch extends Plan<Entry> {
  readonly batch: readonly Entry[];
}

export class RouteTable {
  readonly counters = newCounters();
  readonly #options: RouteTableOptions;
  readonly #entries: Entries;
  readonly #sightings: Sightings;
  readonly #queue = new EntryQueue();
  readonly #writer: RouteWriter;
  readonly #failures: Failures;
  readonly #unknown: UnknownRoutes;
  #desiredCount = 0;
  #flyingCount = 0;

  constructor(options: RouteTableOptions) {
    this.#options = options;
    this.#entries = new Entries(Math.floor(options.random() * 2 ** 32));
    this.#sightings = new Sightings(options, this.#entries);
    this.#writer = new RouteWriter(options);
    this.#failures = new Failures(options, (entry) => this.#enqueue(entry));
    const postpone = (entry: Entry, delayMs: number) => this.#failures.postpone(entry, delayMs);
    this.#unknown = new UnknownRoutes({ ...options, postpone });
  }

  /** How many prefixes wait to be flushed. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Batches that another thread is writing, or will. */
  get flights(): number {
    return this.#writer.flights;
  }

  get desiredCount(): number {
    return this.#desiredCount;
  }

  get failingCount(): number {
    return this.#failures.count;
  }

  get pendingCount(): number {
    return this.#queue.size + this.#flyingCount + this.#failures.waitingCount;
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
    this.#unknown.endRestart();
    for (let id = 0; id < this.#entries.idLimit; id++) {
      const entry = this.#entries.at(id);
      if (entry && !entry.isKnown && entry.ours.length > 0) this.#enqueue(entry);
    }
  }

  /** Sends one batch of at most `limit` prefixes. Blocks for about 3 µs a route. */
  flush(limit: number): void {
    this.#send(this.#queue.take(limit));
  }

  /**
   * As `flush`, by another thread. What is asked for meanwhile of the same prefixes waits for it. While one is
   * under way, nobody may read the table.
   */
  fly(limit: number): void {
    const batch = this.#queue.take(limit);
    for (const entry of batch) entry.flight = 'under way';
    this.#flyingCount += batch.length;
    const plan = this.#plan(batch);
    this.#writer.fly(plan.steps, (results) => this.#land(plan, results));
  }

  /** Resolves when no flight is under way, or none that any of these is part of. */
  landed(prefixes?: readonly Prefix[]): Promise<void> {
    const isAboard = (prefix: Prefix) => (this.#entries.find(prefix)?.flight ?? 'none') !== 'none';
    return this.#writer.landed(() => prefixes === undefined || prefixes.some(isAboard));
  }

  /** The next hop object that a route to the prefix is by now, whatever was asked for since. */
  nextHopIdOf(prefix: Prefix): number | undefined {
    return this.#entries.find(prefix)?.ours[0]?.nextHopId;
  }

  /** Sends these prefixes now, before all others; none may be in a flight. @returns what is still wrong with them. */
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
    this.#options.nextHops.retry();
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
      // Written before it went, or after?
      if (entry.flight !== 'none') this.#options.onSurprise();
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
    await this.#sweep(await this.#sightings.read(strangers));
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
    this.#writer.close();
    this.#failures.close();
  }

  #send(batch: readonly Entry[]): void {
    const plan = this.#plan(batch);
    this.#conclude(plan, this.#writer.write(plan.steps));
  }

  #plan(batch: readonly Entry[]): Batch {
    this.#options.nextHops.flush();
    const plan = difference(batch, (entry, route) => this.#unknown.mayRemove(entry, route));
    return { ...plan, batch, steps: plan.steps.filter((step) => this.#hasNextHop(step)) };
  }

  #hasNextHop(step: Step<Entry>): boolean {
    const lack = this.#options.nextHops.lackOf(step);
    if (lack !== undefined) this.#fail(step.slot, lack);
    return lack === undefined;
  }

  #fail(entry: Entry, reason: string): void {
    this.counters.failed++;
    this.#failures.fail(entry, reason);
  }

  #land(plan: Batch, results: readonly Result[]): void {
    const overtaken = plan.batch.filter(({ flight }) => flight === 'overtaken');
    for (const entry of plan.batch) entry.flight = 'none';
    this.#flyingCount -= plan.batch.length;
    this.#conclude(plan, results);
    for (const entry of overtaken) if (this.#entries.at(entry.id) === entry) this.#enqueue(entry);
    this.#options.onWork();
  }

  #conclude({ batch, steps, blocked }: Batch, results: readonly Result[]): void {
    for (const [i, step] of steps.entries()) this.#settleStep(step, results[i]);
    for (const entry of blocked) {
      const stranger = describeRoute(entry.stranger!, this.#options.names);
      this.#failures.blame(entry, `a route that is not ours has its place: ${stranger}`);
    }
    for (const entry of batch) this.#afterSend(entry);
  }

  #settleStep({ action, slot: entry, route }: Step<Entry>, error: Result): void {
    this.#touch(entry);
    if (error !== undefined && !(action === 'delete' && isGone(error.code))) {
      this.#fail(entry, error.message);
      // It is there, ours or a stranger's, or its next hop is not, and we did not know: the next dump tells.
      const isLost = error.code === 'EINVAL' && route.nextHopId !== undefined;
      if (error.code === 'EEXIST' || isLost) this.#options.onSurprise();
      return;
    }
    if (action === 'delete') {
      entry.ours = entry.ours.filter((known) => known !== route);
      this.counters.removed++;
      return;
    }
    if (action === 'add') this.counters.added++;
    else this.counters.replaced++;
    const others = entry.ours.filter((known) => known.metric !== route.metric);
    // An array that is spread into has room for 17.
    entry.ours = others.length === 0 ? [route] : [...others, route];
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
      !isAsDesired(entry)
    )
      this.#enqueue(entry);
  }

  /**
   * Compares what the dump told with what was known, a slice at a time.
   * @param first what has been written to since the dump began was touched during it, or later
   */
  async #sweep(first: number): Promise<void> {
    const { clock, nextHops } = this.#options;
    const idle = nextHops.idle();
    let sliceEnd = clock.monotonic() + SLICE_MS;
    for (let id = 0; id < this.#entries.idLimit; id++) {
      const entry = this.#entries.at(id);
      if (entry !== undefined && entry.touchedDuring < first) this.#compare(entry);
      if (idle.size > 0) for (const { nextHopId } of entry?.ours ?? []) idle.delete(nextHopId!);
      if (id % 256 === 255 && clock.monotonic() > sliceEnd) {
        await new Promise<void>((resolve) => clock.after(0, resolve));
        sliceEnd = clock.monotonic() + SLICE_MS;
      }
    }
    nextHops.remove(idle);
  }

  #compare(entry: Entry): void {
    const wasAsDesired = isAsDesired(entry);
    this.#sightings.believe(entry);
    if (isAsDesired(entry)) {
      this.#failures.forget(entry);
      if (entry.desired === undefined && entry.stranger === undefined) this.#drop(entry);
      return;
    }
    if (wasAsDesired && entry.desired !== undefined) this.counters.repaired++;
    this.#enqueue(entry);
  }

  /** Nothing refers to it afterwards: its id goes to another prefix. */
  #drop(entry: Entry): void {
    this.#queue.delete(entry);
    this.#failures.forget(entry);
    this.#entries.delete(entry);
  }

  #touch(entry: Entry): void {
    entry.touchedDuring = this.#sightings.last;
  }

  #enqueue(entry: Entry): void {
    this.#failures.awaitNoMore(entry);
    if (entry.flight === 'none') this.#queue.add(entry);
    else entry.flight = 'overtaken';
    this.#options.onWork();
  }
}
