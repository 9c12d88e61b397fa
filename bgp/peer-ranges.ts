/** Dynamic neighbours: whoever connects from within a range becomes a peer, until its session has ended. */

import { type Address, containsAddress, formatPrefix, parseZonedAddress } from 'net-ipaddr';
import type { PeerSettings } from './configuration/peer.ts';
import type { RangeSettings } from './configuration/settings.ts';

export interface RangeStatus {
  readonly prefix: string;
  readonly peers: number;
  readonly maxPeers: number;
}

export class PeerRanges {
  /** The longest prefix first. */
  #ranges: readonly RangeSettings[] = [];
  /** By name, which is the address: the range that the peer came from. */
  readonly #members = new Map<string, RangeSettings>();

  get status(): RangeStatus[] {
    return this.#ranges.map((range) => {
      const { prefix, maxPeers } = range;
      return { prefix: formatPrefix(prefix), peers: this.#count(range), maxPeers };
    });
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  /**
   * In place of the ranges before. Returns all peers that are to be: the configured, and those who
   * came before, as their range has them now. Who is configured by now is no dynamic neighbour.
   */
  set(
    ranges: readonly RangeSettings[],
    configured: ReadonlyMap<string, PeerSettings>,
  ): Map<string, PeerSettings> {
    this.#ranges = ranges.toSorted((a, b) => b.prefix.length - a.prefix.length);
    const taken = new Set<string>();
    for (const { session } of configured.values()) {
      if ('address' in session.remote) taken.add(session.remote.address);
    }
    const peers = new Map(configured);
    for (const name of [...this.#members.keys()]) {
      this.#members.delete(name);
      const settings = taken.has(name) || peers.has(name) ? undefined : this.admit(name);
      if (settings !== undefined) peers.set(name, settings);
    }
    return peers;
  }

  /** The settings of a peer that has connected; undefined: it is in no range, or that has enough. */
  admit(address: string): PeerSettings | undefined {
    const range = this.#rangeOf(parseZonedAddress(address));
    if (range === undefined || this.#count(range) >= range.maxPeers) return undefined;
    this.#members.set(address, range);
    return range.peerAt(address);
  }

  leave(name: string): void {
    this.#members.delete(name);
  }

  #rangeOf(address: Address): RangeSettings | undefined {
    return this.#ranges.find(({ prefix }) => containsAddress(prefix, address));
  }

  #count(range: RangeSettings): number {
    let count = 0;
    for (const one of this.#members.values()) if (one === range) count++;
    return count;
  }
}
