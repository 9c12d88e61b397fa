/** The peers of Routing: how they come, change and go, and what becomes of their routes then. */

import type { Family, ZonedAddress } from 'net-ipaddr';
import type { Groups, Membership } from './export/groups.ts';
import type { Reclaim } from './export/reclaim.ts';
import type { ImportChecks } from './policy/import.ts';
import type { Readable } from './readable.ts';
import type { Import } from './rib/import.ts';
import type { Rib } from './rib/rib.ts';
import { EXTERNAL } from './rib/sources.ts';
import type { Stale } from './rib/stale.ts';
import { forgetDone, type Sweep } from './rib/sweep.ts';
import { RoutedPeer } from './routed-peer.ts';
import type { Negotiated, RoutingPeer } from './routing-types.ts';

/** The tables that peers leave traces in. */
export interface PeerTables {
  readonly rib: Rib;
  readonly checks: ImportChecks;
  readonly imports: Import;
  readonly groups: Groups;
  readonly sweep: Sweep;
  readonly stale: Stale;
  readonly reclaim: Reclaim;
  readonly readable: Readable;
  /** There is work now. */
  readonly wake: () => void;
}

export class RoutedPeers {
  readonly #localAs: number;
  readonly #tables: PeerTables;
  /** By id; undefined: not given out. */
  readonly all: (RoutedPeer | undefined)[] = [];
  /** Ids given up, to be used again once nothing in the tables bears them. */
  readonly #freeIds: number[] = [];
  #ownAddresses: readonly ZonedAddress[] = [];
  /** Sources to be imported anew, with the tickets of the sweeps that do it. */
  readonly #reimports = new Map<number, number>();
  /** Peers whose export settings changed. */
  readonly #moving = new Set<RoutedPeer>();

  constructor(localAs: number, tables: PeerTables) {
    this.#localAs = localAs;
    this.#tables = tables;
  }

  /** @throws RangeError */
  get(id: number): RoutedPeer {
    const peer = this.all[id];
    if (peer === undefined) throw new RangeError(`there is no peer ${id}`);
    return peer;
  }

  add(config: RoutingPeer): number {
    const free = this.#freeIds.findIndex((id) => !this.#tables.reclaim.isLeaving(id));
    const id = free < 0 ? this.all.length : this.#freeIds.splice(free, 1)[0]!;
    this.all[id] = new RoutedPeer(id, config, this.#localAs);
    return id;
  }

  change(id: number, config: RoutingPeer): void {
    const peer = this.get(id);
    const change = peer.configure(config);
    if (!peer.hasPaths) return;
    if (change.imports) this.#reimport(peer.source);
    if (change.exports) this.#moving.add(peer);
    if (change.kind) {
      this.#tables.rib.sources.setKind(peer.source, peer.kind);
      // Whom its routes go to depends on what it is.
      for (const group of this.#tables.groups) group.refill();
      this.#moving.add(peer);
    }
    this.#tables.wake();
  }

  remove(id: number): void {
    this.down(id, []);
    this.all[id] = undefined;
    this.#freeIds.push(id);
  }

  up(id: number, negotiated: Negotiated): void {
    const peer = this.get(id);
    if (peer.isUp) throw new Error(`peer ${peer.name} is up already`);
    const { remoteRouterId, remoteAddress } = negotiated;
    const { groups, readable, rib, wake } = this.#tables;
    // With another identifier it is another speaker.
    if (peer.hasPaths && rib.sources.routerId(peer.source) !== remoteRouterId) this.#retire(peer);
    if (!peer.hasPaths) {
      peer.source = rib.sources.add(id, peer.kind, remoteRouterId, remoteAddress.bytes);
    }
    peer.up(negotiated, rib.nextHops.zones.numberOf(negotiated.localAddress.zone));
    for (const family of negotiated.families) {
      peer.memberships.push(groups.join(peer.groupConfig(family), id, peer.source));
    }
    this.#checkOwnAddresses();
    readable.wait(peer);
    wake();
  }

  down(id: number, kept: readonly Family[]): void {
    const peer = this.get(id);
    if (!peer.hasPaths) return;
    const { groups, readable, stale, wake } = this.#tables;
    if (peer.isUp) {
      for (const membership of peer.memberships) groups.leave(membership);
      this.#moving.delete(peer);
      readable.forget(peer);
      for (const family of peer.negotiated.families) {
        stale.begin(peer.source, family);
        if (!kept.includes(family)) stale.end(peer.source, family);
      }
      peer.down(kept);
    }
    if (kept.length === 0) this.#retire(peer);
    this.#checkOwnAddresses();
    wake();
  }

  forgetStale(id: number, family: Family): void {
    const peer = this.get(id);
    if (!peer.hasPaths) return;
    this.#tables.stale.end(peer.source, family);
    if (peer.kept.includes(family)) {
      peer.kept = peer.kept.filter((other) => other !== family);
      if (peer.kept.length === 0) this.#retire(peer);
    }
    this.#tables.wake();
  }

  longLive(id: number, family: Family): void {
    const peer = this.get(id);
    if (!peer.hasPaths) return;
    this.#tables.stale.longLive(peer.source, family);
    this.#reimport(peer.source);
  }

  setLocalAddresses(addresses: readonly ZonedAddress[]): void {
    this.#ownAddresses = addresses;
    this.#checkOwnAddresses();
  }

  /** What peers of other ASes announced is to be judged again. */
  reimportExternal(): void {
    for (const peer of this.all) {
      if (peer?.hasPaths && peer.kind === EXTERNAL) this.#reimport(peer.source);
    }
  }

  /** To be asked of each path in a sweep: whether its source is imported anew. */
  isReimported(source: number): boolean {
    return this.#reimports.has(source);
  }

  /** To be called after each step of the sweep. */
  swept(): void {
    forgetDone(this.#reimports, this.#tables.sweep);
  }

  /** Peers with other export settings go to the groups where these apply. */
  move(): void {
    if (this.#moving.size === 0) return;
    const wanted = new Map<Membership, ReturnType<RoutedPeer['groupConfig']>>();
    for (const peer of this.#moving) {
      for (const membership of peer.memberships) {
        wanted.set(membership, peer.groupConfig(membership.group.exporter.config.family));
      }
      this.#tables.readable.wait(peer);
    }
    this.#moving.clear();
    this.#tables.groups.move(wanted);
  }

  /** The peer's source is given up, and with it all its paths. */
  #retire(peer: RoutedPeer): void {
    const { reclaim, rib, stale, sweep } = this.#tables;
    rib.sources.leave(peer.source);
    reclaim.leaves(peer.source, sweep.request());
    this.#reimports.delete(peer.source);
    stale.forget(peer.source);
    peer.down([]);
  }

  #reimport(source: number): void {
    const { imports, sweep, wake } = this.#tables;
    imports.forget();
    this.#reimports.set(source, sweep.request());
    wake();
  }

  /** Own addresses are those told and those that sessions have; with others, all is judged again. */
  #checkOwnAddresses(): void {
    const { checks, rib } = this.#tables;
    const peers = this.all.filter((peer) => peer?.hasPaths === true);
    const own = [...this.#ownAddresses, ...peers.map((peer) => peer!.localAddress!)];
    if (!checks.setLocalAddresses(own.map((address) => rib.nextHops.zoned(address)))) return;
    for (const peer of peers) this.#reimport(peer!.source);
  }
}
