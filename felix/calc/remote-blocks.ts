/** Where other nodes' blocks are as the datastore has it, and of which of them BGP may speak. */

import {
  containsPrefix,
  equalAddresses,
  formatAddress,
  formatZonedAddress,
  type Prefix,
  PrefixTrie,
  type ZonedAddress,
} from 'net-ipaddr';
import type { Overlay, RemoteRoute } from './overlay.ts';
import { differing, prefixSet } from './prefix-sets.ts';
import type { RemoteTarget } from './route.ts';

export type SaidOfBlocks = Pick<Overlay, 'routes' | 'pools' | 'learned' | 'tunnelled'>;

interface Tunnelled {
  readonly device: string;
  /** As text. */
  readonly nextHops: ReadonlySet<string>;
}

export class RemoteBlocks {
  #ways = new PrefixTrie<RemoteTarget>();
  /** Those of `#ways` that go once BGP has one. */
  #yielding = new PrefixTrie<RemoteTarget>();
  /** Those of `#ways`; undefined: to be counted. */
  #devices: ReadonlySet<string> | undefined;
  /** Of which the datastore says all; undefined before it has been read. */
  #pools: PrefixTrie<true> | undefined;
  /** What in these pools is BGP's for the time being. */
  #learned = new PrefixTrie<true>();
  /** By pool: where what BGP says leads into a tunnel. */
  #tunnelled = new PrefixTrie<Tunnelled>();

  /**
   * All of it each time.
   * @param hasLearnedWay whether BGP has a route there: what yields to it is not taken.
   * @returns the blocks of which something else is said, and the pools in which BGP's word counts differently.
   */
  set(
    { routes, pools, learned, tunnelled }: SaidOfBlocks,
    hasLearnedWay: (prefix: Prefix) => boolean,
  ): { prefixes: Prefix[]; pools: Prefix[] } {
    const ways = new PrefixTrie<RemoteTarget>();
    this.#yielding = new PrefixTrie();
    for (const { prefix, target } of routes) {
      if (target.yields && hasLearnedWay(prefix)) continue;
      ways.set(prefix, target);
      if (target.yields) this.#yielding.set(prefix, target);
    }
    const next = {
      pools: prefixSet(pools),
      learned: prefixSet(learned),
      tunnelled: new PrefixTrie<Tunnelled>(),
    };
    for (const { prefix, device, nextHops } of tunnelled)
      next.tunnelled.set(prefix, { device, nextHops: new Set(nextHops.map(formatAddress)) });
    const changed = {
      prefixes: [
        ...differing(this.#ways, ways, sameWay),
        ...differing(this.#learned, next.learned),
      ],
      pools: [
        ...differing(this.#pools ?? prefixSet([]), next.pools),
        ...differing(this.#tunnelled, next.tunnelled, sameTunnelled),
      ],
    };
    this.#ways = ways;
    this.#devices = undefined;
    this.#pools = next.pools;
    this.#learned = next.learned;
    this.#tunnelled = next.tunnelled;
    return changed;
  }

  get ways(): Pick<
    PrefixTrie<RemoteTarget>,
    'match' | 'covered' | 'covering' | typeof Symbol.iterator
  > {
    return this.#ways;
  }

  get(prefix: Prefix): RemoteTarget | undefined {
    return this.#ways.get(prefix);
  }

  /** BGP has a route there now: nothing more is said of what yields to it. @returns what that was */
  yieldTo(prefix: Prefix): Prefix[] {
    if (this.#yielding.size === 0) return [];
    const blocks = Array.from(this.#yielding.covered(prefix), (entry) => entry.prefix);
    for (const block of blocks) {
      this.#ways.delete(block);
      this.#yielding.delete(block);
    }
    this.#devices = undefined;
    return blocks;
  }

  /** What stays by a tunnel that its pool has no more, as BGP has no route there. */
  yielding(): RemoteRoute[] {
    return Array.from(this.#yielding, ({ prefix, value: target }) => ({ prefix, target }));
  }

  prefixesBy(device: string): Prefix[] {
    return Array.from(this.#ways)
      .filter(({ value }) => value.device === device)
      .map(({ prefix }) => prefix);
  }

  /** The next hops of what BGP learned: on the device of the tunnel that leads to them, where the pool has one. */
  onTunnels(prefix: Prefix, nextHops: readonly ZonedAddress[]): readonly ZonedAddress[] {
    if (this.#tunnelled.size === 0) return nextHops;
    const match = this.#tunnelled.match(prefix.address);
    if (match === undefined || !containsPrefix(match.prefix, prefix)) return nextHops;
    const { device, nextHops: tunnelled } = match.value;
    return nextHops.map((nextHop) =>
      tunnelled.has(formatZonedAddress(nextHop)) ? { ...nextHop, zone: device } : nextHop,
    );
  }

  /** The tunnel devices that ways lead into. */
  devices(): ReadonlySet<string> {
    this.#devices ??= new Set([
      ...Array.from(this.#ways, ({ value }) => value.device ?? []).flat(),
      ...Array.from(this.#tunnelled, ({ value }) =>
        value.nextHops.size > 0 ? value.device : [],
      ).flat(),
    ]);
    return this.#devices;
  }

  /** Whether what BGP says of this prefix counts. */
  leavesToBgp(prefix: Prefix): boolean {
    const { size = 0 } = this.#pools ?? {};
    if (size === 0 || this.#pools!.covering(prefix).next().done) return true;
    return this.#learned.get(prefix) !== undefined;
  }

  /** Whether BGP was heard of this prefix, while the datastore had been read. */
  wasBgps(prefix: Prefix): boolean {
    return this.#pools !== undefined && this.leavesToBgp(prefix);
  }
}

function sameTunnelled(a: Tunnelled, b: Tunnelled): boolean {
  return a.device === b.device && a.nextHops.symmetricDifference(b.nextHops).size === 0;
}

function sameWay(a: RemoteTarget, b: RemoteTarget): boolean {
  if (a.node !== b.node || a.device !== b.device) return false;
  if (a.gateway === undefined || b.gateway === undefined) return a.gateway === b.gateway;
  return equalAddresses(a.gateway, b.gateway);
}
