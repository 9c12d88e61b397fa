/**
 * The next hops of learned routes, and the gateways by which they are reached now.
 *
 * Routes with the same next hops share one set, and are a list that begins there: another way to a next
 * hop is a change of one set, whose routes are then looked at some at a time, however many they are.
 */

import {
  compareZonedAddresses,
  formatZonedAddress,
  type Prefix,
  type ZonedAddress,
} from 'net-ipaddr';

/** A neighbour that packets are handed to. Its zone, if it has one, is the interface that it is on. */
export interface Gateway extends ZonedAddress {
  /** It is on the link though no address says so. */
  readonly onlink?: true;
}

/** How the host reaches an address: not at all where there is no gateway. */
export interface Resolution {
  /** The interior cost of RFC 4271 §9.1.2.2 e), unsigned 32 bits. */
  readonly cost: number;
  readonly gateways: readonly Gateway[];
}

export const UNREACHABLE: Resolution = { cost: 0, gateways: [] };

export interface LearnedRoute {
  readonly prefix: Prefix;
  readonly metric: number | undefined;
  readonly set: NextHopSet;
  previous: LearnedRoute | undefined;
  next: LearnedRoute | undefined;
}

export interface NextHopSet {
  /** Ascending, none twice. */
  readonly nextHops: readonly ZonedAddress[];
  /** Ascending, none twice. */
  gateways: readonly Gateway[];
  first: LearnedRoute | undefined;
  /** The route to be looked at next since the gateways changed. */
  walk: LearnedRoute | undefined;
}

/** Whoever has the routes of a set go as one. */
export interface NextHopGroups {
  /** Takes them to the set's new gateways. @returns false: they are to be looked at one by one */
  follow(set: NextHopSet): boolean;
  /** The set has none any more: it is forgotten, and comes as another if at all. */
  leave(set: NextHopSet): void;
}

const NO_GROUPS: NextHopGroups = { follow: () => false, leave() {} };

export class NextHopSets {
  readonly #resolve: (nextHop: ZonedAddress) => Resolution;
  readonly #groups: NextHopGroups;
  /** By the addresses as text. */
  readonly #sets = new Map<string, NextHopSet>();
  readonly #walked = new Set<NextHopSet>();
  /** Routes come in runs by one next hop, which is then one object, too. */
  #latest: NextHopSet | undefined;

  constructor(resolve: (nextHop: ZonedAddress) => Resolution, groups: NextHopGroups = NO_GROUPS) {
    this.#resolve = resolve;
    this.#groups = groups;
  }

  /** Sets of which not all routes were looked at yet. */
  get changedCount(): number {
    return this.#walked.size;
  }

  add(prefix: Prefix, nextHops: readonly ZonedAddress[], metric: number | undefined): LearnedRoute {
    const set = this.#setOf(nextHops);
    const route: LearnedRoute = { prefix, metric, set, previous: undefined, next: set.first };
    if (set.first !== undefined) set.first.previous = route;
    set.first = route;
    return route;
  }

  remove(route: LearnedRoute): void {
    const { set, previous, next } = route;
    if (set.walk === route) this.#walkTo(set, next);
    if (previous === undefined) set.first = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    if (set.first !== undefined) return;
    this.#groups.leave(set);
    this.#sets.delete(keyOf(set.nextHops));
    if (this.#latest === set) this.#latest = undefined;
  }

  /**
   * Resolves all anew. Routes by next hops that have other gateways now follow these as one, or come
   * with `takeChanged`.
   */
  review(): void {
    for (const set of this.#sets.values()) {
      const gateways = this.#gatewaysOf(set.nextHops);
      // What can't be reached any more BGP takes back, or has another path for in the same place.
      if (gateways.length === 0 || isSame(gateways, set.gateways)) continue;
      const hadNone = set.gateways.length === 0;
      set.gateways = gateways;
      if (hadNone || !this.#groups.follow(set)) this.#walkTo(set, set.first);
    }
  }

  /** The interface is another one of the same name: what goes by it goes by other gateways, as in `review`. */
  touch(device: string): void {
    for (const set of this.#sets.values())
      if (set.gateways.some(({ zone }) => zone === device) && !this.#groups.follow(set))
        this.#walkTo(set, set.first);
  }

  /** Up to `limit` prefixes whose gateways changed. */
  takeChanged(limit: number): Prefix[] {
    const taken: Prefix[] = [];
    for (const set of this.#walked) {
      let route = set.walk;
      for (; route !== undefined && taken.length < limit; route = route.next)
        taken.push(route.prefix);
      this.#walkTo(set, route);
      if (taken.length === limit) break;
    }
    return taken;
  }

  #walkTo(set: NextHopSet, route: LearnedRoute | undefined): void {
    set.walk = route;
    if (route === undefined) this.#walked.delete(set);
    else this.#walked.add(set);
  }

  #setOf(nextHops: readonly ZonedAddress[]): NextHopSet {
    const latest = this.#latest;
    if (
      nextHops.length === 1 &&
      latest?.nextHops.length === 1 &&
      latest.nextHops[0] === nextHops[0]
    )
      return latest;
    const ascending = normalized(nextHops);
    const key = keyOf(ascending);
    let set = this.#sets.get(key);
    if (set === undefined) {
      const gateways = this.#gatewaysOf(ascending);
      set = { nextHops: ascending, gateways, first: undefined, walk: undefined };
      this.#sets.set(key, set);
    }
    this.#latest = set;
    return set;
  }

  #gatewaysOf(nextHops: readonly ZonedAddress[]): readonly Gateway[] {
    return normalized(nextHops.flatMap((nextHop) => this.#resolve(nextHop).gateways));
  }
}

function keyOf(nextHops: readonly ZonedAddress[]): string {
  return nextHops.map(formatZonedAddress).join(' ');
}

/** Ascending and without duplicates, so that equal sets are equal lists. */
function normalized<T extends ZonedAddress>(addresses: readonly T[]): readonly T[] {
  if (addresses.length < 2) return addresses;
  const sorted = addresses.toSorted(compareZonedAddresses);
  return sorted.filter((one, i) => i === 0 || compareZonedAddresses(one, sorted[i - 1]!) !== 0);
}

function isSame(a: readonly Gateway[], b: readonly Gateway[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, i) => compareZonedAddresses(one, b[i]!) === 0 && one.onlink === b[i]!.onlink)
  );
}
