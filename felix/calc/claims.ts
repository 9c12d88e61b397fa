/** Which addresses the pods of this node claim. */

import { type Address, formatAddress, hostPrefix, type Prefix } from 'net-ipaddr';

/** A pod's interface that wants its addresses routed to it. */
export interface Workload {
  readonly hostInterface: string;
  readonly addresses: readonly Address[];
  /** Milliseconds since the epoch. Of two pods with one address the newer has it. */
  readonly since: number;
}

export class Claims {
  /** By host interface. */
  readonly #workloads = new Map<string, Workload>();
  /** By address, as text: the workloads that claim it. */
  readonly #claims = new Map<string, Workload[]>();

  /**
   * @param workload undefined: the interface has no pod any more
   * @returns the addresses that others may have now
   */
  set(hostInterface: string, workload: Workload | undefined): Prefix[] {
    const before = this.#workloads.get(hostInterface);
    for (const address of before?.addresses ?? []) {
      const key = formatAddress(address);
      const others = this.#claims.get(key)!.filter((claim) => claim !== before);
      if (others.length > 0) this.#claims.set(key, others);
      else this.#claims.delete(key);
    }
    if (workload === undefined) this.#workloads.delete(hostInterface);
    else this.#workloads.set(hostInterface, workload);
    for (const address of workload?.addresses ?? []) {
      const key = formatAddress(address);
      this.#claims.set(key, [...(this.#claims.get(key) ?? []), workload!]);
    }
    return [...(before?.addresses ?? []), ...(workload?.addresses ?? [])].map(hostPrefix);
  }

  interfaces(): Iterable<string> {
    return this.#workloads.keys();
  }

  prefixesOf(hostInterface: string): Prefix[] {
    return this.#workloads.get(hostInterface)?.addresses.map(hostPrefix) ?? [];
  }

  has(address: Address): boolean {
    return this.#claims.has(formatAddress(address));
  }

  /** The one that has the address first. */
  of(address: Address): readonly Workload[] {
    const claims = this.#claims.get(formatAddress(address)) ?? [];
    if (claims.length < 2) return claims;
    return claims.toSorted(
      (a, b) => b.since - a.since || (a.hostInterface < b.hostInterface ? -1 : 1),
    );
  }
}
