/**
 * Keeps the host's routes as they should be: takes inputs and the kernel's notifications, asks the
 * calculation what they come to, and has the table write it (write-turns.ts says when).
 */

import { isDeepStrictEqual } from 'node:util';
import { type Address, hostPrefix, type Prefix, PrefixTrie } from 'net-ipaddr';
import type { AddressEntry, Group, Monitor, NetlinkEvent } from 'rtnetlink-ts';
import type { Clock, Log, Random, Timer } from '../ports.ts';
import { Calculation } from './calc/calculation.ts';
import type { Workload } from './calc/claims.ts';
import type { SaidOfBlocks } from './calc/remote-blocks.ts';
import type { Decision, DesiredRoute, LearnedChange, PeerRoute } from './calc/route.ts';
import type { HostRoutes } from './endpoint/endpoints.ts';
import { enableForwarding } from './forwarding.ts';
import { type InterfaceChange, Interfaces } from './interfaces.ts';
import type { Kernel } from './kernel.ts';
import { isOurNextHop, isPodInterface, TABLE } from './ours.ts';
import { Refusals } from './refusals.ts';
import { Resync } from './resync.ts';
import { Reviews } from './reviews.ts';
import { InteriorRoutes } from './table/interior.ts';
import {
  addressesByPod,
  DEFAULT_MARKS,
  isOurs,
  type RouteMarks,
  routeSpec,
} from './table/kernel-route.ts';
import { NextHopObjects } from './table/next-hop-objects.ts';
import { RouteTable } from './table/route-table.ts';
import { Underlay } from './table/underlay.ts';
import { WriteTurns } from './write-turns.ts';

export interface ReconcilerOptions {
  kernel: Kernel;
  clock: Clock;
  random: Random;
  log: Log;
  learnedDeadlineMs: number;
  /** Of routes that we write, or have written. */
  protocols: ReadonlySet<number>;
  /** The table has been read, and what it has of ours is known. */
  onResynced(): void;
  /** All that was asked for is written, or was refused. */
  onWritten(): void;
  onInterfaceGone(name: string): void;
  /** Some next hops may be reached in another way now, or not at all: `calculation.resolve` tells. */
  onNextHopsChanged(): void;
}

export class Reconciler implements HostRoutes {
  readonly interfaces = new Interfaces();
  readonly calculation: Calculation;
  readonly table: RouteTable;
  readonly refusals: Refusals;
  readonly #options: ReconcilerOptions;
  readonly #resync: Resync;
  readonly #interior: InteriorRoutes;
  readonly #nextHops: NextHopObjects;
  readonly #reviews: Reviews;
  readonly #turns: WriteTurns;
  #addresses: readonly AddressEntry[] = [];
  #nextNodes: PrefixTrie<Address> | undefined;
  #marks = DEFAULT_MARKS;
  #monitor: Monitor | undefined;
  #isOpen = false;
  #isClosed = false;
  #isLearnedInSync = false;
  #learnedDeadline: Timer | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    const { kernel, clock, random, log } = options;
    const failure = 'cannot read the routes of the kernel';
    this.#resync = new Resync({ clock, random, log, failure, read: () => this.#read() });
    const seed = () => Math.floor(random() * 2 ** 32);
    this.#interior = new InteriorRoutes(this.interfaces, seed());
    const onSurprise = () => this.#resync.soon();
    const shared = { netlink: kernel.host, names: this.interfaces, onSurprise };
    this.#nextHops = new NextHopObjects({ ...shared, onWork: () => this.#turns.soon() });
    this.calculation = new Calculation(
      (nextHop) => this.#interior.resolve(nextHop),
      seed(),
      this.#nextHops,
    );
    this.#reviews = new Reviews(clock, () => {
      this.calculation.reviewNextHops();
      options.onNextHopsChanged();
      this.#turns.soon();
    });
    this.refusals = new Refusals(clock, log);
    this.table = new RouteTable({
      ...shared,
      nextHops: this.#nextHops,
      protocols: options.protocols,
      clock,
      random,
      log,
      onWork: () => this.#turns.soon(),
    });
    this.#turns = new WriteTurns({
      clock,
      calculation: this.calculation,
      table: this.table,
      nextHops: this.#nextHops,
      decide: (prefix) => this.#decide(prefix),
      onWritten: options.onWritten,
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isLearnedInSync(): boolean {
    return this.#isLearnedInSync;
  }

  get hasRoutes(): boolean {
    for (const _ of this.table.programmed()) return true;
    return false;
  }

  /** Listens, and reads what there is. Writes nothing. @throws NetlinkError */
  async start(): Promise<void> {
    await this.#nextHops.read();
    if (this.#isClosed) return;
    const groups: readonly Group[] = ['link', 'address', 'route'];
    this.#monitor = this.#options.kernel.host.monitor(
      this.#nextHops.isSupported ? [...groups, 'nextHop'] : groups,
      (event) => this.#hear(event),
      () => this.#resync.soon(),
    );
    await this.#read();
    this.#resync.start();
  }

  /** From when it resolves the kernel is written to. @throws NetlinkError, Error of a sysctl that can't be written. */
  async open(): Promise<void> {
    const { clock, kernel, learnedDeadlineMs, log } = this.#options;
    await enableForwarding(kernel, log);
    if (this.#nextNodes !== undefined) await this.resync();
    if (this.#isClosed) return;
    this.#takeNextNodes();
    this.#isOpen = true;
    if (!this.#isLearnedInSync)
      this.#learnedDeadline = clock.after(learnedDeadlineMs, () => this.setLearnedInSync());
    this.#turns.open();
  }

  /**
   * Counts after the next reading, which is soon: until then it isn't known which of the host's routes
   * carry the new addresses, and a good route would be refused for a moment.
   */
  setNodeAddresses(addresses: Iterable<Address>): void {
    this.#nextNodes = new PrefixTrie();
    for (const address of addresses) this.#nextNodes.set(hostPrefix(address), address);
    if (this.#monitor !== undefined) this.#resync.soon();
  }

  /** @param marks of a protocol that is among `protocols` by now. */
  setRouteMarks(marks: RouteMarks): void {
    if (isDeepStrictEqual(marks, this.#marks)) return;
    this.#marks = marks;
    this.calculation.touchAll();
    // What was a stranger's may be ours now.
    if (this.#monitor !== undefined) this.#resync.soon();
    this.#turns.soon();
  }

  /** How often the kernel is read without a hint, in ms; 0: never. */
  setRefreshInterval(intervalMs: number): void {
    this.#resync.every(intervalMs);
  }

  setLocalBlocks(blocks: Iterable<Prefix>): void {
    this.calculation.setLocalBlocks(blocks);
    this.#reviews.soon();
    this.#turns.soon();
  }

  setPeerRoutes(routes: Iterable<PeerRoute>): void {
    this.calculation.setPeerRoutes(routes);
    this.#reviews.soon();
    this.#turns.soon();
  }

  setOverlay(overlay: SaidOfBlocks): void {
    this.calculation.setRemote(overlay);
    this.#reviews.soon();
    this.#turns.soon();
  }

  updateLearned(changes: Iterable<LearnedChange>): void {
    for (const { prefix, nextHops, metric } of changes)
      this.calculation.setLearned(prefix, nextHops, metric);
    this.#turns.soon();
  }

  setLearnedInSync(): void {
    if (this.#isLearnedInSync) return;
    this.#isLearnedInSync = true;
    this.#learnedDeadline?.cancel();
    this.table.removeUnknownRemote();
  }

  setWorkload(hostInterface: string, workload: Workload | undefined): void {
    this.calculation.setWorkload(hostInterface, workload);
    this.#reviews.soon();
    this.#turns.soon();
  }

  noteInterface(link: { index: number; name: string; up: boolean }): void {
    this.interfaces.hear(link, false);
  }

  async settle(prefixes: readonly Prefix[]): Promise<string[]> {
    await this.table.landed(prefixes);
    const faults = this.#settle(prefixes);
    if (faults.length === 0) return faults;
    // Something is there that we did not know of; after a look it may prove to be ours.
    await this.resync();
    await this.table.landed(prefixes);
    return this.#settle(prefixes);
  }

  /** The addresses that the kernel routes to interfaces of pods, by interface. */
  routedToPods(): Map<string, Address[]> {
    return addressesByPod(this.table.programmed(), this.interfaces);
  }

  /** Reads everything again now. Resolves when that is done, also when it failed (and is told of). */
  resync(): Promise<void> {
    return this.#resync.now();
  }

  close(): void {
    this.#isClosed = true;
    this.#isOpen = false;
    this.#turns.close();
    this.#monitor?.close();
    this.#learnedDeadline?.cancel();
    this.#reviews.close();
    this.#resync.close();
    this.refusals.tell();
    this.table.close();
  }

  #settle(prefixes: readonly Prefix[]): string[] {
    const forbidden = prefixes.flatMap((prefix) => {
      const { route, refusals } = this.#decide(prefix);
      return route === undefined ? refusals.map(({ reason }) => reason) : [];
    });
    return [...forbidden, ...this.table.settle(prefixes)];
  }

  #decide(prefix: Prefix): Decision {
    const decision = this.calculation.decide(prefix);
    const { route, refusals } = decision;
    const nextHopId = route && this.#nextHopOf(route);
    this.table.want(prefix, route && routeSpec(route, this.interfaces, this.#marks, nextHopId));
    this.refusals.set(prefix, refusals);
    return decision;
  }

  #nextHopOf({ prefix, target }: DesiredRoute): number | undefined {
    if (target.kind !== 'learned' || target.set === undefined) return undefined;
    return this.#nextHops.idOf(target.set, () => this.table.nextHopIdOf(prefix));
  }

  #hear(event: NetlinkEvent): void {
    if (event.kind === 'link') {
      const { index, name } = event.link;
      const change = this.interfaces.hear(event.link, event.gone);
      this.#interfaceChanged(name, index, change);
      // What went down lost routes of which we are not told.
      const isNews = change !== 'none' && change !== 'appeared';
      if (isNews && !isPodInterface(name)) this.#resync.soon();
    } else if (event.kind === 'address') {
      const name = this.interfaces.nameOf(event.address.link);
      // A gateway may be within reach now, or a network connected.
      if (name !== undefined && isPodInterface(name)) return;
      this.table.retryAll();
      this.#resync.soon();
    } else if (event.kind === 'nextHop') {
      if (isOurNextHop(event.nextHop)) this.#resync.soon();
    } else if (event.kind === 'route') {
      const { route, gone } = event;
      if (!isOurs(route, this.interfaces, this.#options.protocols)) {
        if (this.#interior.hear(route, gone)) this.#resync.soon();
        this.#reviews.soon();
      }
      if (this.table.hear(route, gone)) this.#resync.soon();
      else if (route.table === TABLE && this.#newUnderlay().matters(route)) this.#resync.soon();
    }
  }

  #interfaceChanged(name: string, index: number, change: InterfaceChange): void {
    if (change === 'none') return;
    const isPod = isPodInterface(name);
    if (change !== 'carrier' && change !== 'no carrier') this.#reviews.soon();
    if (change === 'gone' || change === 'down' || change === 'no carrier')
      this.#nextHops.loseLink(index);
    if (change === 'gone' || change === 'down') {
      const { calculation } = this;
      this.#interior.loseLink(index);
      const lost = isPod ? calculation.prefixesOf(name) : calculation.prefixesByTunnel(name);
      this.table.forgetRoutesVia(index, lost);
    }
    if (change === 'appeared' || change === 'gone') {
      if (isPod) this.calculation.touchWorkload(name);
      else this.calculation.touchLink(name);
      this.#turns.soon();
    }
    if (change === 'gone') this.#options.onInterfaceGone(name);
    if (change !== 'up' && change !== 'carrier') return;
    if (isPod) this.table.retryNow(this.calculation.prefixesOf(name));
    else this.table.retryAll();
  }

  async #read(): Promise<void> {
    const { kernel, log } = this.#options;
    this.#turns.hold();
    await this.table.landed();
    try {
      this.interfaces.beginDump();
      for (const { name, index, change } of this.interfaces.replaceAll(await kernel.host.links()))
        this.#interfaceChanged(name, index, change);
      this.#addresses = await kernel.host.addresses();
      const underlay = this.#newUnderlay();
      const nodes = this.#nextNodes;
      this.#interior.beginDump();
      await this.#nextHops.read();
      await this.table.resync([underlay, this.#interior]);
      this.#interior.believeDump();
      this.#reviews.soon();
      this.calculation.setUnderlay(underlay.routes());
      if (nodes === this.#nextNodes) this.#takeNextNodes();
    } finally {
      this.#turns.goOn();
    }
    if (this.#isOpen) await enableForwarding(kernel, log);
    if (!this.#isClosed) this.#options.onResynced();
  }

  #newUnderlay(): Underlay {
    const next = this.#nextNodes;
    return new Underlay(
      this.interfaces,
      this.#addresses,
      (prefix) =>
        this.calculation.holdsNodeAddress(prefix) || next?.covered(prefix).next().done === false,
    );
  }

  #takeNextNodes(): void {
    if (this.#nextNodes === undefined) return;
    this.calculation.setNodeAddresses(Array.from(this.#nextNodes, ({ value }) => value));
    this.#nextNodes = undefined;
  }
}
