/**
 * The node's kernel: pods' interfaces and routes, a blackhole for each local block, the ways to other
 * nodes' blocks that BGP learned or the datastore tells, and the tunnels that these need.
 *
 *     const felix = new Felix({ kernel: openKernel(), clock, random, log, stateDir: '/var/lib/tortie' });
 *     await felix.start();                    // reads: endpoint files, interfaces, routes
 *     felix.setNodeAddresses(…); felix.setLocalBlocks(…); felix.setAllocations(…); felix.setOverlay(…);
 *     felix.setDatastoreInSync();             // only from here on anything is written
 *     felix.updateLearned(…); felix.setLearnedInSync();
 *     await felix.addEndpoint(…);
 *     await felix.close();                    // leaves the kernel as it is
 *
 * Ours are the routes of protocol 80 (or FelixConfiguration's) in the main table and their next hop objects, the routes
 * to `cali*` interfaces and by tunnels, these interfaces and the tunnel devices themselves (ours.ts), and the nftables
 * table `inet tortie`. Of what is the host's, only sysctls are changed (forwarding.ts and tunnel/reverse-path.ts say which
 * and why), and connections of addresses that pods gave back are forgotten (endpoint/past-connections.ts).
 */

import { join } from 'node:path';
import type { Address, Prefix, ZonedAddress } from 'net-ipaddr';
import type { Timer } from '../ports.ts';
import type { OverlayInput } from './calc/overlay.ts';
import type { LearnedChange, PeerRoute } from './calc/route.ts';
import {
  type Endpoint,
  EndpointError,
  type EndpointRef,
  type EndpointRequest,
} from './endpoint/endpoint.ts';
import { EndpointFiles } from './endpoint/endpoint-files.ts';
import { Endpoints } from './endpoint/endpoints.ts';
import type { Allocation } from './endpoint/join.ts';
import type { FelixOptions, FelixState } from './felix-types.ts';
import { FoundPods } from './found-pods.ts';
import { PacketTable } from './nat/packet-table.ts';
import { type AllowedSources, type NatSettings, NO_NAT, ruleset } from './nat/ruleset.ts';
import { OverlayNetwork } from './overlay-network.ts';
import { Reconciler } from './reconciler.ts';
import type { Report } from './report.ts';
import type { RouteMarks } from './table/kernel-route.ts';
import { RouteProtocols } from './table/route-protocols.ts';
import type { ForwarderCounters } from './tunnel/udp/question.ts';

export type {
  OverlayInput,
  OverlayNode,
  OverlayPool,
  Placement,
  TunnelSettings,
} from './calc/overlay.ts';
export {
  type Endpoint,
  EndpointError,
  type EndpointRef,
  type EndpointRequest,
  HOST_MAC,
} from './endpoint/endpoint.ts';
export type { Allocation } from './endpoint/join.ts';
export { GATEWAY4, HOST_LINK_LOCAL } from './endpoint/wiring.ts';
export type * from './felix-types.ts';
export type { NatSettings } from './nat/ruleset.ts';
export { deviceName, hostInterfaceOf } from './ours.ts';
export type { TunnelUse } from './overlay-network.ts';
export type { Report } from './report.ts';
export { DEFAULT_MARKS, type RouteMarks } from './table/kernel-route.ts';

/** Runtimes wait for minutes, people don't: an ADD that comes too early is told so after this time. */
const ADD_WAIT_MS = 10_000;
const OPEN_RETRY_MS = 10_000;
const LEARNED_DEADLINE_MS = 30_000;

export class Felix {
  readonly #options: FelixOptions;
  readonly #reconciler: Reconciler;
  readonly #endpoints: Endpoints;
  readonly #found: FoundPods;
  readonly #overlay: OverlayNetwork;
  readonly #packets: PacketTable;
  readonly #protocols: RouteProtocols;
  /** ADDs that came before it is in sync. */
  readonly #waiting = new Set<PromiseWithResolvers<void>>();
  #nextHopsChanged: () => void = () => {};
  #unreadable: readonly Report[] = [];
  #nat: NatSettings = NO_NAT;
  #isStarted = false;
  #isDatastoreInSync = false;
  /** Opening, or open. */
  #isOpening = false;
  #isClosed = false;
  #retry: Timer | undefined;

  constructor(options: FelixOptions) {
    this.#options = options;
    const { kernel, clock, random, log, stateDir } = options;
    this.#protocols = new RouteProtocols(stateDir, log);
    this.#reconciler = new Reconciler({
      protocols: this.#protocols.all,
      kernel,
      clock,
      random,
      log,
      learnedDeadlineMs: options.learnedDeadlineMs ?? LEARNED_DEADLINE_MS,
      onResynced: () => this.#found.route(),
      onWritten: () => this.#overlay.routesWritten(),
      onInterfaceGone: (name) => this.#found.interfaceGone(name),
      onNextHopsChanged: () => this.#nextHopsChanged(),
    });
    this.#overlay = new OverlayNetwork({
      ...{ kernel, clock, random, log, reconciler: this.#reconciler },
      forwarderFolder: join(stateDir, 'udp'),
      onUse: (use) => options.onTunnelUse?.(use),
      onLack: (device, reason) => options.onTunnelLack?.(device, reason),
    });
    this.#endpoints = new Endpoints({
      kernel,
      clock,
      log,
      files: new EndpointFiles(join(stateDir, 'endpoints')),
      routes: {
        setWorkload: (name, workload) => this.#found.podChanged(name, workload),
        noteInterface: (link) => this.#reconciler.noteInterface(link),
        settle: (prefixes) => this.#reconciler.settle(prefixes),
      },
    });
    this.#found = new FoundPods(this.#reconciler, this.#endpoints);
    this.#packets = new PacketTable({
      kernel,
      clock,
      random,
      log,
      desired: () => ruleset(this.#nat, this.#allowedSources()),
      pools: () => this.#nat.pools,
    });
  }

  /**
   * Reads what there is: endpoint files, interfaces, routes. Writes nothing.
   * @throws when the state folder or the kernel can't be read.
   */
  async start(): Promise<void> {
    const { unreadable } = await this.#endpoints.load();
    this.#unreadable = unreadable.map(({ path, reason }) => ({ subject: path, reason }));
    await this.#protocols.load();
    await this.#reconciler.start();
    this.#overlay.start();
    this.#found.look();
    this.#isStarted = true;
    this.#openWhenInSync();
  }

  /** Whether the kernel has routes of ours: after `start` those of an earlier run, by which it went on forwarding. */
  get hasRoutes(): boolean {
    return this.#reconciler.hasRoutes;
  }

  /** The addresses of every node, this one's too, tunnels' not: no route of ours may cut them off. */
  setNodeAddresses(addresses: Iterable<Address>): void {
    this.#reconciler.setNodeAddresses(addresses);
  }

  /** The blocks with affinity to this node, all of them each time. */
  setLocalBlocks(blocks: Iterable<Prefix>): void {
    const own = [...blocks];
    this.#found.setBlocks(own);
    this.#reconciler.setLocalBlocks(own);
  }

  /** What our routes are marked with from now on: those that are there, too. */
  setRouteMarks(marks: RouteMarks): void {
    this.#protocols.add(marks.protocol);
    this.#reconciler.setRouteMarks(marks);
  }

  /** How often routes and tunnels are read without a hint, in ms; 0: never. @default 90,000 */
  setRefreshInterval(intervalMs: number): void {
    this.#reconciler.setRefreshInterval(intervalMs);
    this.#overlay.setRefreshInterval(intervalMs);
  }

  /** The ways to BGP peers that are said (`reachableBy`), all of them each time. */
  setPeerRoutes(routes: Iterable<PeerRoute>): void {
    this.#reconciler.setPeerRoutes(routes);
  }

  /** Which traffic of pods leaves the node with an address of the node. */
  setNat(settings: NatSettings): void {
    this.#nat = settings;
    if (this.#isStarted && this.#isDatastoreInSync) this.#packets.review();
  }

  /**
   * What IPAM has given out of this node's blocks, all of it each time: once at start, and again when
   * it was read anew. It is compared with what is here and differences are reported; a pod that has no
   * endpoint file is known by it.
   */
  setAllocations(allocations: Iterable<Allocation>): void {
    this.#found.setAllocations(allocations);
  }

  /** Other nodes' blocks and addresses as the datastore has them, all of it each time. */
  setOverlay(input: OverlayInput): void {
    this.#overlay.set(input);
  }

  /** The tunnel devices that stay as they are, whatever pools say: packets may still come by them. */
  tunnelsInUse(): ReadonlySet<string> {
    return this.#overlay.inUse();
  }

  /** What pods may send at once: what the underlay carries, less what the tunnels take of it. */
  podMtu(underlayMtu: number): number {
    return this.#overlay.podMtu(underlayMtu);
  }

  /** Live pods follow, but for those that asked for another. Nothing before it is open. */
  async setPodMtu(mtu: number): Promise<void> {
    if (this.#reconciler.isOpen) await this.#endpoints.setMtu(mtu);
  }

  /** Nodes, blocks and allocations have been set as the datastore has them. Never taken back. */
  setDatastoreInSync(): void {
    this.#isDatastoreInSync = true;
    this.#openWhenInSync();
  }

  /** Hand over a few thousand at a time at most: this keeps the event loop for about 2 µs each. */
  updateLearned(changes: Iterable<LearnedChange>): void {
    this.#reconciler.updateLearned(changes);
  }

  /**
   * Whether a next hop can be reached, and at which interior cost (RFC 4271 §9.1.2.1): by the host's
   * own routes, and ours that BGP did not bring. Known from `start` on.
   */
  resolve(nextHop: ZonedAddress): { reachable: boolean; cost: number } {
    const { cost, gateways } = this.#reconciler.calculation.resolve(nextHop);
    return { reachable: gateways.length > 0, cost };
  }

  /** `listener` hears that `resolve` may have other answers now: some 50 ms after the first change of several. */
  onNextHopsChanged(listener: () => void): void {
    this.#nextHopsChanged = listener;
  }

  /** BGP has converged: remote routes that the kernel kept from before and nobody announced go now. */
  setLearnedInSync(): void {
    this.#reconciler.setLearnedInSync();
  }

  /**
   * Wires a pod, or finds it wired already. When it resolves, the pod can send and receive, and its
   * endpoint file is on the disk; when it rejects, nothing is left of it.
   *
   * @throws EndpointError (EINVAL, EAGAIN, EEXIST), NetlinkError, or an Error of the disk.
   */
  async addEndpoint(request: EndpointRequest): Promise<Endpoint> {
    await this.#inSync();
    const endpoint = await this.#endpoints.add(request);
    if (request.allowedSourcePrefixes?.length) await this.#packets.now();
    return endpoint;
  }

  /**
   * Unwires a pod. One that is not there is removed already. Works before the datastore is in sync: a
   * pod that ends frees nothing that another could need.
   *
   * @param endpoint with `netns`, an interface of which nothing is known here is found as well.
   */
  async removeEndpoint(endpoint: EndpointRef & { netns?: string }): Promise<void> {
    if (!this.#isStarted) throw notYet('the interfaces and routes of this node are being read');
    const allowed = this.#allowedSources();
    await this.#endpoints.remove(endpoint);
    if (allowed.size > 0) this.#packets.review();
  }

  /** What is missing or wrong, a sentence each; empty when all is well. Changes nothing. */
  async checkEndpoint(endpoint: EndpointRef & { netns: string }): Promise<string[]> {
    if (!this.#isStarted) throw notYet('the interfaces and routes of this node are being read');
    return this.#endpoints.check(endpoint);
  }

  endpoints(): Endpoint[] {
    return this.#endpoints.all();
  }

  /** Reads the kernel's tables now, and repairs what differs. Happens by itself, too: see `setRefreshInterval`. */
  async resync(): Promise<void> {
    await this.#overlay.resync();
    await Promise.all([this.#reconciler.resync(), this.#packets.now()]);
  }

  inspect(): FelixState {
    const { calculation, isLearnedInSync, isOpen, refusals, table } = this.#reconciler;
    return {
      inSync: isOpen,
      learnedInSync: isLearnedInSync,
      endpoints: this.#endpoints.all().length,
      routes: {
        ...table.counters,
        desired: table.desiredCount,
        learned: calculation.learnedCount,
        pending: table.pendingCount + calculation.dirtyCount,
        refused: refusals.count,
        failing: table.failingCount,
      },
      refused: refusals.reports(),
      failed: [...table.problems(), ...this.#overlay.problems(), ...this.#packets.problems()],
      unreachable: this.#overlay.unreachable(),
      inDoubt: [...this.#unreadable, ...this.#found.inDoubt()],
    };
  }

  /** What the UDP tunnel has carried and dropped, by counter; undefined where no pool uses it. */
  udpCounters(): Promise<ForwarderCounters | undefined> {
    return this.#overlay.forwarderCounters();
  }

  /** Stops; removes nothing. What is being wired or unwired ends on its own; what waits is told to come again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry?.cancel();
    for (const { reject } of this.#waiting) reject(ending());
    this.#overlay.close();
    this.#reconciler.close();
    this.#packets.close();
  }

  #openWhenInSync(): void {
    const isDue = this.#isStarted && this.#isDatastoreInSync;
    if (!isDue || this.#isOpening || this.#isClosed) return;
    this.#isOpening = true;
    this.#open().then(
      () => {
        if (this.#isClosed) return;
        for (const { resolve } of this.#waiting) resolve();
        for (const { subject, reason } of this.inspect().inDoubt)
          this.#options.log.warn({ subject }, reason);
      },
      (error: Error) => {
        if (this.#isClosed) return;
        // A read-only /proc/sys: nothing would be forwarded, so better to say it than to half work.
        this.#options.log.error({ error: error.message }, 'cannot turn on IP forwarding');
        this.#isOpening = false;
        const { clock, random } = this.#options;
        this.#retry = clock.after(OPEN_RETRY_MS * (0.5 + random()), () => this.#openWhenInSync());
      },
    );
  }

  /** Sources are checked before the first pod is wired; tunnels are there before a route leads into one. */
  async #open(): Promise<void> {
    await this.#packets.open();
    if (this.#isClosed) return;
    await this.#overlay.open();
    if (this.#isClosed) return;
    await this.#reconciler.open();
  }

  async #inSync(): Promise<void> {
    if (this.#isClosed) throw ending();
    if (this.#reconciler.isOpen) return;
    const waiting = Promise.withResolvers<void>();
    const deadline = this.#options.clock.after(ADD_WAIT_MS, () =>
      waiting.reject(notYet(this.#isDatastoreInSync ? 'the kernel' : 'the datastore')),
    );
    this.#waiting.add(waiting);
    try {
      await waiting.promise;
    } finally {
      deadline.cancel();
      this.#waiting.delete(waiting);
    }
  }

  #allowedSources(): AllowedSources {
    const allowed = new Map<string, readonly Prefix[]>();
    for (const { hostInterface, allowedSourcePrefixes } of this.#endpoints.all())
      if (allowedSourcePrefixes?.length) allowed.set(hostInterface, allowedSourcePrefixes);
    return allowed;
  }
}

function ending(): EndpointError {
  return new EndpointError('EAGAIN', 'the agent is ending; try again with the next one');
}

function notYet(what: string): EndpointError {
  return new EndpointError('EAGAIN', `not in sync yet with ${what}; try again`);
}
