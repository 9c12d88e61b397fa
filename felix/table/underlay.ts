/** What a dump tells of the host's routes that are not ours, as far as our guards ask for it. */

import { type Family, hostPrefix, type Prefix } from 'net-ipaddr';
import type { AddressEntry, Route } from 'rtnetlink-ts';
import type { UnderlayRoute } from '../calc/route.ts';
import { type InterfaceNames, isConnected, leadsToPod } from './kernel-route.ts';
import type { StrangerListener } from './sightings.ts';

export class Underlay implements StrangerListener {
  readonly #names: InterfaceNames;
  readonly #holdsNodeAddress: (prefix: Prefix) => boolean;
  readonly #own: readonly UnderlayRoute[];
  readonly #routes: Record<Family, UnderlayRoute[]> = { 4: [], 6: [] };

  /** @param addresses the host's own: the local table, which comes before all others, has them. */
  constructor(
    names: InterfaceNames,
    addresses: readonly AddressEntry[],
    holdsNodeAddress: (prefix: Prefix) => boolean,
  ) {
    this.#names = names;
    this.#holdsNodeAddress = holdsNodeAddress;
    this.#own = addresses.map(({ address }) => ({
      prefix: hostPrefix(address),
      isConnected: false,
    }));
  }

  begin(family: Family): void {
    this.#routes[family] = [];
  }

  see(route: Route): void {
    if (!this.matters(route)) return;
    const { destination: prefix, family } = route;
    this.#routes[family].push({ prefix, isConnected: isConnected(route) });
  }

  /** A host may have a million routes of another program: only few of them are kept. */
  matters(route: Route): boolean {
    if (route.type !== 'unicast' || leadsToPod(route, this.#names)) return false;
    return isConnected(route) || this.#holdsNodeAddress(route.destination);
  }

  routes(): readonly UnderlayRoute[] {
    return [...this.#own, ...this.#routes[4], ...this.#routes[6]];
  }
}
