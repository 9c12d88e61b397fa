/**
 * The connections of addresses that pods gave back. The kernel goes on tracking them for minutes: an
 * address' next owner would inherit their translations, and with them packets that are not his.
 */

import { type Address, formatAddress } from 'net-ipaddr';
import type { Log } from '../../ports.ts';
import type { Kernel } from '../kernel.ts';

export class PastConnections {
  readonly #deleteFlows: Kernel['deleteFlows'];
  readonly #log: Log;
  readonly #pending = new Map<string, Address>();
  #sweep: Promise<void> | undefined;
  #problem: string | undefined;

  constructor(deleteFlows: Kernel['deleteFlows'], log: Log) {
    this.#deleteFlows = deleteFlows;
    this.#log = log;
  }

  /** Begins to. What comes while the kernel is at it goes together after it: each time it reads all there is. */
  forget(addresses: readonly Address[]): void {
    for (const address of addresses) this.#pending.set(formatAddress(address), address);
    this.#sweep ??= this.#run();
  }

  /** Resolves when those of the addresses are forgotten, also when that failed (and is told of). */
  async forgotten(addresses: readonly Address[]): Promise<void> {
    while (addresses.some((address) => this.#pending.has(formatAddress(address))))
      await this.#sweep;
  }

  async #run(): Promise<void> {
    while (this.#pending.size > 0) {
      const addresses = new Map(this.#pending);
      try {
        await this.#deleteFlows(addresses.values());
        this.#problem = undefined;
      } catch (error) {
        this.#tell((error as Error).message);
      }
      for (const text of addresses.keys()) this.#pending.delete(text);
    }
    this.#sweep = undefined;
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
