/**
 * Pods that were there when felix came, and of which no endpoint file tells: known by their interfaces, the
 * routes to these, and what IPAM has given out. What is in doubt stays as it was found, and is reported.
 */

import { formatAddress, hostPrefix, type Prefix } from 'net-ipaddr';
import type { Workload } from './calc/claims.ts';
import type { Endpoints } from './endpoint/endpoints.ts';
import { type Allocation, join } from './endpoint/join.ts';
import { isPodInterface } from './ours.ts';
import type { Reconciler } from './reconciler.ts';
import type { Report } from './report.ts';

export class FoundPods {
  readonly #reconciler: Reconciler;
  readonly #endpoints: Pick<Endpoints, 'all'>;
  /** Interfaces of pods that were there at start, and of which no endpoint file tells. */
  readonly #doubtful = new Set<string>();
  #blocks: readonly Prefix[] = [];
  #allocations: readonly Allocation[] | undefined;
  /** Addresses, as text, of pods that came or went after the allocations were read. */
  readonly #changedSince = new Set<string>();
  #hasLooked = false;

  constructor(reconciler: Reconciler, endpoints: Pick<Endpoints, 'all'>) {
    this.#reconciler = reconciler;
    this.#endpoints = endpoints;
  }

  /** Once files, interfaces and routes have been read. */
  look(): void {
    const ours = new Set(this.#endpoints.all().map(({ hostInterface }) => hostInterface));
    for (const name of this.#reconciler.interfaces.names()) {
      if (isPodInterface(name) && !ours.has(name)) this.#doubtful.add(name);
    }
    for (const workload of this.#join().workloads) this.#setWorkload(workload);
    this.#hasLooked = true;
  }

  setBlocks(blocks: readonly Prefix[]): void {
    this.#blocks = blocks;
  }

  setAllocations(allocations: Iterable<Allocation>): void {
    this.#allocations = [...allocations];
    this.#changedSince.clear();
    this.route();
  }

  /** Pods that we wired set their routes when they come and go; only these are known by what is found. */
  route(): void {
    if (!this.#hasLooked || this.#doubtful.size === 0) return;
    for (const workload of this.#join().workloads) {
      if (this.#doubtful.has(workload.hostInterface)) this.#setWorkload(workload);
    }
  }

  /** Where files, interfaces and IPAM don't agree. */
  inDoubt(): readonly Report[] {
    return this.#join().inDoubt;
  }

  /** A pod of ours comes or goes: what was found of its interface and addresses is history. */
  podChanged(name: string, workload: Workload | undefined): void {
    const { calculation } = this.#reconciler;
    const addresses = workload?.addresses ?? [];
    for (const { address } of [...calculation.prefixesOf(name), ...addresses.map(hostPrefix)])
      this.#changedSince.add(formatAddress(address));
    this.#doubtful.delete(name);
    this.#reconciler.setWorkload(name, workload);
  }

  interfaceGone(name: string): void {
    if (this.#doubtful.delete(name)) this.#reconciler.setWorkload(name, undefined);
  }

  #setWorkload(workload: Workload): void {
    this.#reconciler.setWorkload(workload.hostInterface, workload);
  }

  #join(): ReturnType<typeof join> {
    const endpoints = this.#endpoints.all();
    const { interfaces } = this.#reconciler;
    // Asked of the whole table, so only where somebody's addresses are not known otherwise.
    const routed = this.#doubtful.size > 0 ? this.#reconciler.routedToPods() : undefined;
    const names = new Set([
      ...this.#doubtful,
      ...endpoints.map(({ hostInterface }) => hostInterface),
    ]);
    const present = [...names].filter((name) => interfaces.indexOf(name) !== undefined);
    return join({
      endpoints,
      interfaces: new Map(present.map((name) => [name, routed?.get(name) ?? []])),
      blocks: this.#blocks,
      allocations: this.#allocations,
      changedSince: this.#changedSince,
    });
  }
}
