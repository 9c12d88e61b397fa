/**
 * The routes that the host has without us: connected networks, static routes, an IGP's. By these next
 * hops are resolved, by the longest prefix and there by the least metric, as the kernel does.
 *
 * A host may have a million routes of another program: a prefix costs a few dozen octets, as routes
 * by the same gateway share what is known of them.
 */

import {
  type Address,
  type Family,
  familyBits,
  formatAddress,
  isLinkLocal,
  PrefixTable,
  prefixOf,
  type ZonedAddress,
} from 'net-ipaddr';
import type { NextHop, Route } from 'rtnetlink-ts';
import { type Gateway, type Resolution, UNREACHABLE } from '../calc/next-hops.ts';
import { TABLE } from '../ours.ts';
import { type InterfaceNames, isConnected } from './kernel-route.ts';
import type { StrangerListener } from './sightings.ts';

/** Changes during one dump: with more of them another dump is due anyway. */
const MAX_HEARD = 10_000;

/**
 * The interfaces as far as next hops depend on them. One without carrier is up: the kernel goes on
 * sending by it, and whether somebody is still there BFD knows better.
 */
export interface InterfaceStates extends InterfaceNames {
  isUp(index: number): boolean;
}

/** A route without its prefix. */
interface Way {
  /** Of two ways to a prefix the kernel takes the one with the lower. */
  readonly metric: number;
  /** What it counts for RFC 4271 §9.1.2.2 e): nothing where the network is the host's own. */
  readonly cost: number;
  /** None: packets go nowhere, and not by a shorter prefix either. */
  readonly hops: readonly NextHop[];
  readonly key: string;
}

export class InteriorRoutes implements StrangerListener {
  readonly #names: InterfaceStates;
  readonly #seed: number;
  #tables: Tables;
  /** What the dump under way has told. */
  #dumped: Tables;
  /** Told of since it began: it may be older. Undefined: none is under way. */
  #heard: { readonly route: Route; readonly gone: boolean }[] | undefined;
  /** Interfaces that went down since the last dump, and with them IPv4 routes, of which the kernel says nothing. */
  readonly #lostLinks = new Set<number>();

  /** @param seed 32 random bits: peers of other programs choose the prefixes. */
  constructor(names: InterfaceStates, seed: number) {
    this.#names = names;
    this.#seed = seed;
    this.#tables = this.#dumped = { 4: new Table(4, seed), 6: new Table(6, seed) };
  }

  /** To be called before the kernel is asked for the dump. */
  beginDump(): void {
    this.#dumped = { ...this.#tables };
    this.#heard = [];
  }

  begin(family: Family): void {
    this.#dumped[family] = new Table(family, this.#seed);
  }

  see(route: Route): void {
    if (!isLinkLocal(route.destination.address)) this.#dumped[route.family].add(route, false);
  }

  /** The dump is whole. */
  believeDump(): void {
    this.#tables = this.#dumped;
    for (const { route, gone } of this.#heard ?? []) this.#take(route, gone);
    this.#heard = undefined;
    this.#lostLinks.clear();
  }

  /** The interface went down. Until the next dump nothing goes by it. */
  loseLink(index: number): void {
    this.#lostLinks.add(index);
  }

  /** What somebody did to a route that is not ours. @returns whether only a dump can tell what it means. */
  hear(route: Route, gone: boolean): boolean {
    // Each interface has fe80::/64, and resolves its own addresses.
    if (route.table !== TABLE || isLinkLocal(route.destination.address)) return false;
    const isTooMuch = this.#heard?.length === MAX_HEARD;
    if (!isTooMuch) this.#heard?.push({ route, gone });
    return this.#take(route, gone) || isTooMuch;
  }

  #take(route: Route, gone: boolean): boolean {
    const table = this.#tables[route.family];
    return gone ? table.remove(route) : table.add(route, true);
  }

  resolve(nextHop: ZonedAddress): Resolution {
    if (isLinkLocal(nextHop)) return this.#onLink(nextHop);
    const way = this.#tables[nextHop.family].match(nextHop, (hop) => this.#isUsable(hop));
    if (way === undefined) return UNREACHABLE;
    const usable = way.hops.filter((hop) => this.#isUsable(hop));
    return { cost: way.cost, gateways: usable.map((hop) => this.#gateway(nextHop, hop)) };
  }

  #onLink(nextHop: ZonedAddress): Resolution {
    const index = nextHop.zone === undefined ? undefined : this.#names.indexOf(nextHop.zone);
    const isThere = index !== undefined && this.#names.isUp(index);
    return isThere ? { cost: 0, gateways: [nextHop] } : UNREACHABLE;
  }

  #isUsable({ oif }: NextHop): boolean {
    return oif !== undefined && this.#names.isUp(oif) && !this.#lostLinks.has(oif);
  }

  /** A neighbour on a connected network is its own. */
  #gateway(nextHop: ZonedAddress, { gateway = nextHop, oif, onlink }: NextHop): Gateway {
    const zone = this.#names.nameOf(oif!)!;
    return { ...gateway, zone, ...(onlink && { onlink }) };
  }
}

type Tables = Record<Family, Table>;

/** The routes of one family. */
class Table {
  readonly #bits: number;
  readonly #ids: PrefixTable;
  /** By prefix id, the lowest metric first. */
  readonly #ways: (readonly Way[])[] = [];
  /** How many prefixes there are of each length. */
  readonly #lengths: Uint32Array;
  /** Each way alone, by its key. */
  readonly #alone = new Map<string, readonly [Way]>();

  constructor(family: Family, seed: number) {
    this.#bits = familyBits(family);
    this.#ids = new PrefixTable(seed);
    this.#lengths = new Uint32Array(this.#bits + 1);
  }

  /**
   * @param isNewer it takes the place of another one of its metric; else the one that is there comes first
   * @returns whether there was such a one: it may have been replaced, or joined.
   */
  add(route: Route, isNewer: boolean): boolean {
    const alone = this.#wayOf(route);
    const [way] = alone;
    const { destination } = route;
    const size = this.#ids.size;
    const id = this.#ids.intern(destination);
    const before = this.#ids.size > size ? [] : this.#ways[id]!;
    if (before.length === 0) {
      this.#lengths[destination.length]!++;
      this.#ways[id] = alone;
      return false;
    }
    if (before.some(({ key }) => key === way.key)) return false;
    const others = before.filter(({ metric }) => metric !== way.metric);
    const isDisplacing = others.length < before.length;
    if (isNewer || !isDisplacing)
      this.#ways[id] = [...others, way].sort((a, b) => a.metric - b.metric);
    return isDisplacing;
  }

  /** @returns whether another one has its place: it is not known what is there now. */
  remove(route: Route): boolean {
    const id = this.#ids.find(route.destination);
    if (id < 0) return false;
    const [way] = this.#wayOf(route);
    const left = this.#ways[id]!.filter(({ key }) => key !== way.key);
    if (left.length === this.#ways[id]!.length)
      return left.some((one) => one.metric === way.metric);
    if (left.length === 0) {
      this.#lengths[route.destination.length]!--;
      this.#ids.release(id);
    }
    this.#ways[id] = left;
    return false;
  }

  match(address: Address, isUsable: (hop: NextHop) => boolean): Way | undefined {
    for (let length = this.#bits; length >= 0; length--) {
      if (this.#lengths[length] === 0) continue;
      const id = this.#ids.find(prefixOf(address, length));
      if (id < 0) continue;
      const way = this.#ways[id]!.find(({ hops }) => hops.length === 0 || hops.some(isUsable));
      if (way !== undefined) return way;
    }
    return undefined;
  }

  #wayOf(route: Route): readonly [Way] {
    const { metric, type } = route;
    const hops = type === 'unicast' ? (route.multipath ?? [hopOf(route)]) : [];
    const cost = isConnected(route) ? 0 : metric;
    const key = [metric, cost, ...hops.map(describe)].join(' ');
    let alone = this.#alone.get(key);
    if (alone === undefined) {
      alone = [{ metric, cost, hops, key }];
      this.#alone.set(key, alone);
    }
    return alone;
  }
}

function hopOf({ gateway, oif, onlink }: Route): NextHop {
  return {
    ...(gateway && { gateway }),
    ...(oif !== undefined && { oif }),
    ...(onlink && { onlink }),
  };
}

function describe({ gateway, oif, onlink }: NextHop): string {
  return `${gateway ? formatAddress(gateway) : ''}@${oif}${onlink ? '!' : ''}`;
}
