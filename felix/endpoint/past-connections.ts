/**
 * The connections of addresses that pods gave back. The kernel goes on tracking them for minutes: an
 * address' next owner would inherit their translations, and with them packets that are not his.
 */

import { type Address, formatAddress } from 'net-ipaddr';
import type { Clock, Log } from '../../ports.ts';
import type { Kernel } from '../kernel.ts';

/** Pods that end together are forgotten together: each time the kernel reads all that it tracks. */
const GATHER_MS = 1000;

export class PastConnections {
  readonly #deleteFlows: Kernel['deleteFlows'];
  readonly #clock: Clock;
  readonly #log: Log;
  #pending = new Map<string, Address>();
  /** Of the sweep under way. What is forgotten again meanwhile may have been passed by, and is pending. */
  #sweeping: ReadonlyMap<string, Address> = new Map();
  #sweep: Promise<void> | undefined;
  /** Ends the gathering: somebody waits. */
  #hurry: (() => void) | undefined;
  #problem: string | undefined;

  constructor(deleteFlows: Kernel['deleteFlows'], clock: Clock, log: Log) {
    this.#deleteFlows = deleteFlows;
    this.#clock = clock;
    this.#log = log;
  }

  /** Soon. */
  forget(addresses: readonly Address[]): void {
    if (addresses.length === 0) return;
    for (const address of addresses) this.#pending.set(formatAddress(address), address);
    this.#sweep ??= this.#run();
  }

  /** Resolves when those of the addresses are forgotten, also when that failed (and is told of). */
  async forgotten(addresses: readonly Address[]): Promise<void> {
    const texts = addresses.map(formatAddress);
    while (texts.some((text) => this.#pending.has(text) || this.#sweeping.has(text))) {
      this.#hurry?.();
      await this.#sweep;
    }
  }

  async #run(): Promise<void> {
    await this.#gather();
    this.#sweeping = this.#pending;
    this.#pending = new Map();
    try {
      await this.#deleteFlows(this.#sweeping.values());
      this.#problem = undefined;
    } catch (error) {
      this.#tell((error as Error).message);
    }
    this.#sweeping = new Map();
    this.#sweep = this.#pending.size > 0 ? this.#run() : undefined;
  }

  async #gather(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hurry = resolve;
    const timer = this.#clock.after(GATHER_MS, resolve);
    await promise;
    timer.cancel();
    this.#hurry = undefined;
  }

  #tell(problem: string): void {
    if (problem !== this.#problem)
      this.#log.warn(
        { problem },
        'connections of pods that ended live on until they time out; this needs nf_conntrack_netlink',
      );
    this.#problem = problem;
  }
}
