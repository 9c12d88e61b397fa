/** What Routing shows of itself: to people who ask why, and to metrics. Builds objects; nothing here is hot. */

import type { Prefix } from 'net-ipaddr';
import type { Groups } from './export/groups.ts';
import { NO_ATTRIBUTES } from './rib/attributes.ts';
import { pathDetails } from './rib/detail.ts';
import type { Import, ImportVerdict } from './rib/import.ts';
import type { Rib } from './rib/rib.ts';
import { LOCAL_SOURCE } from './rib/sources.ts';
import type { Stale } from './rib/stale.ts';
import type { RoutedPeer } from './routed-peer.ts';
import type { PeerCounts, RouteDetail, TableSizes } from './routing-types.ts';

export class Inspection {
  readonly #rib: Rib;
  readonly #import: Import;
  readonly #groups: Groups;
  readonly #stale: Stale;
  readonly #peers: readonly (RoutedPeer | undefined)[];

  constructor(
    rib: Rib,
    imports: Import,
    groups: Groups,
    stale: Stale,
    peers: readonly (RoutedPeer | undefined)[],
  ) {
    this.#rib = rib;
    this.#import = imports;
    this.#groups = groups;
    this.#stale = stale;
    this.#peers = peers;
  }

  counts(peer: RoutedPeer): PeerCounts {
    const { received, accepted, stale } = this.#rib.sources;
    let advertised = 0;
    let inStep = true;
    for (const { group, receiver } of peer.memberships) {
      advertised += group.adjRibOut.size - group.adjRibOut.countOf(peer.source);
      if (group.hasNews(receiver) || group.pending.size > 0) inStep = false;
    }
    return {
      received: peer.hasPaths ? received[peer.source]! : 0,
      accepted: peer.hasPaths ? accepted[peer.source]! : 0,
      stale: peer.hasPaths ? stale[4][peer.source]! + stale[6][peer.source]! : 0,
      advertised,
      inStep,
      treatedAsWithdraw: peer.treatedAsWithdraw,
      attributesDiscarded: peer.attributesDiscarded,
    };
  }

  sizes(): TableSizes {
    const { attributes, prefixes, sources } = this.#rib;
    const groups = [...this.#groups];
    return {
      prefixes: prefixes.size,
      paths: sources.received.reduce((sum, count) => sum + count, 0),
      attributeSets: attributes.size,
      exportedSets: this.#groups.blocks.size,
      groups: groups.length,
      ringBytes: groups.reduce((sum, { ring }) => sum + ring.size, 0),
      arenaBytes: attributes.arenaBytes + this.#groups.blocks.arenaBytes,
    };
  }

  route(prefix: Prefix): RouteDetail | undefined {
    const id = this.#rib.prefixes.find(prefix);
    if (id < 0) return undefined;
    const paths = pathDetails(this.#rib, id, (path) => this.#importVerdict(path));
    const sentTo: number[] = [];
    const notSentTo: { peer: number; reason: string }[] = [];
    const changedFor: { peer: number; changedBy: readonly string[] }[] = [];
    for (const peer of this.#peers) {
      const membership = peer?.membership(prefix.address.family);
      if (peer === undefined || membership === undefined) continue;
      const reason = membership.group.whyNot(membership.receiver, id);
      if (reason !== undefined) {
        notSentTo.push({ peer: peer.id, reason });
        continue;
      }
      sentTo.push(peer.id);
      const changedBy = membership.group.exporter.changedBy(id);
      if (changedBy.length > 0) changedFor.push({ peer: peer.id, changedBy });
    }
    return { prefix, paths, sentTo, notSentTo, changedFor };
  }

  *prefixes(): Generator<Prefix> {
    const { prefixes, routes } = this.#rib;
    for (let id = 0; id < routes.top; id++) {
      if (routes.attributes(id) !== NO_ATTRIBUTES) yield prefixes.prefix(id);
    }
  }

  #importVerdict(path: number): ImportVerdict | undefined {
    const { paths, sources } = this.#rib;
    const source = paths.source(path);
    if (source === LOCAL_SOURCE || !sources.isLive(source)) return undefined;
    const peer = this.#peers[sources.peer(source)]!;
    return this.#import.explain(path, this.#stale.isLongLived(path) ? peer.longLived : peer);
  }
}
