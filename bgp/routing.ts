/**
 * The speaker's routes behind one face: what peers announced (Adj-RIB-In), what was chosen
 * (Loc-RIB), what each peer is to be told (Adj-RIB-Out). No sockets and no timers: sessions hand
 * UPDATEs in and pull encoded bytes out, and whoever owns the event loop calls `work`.
 *
 *   update ──▶ Import ──▶ Rib: paths ──▶ marked ──▶ decide ──▶ { onRoutes · Groups ──▶ pull }
 *              └────────── at once ───────────┘     └───────── in work() ──────────┘
 */

import { CEASE, ERROR, encodeAttributes, NO_DATA } from 'bgp-parser-ts';
import { type Family, formatPrefix, type Prefix, type ZonedAddress } from 'net-ipaddr';
import { AdjRibInDump } from './adj-rib-in-dump.ts';
import { Groups } from './export/groups.ts';
import { Reclaim } from './export/reclaim.ts';
import { GonePaths } from './gone-paths.ts';
import { Inspection } from './inspection.ts';
import { PathVisit } from './path-visit.ts';
import { ImportChecks } from './policy/import.ts';
import { hasNews, Readable } from './readable.ts';
import { Revalidation } from './revalidation.ts';
import { Import } from './rib/import.ts';
import { NextHops } from './rib/nexthops.ts';
import { RouteReader } from './rib/reader.ts';
import { MAX_PATHS_OF_SOURCE, Rib, randomKey } from './rib/rib.ts';
import { LOCAL_SOURCE } from './rib/sources.ts';
import { Stale } from './rib/stale.ts';
import { Sweep } from './rib/sweep.ts';
import { RoutedPeers } from './routed-peers.ts';
import type {
  Negotiated,
  Origination,
  PeerCounts,
  RouteDetail,
  RoutesListener,
  RoutingOptions,
  RoutingPeer,
  SessionReset,
  TableSizes,
  UpdateListener,
} from './routing-types.ts';
import type { CoveringPrefixes } from './rpki/covering.ts';
import type { OriginValidation } from './rpki/origins.ts';

export type { PathDetail } from './rib/detail.ts';
export type { Reachability } from './rib/nexthops.ts';
export type { RouteReader } from './rib/reader.ts';
export type * from './routing-types.ts';

/** Of one step, each about a millisecond: prefixes decided, and paths looked at in a sweep. */
const DECIDED = 2048;
const SWEPT_PATHS = 2048;
/** Attribute bytes moved in one step of compaction. */
const COMPACTED_BYTES = 64 * 1024;
/** Upkeep is done when nothing else is due, and in any case after so many steps. */
const UPKEEP_STEPS = 16;

export class Routing {
  readonly #options: RoutingOptions;
  readonly #rib: Rib;
  readonly #import: Import;
  readonly #groups: Groups;
  readonly #sweep: Sweep;
  readonly #stale: Stale;
  readonly #revalidation: Revalidation;
  readonly #visit: PathVisit;
  readonly #reclaim: Reclaim;
  readonly #reader: RouteReader;
  readonly #inspection: Inspection;
  readonly #peers: RoutedPeers;
  readonly #readable = new Readable();
  readonly #changed = new Uint32Array(DECIDED);
  #isDeferred = false;
  #sinceUpkeep = 0;
  #isWorkDue = false;
  #onReadable: (peerId: number) => void = () => {};
  #onWork: () => void = () => {};
  readonly #onRoutes: RoutesListener[] = [];
  #onUpdate: UpdateListener | undefined;

  constructor(options: RoutingOptions) {
    const { interfaceOf, random, resolve, routerId } = options;
    const clusterId = options.clusterId ?? routerId;
    this.#options = options;
    this.#rib = new Rib(random, new NextHops(resolve, interfaceOf));
    const checks = new ImportChecks({ routerId, clusterId });
    this.#import = new Import(this.#rib, checks);
    this.#groups = new Groups(this.#rib, { clusterId }, randomKey(random));
    this.#sweep = new Sweep(this.#rib.paths);
    this.#stale = new Stale(this.#rib, this.#sweep);
    this.#revalidation = new Revalidation(this.#rib, this.#sweep);
    this.#reclaim = new Reclaim(this.#rib, this.#groups, this.#sweep);
    this.#reader = new RouteReader(this.#rib);
    this.#peers = new RoutedPeers(options.localAs, {
      rib: this.#rib,
      checks,
      imports: this.#import,
      groups: this.#groups,
      sweep: this.#sweep,
      stale: this.#stale,
      reclaim: this.#reclaim,
      readable: this.#readable,
      wake: () => this.#wake(),
    });
    this.#visit = new PathVisit({
      rib: this.#rib,
      imports: this.#import,
      sweep: this.#sweep,
      stale: this.#stale,
      peers: this.#peers,
      revalidation: this.#revalidation,
      gone: new GonePaths(this.#rib),
    });
    this.#inspection = new Inspection(
      this.#rib,
      this.#import,
      this.#groups,
      this.#stale,
      this.#peers.all,
    );
  }

  /** RFC 4724 §4.1: until this is undone routes come in, but nothing is chosen and nobody told anything. */
  defer(isDeferred: boolean): void {
    this.#isDeferred = isDeferred;
    this.#wake();
  }

  /** A dense id, reused some time after `removePeer`. The peer is down at first. */
  addPeer(config: RoutingPeer): number {
    return this.#peers.add(config);
  }

  /**
   * Takes effect without the session's help: what was received is judged again, what was sent is
   * compared with what should be. Another `remoteAs` takes effect when the session comes up anew.
   */
  changePeer(id: number, config: RoutingPeer): void {
    this.#peers.change(id, config);
  }

  /** As peerDown, and the id is given up. */
  removePeer(id: number): void {
    this.#peers.remove(id);
  }

  /** The session is Established. The initial table, then End-of-RIB for each family, can be pulled. */
  peerUp(id: number, negotiated: Negotiated): void {
    this.#peers.up(id, negotiated);
  }

  /**
   * The session is gone; does nothing when nothing of it is left. Its paths stop counting at once and
   * are freed by `work`, but for those of the families in `kept`: they count, as stale ones, until
   * the peer announces them again or `forgetStale` ends it.
   */
  peerDown(id: number, kept: readonly Family[] = []): void {
    this.#peers.down(id, kept);
  }

  /**
   * One UPDATE message, its header included: `bytes[start, end)`, valid only during the call.
   * Returns undefined, or why the session must be reset.
   */
  update(id: number, bytes: Uint8Array, start: number, end: number): SessionReset | undefined {
    const peer = this.#peers.get(id);
    const outcome = this.#import.take(peer, bytes, start, end);
    if (outcome !== 'ok') {
      const { cursor } = this.#import;
      peer.noteFault(outcome, cursor.errors, this.#options.log);
      if (outcome === 'session-reset') return cursor.notification;
    }
    this.#onUpdate?.(id, peer.context, outcome, bytes, start, end);
    if (this.#rib.marked > 0) this.#wake();
    const { overfull } = this.#import;
    return overfull === undefined ? undefined : tooManyPaths(this.#rib.prefixes.prefix(overfull));
  }

  /** The peer asks for its routes of the family again (RFC 2918). Does nothing for one that is not negotiated. */
  refresh(id: number, family: Family): void {
    const peer = this.#peers.get(id);
    const membership = peer.membership(family);
    if (membership === undefined) return;
    membership.group.resend(membership.receiver, peer.negotiated.enhancedRouteRefresh);
    this.#readable.wait(peer);
    this.#wake();
  }

  /** BoRR (RFC 7313 §4): the peer begins to tell all of the family again; what it told before is stale. */
  refreshBegins(id: number, family: Family): void {
    this.#stale.begin(this.#peers.get(id).source, family);
  }

  /**
   * What the peer has not announced again of the family goes: it has told all (EoRR, End-of-RIB), or
   * its time is up.
   */
  forgetStale(id: number, family: Family): void {
    this.#peers.forgetStale(id, family);
  }

  /** RFC 9494 §4.2: what is stale of the family stays for long, as the last choice and marked so. */
  longLive(id: number, family: Family): void {
    this.#peers.longLive(id, family);
  }

  /**
   * Up to about `maxBytes` of whole UPDATEs, at least one if there is any. The buffers are shared
   * and must not be written to. Empty: nothing to send now; `onReadable` tells when there is.
   */
  pull(id: number, maxBytes: number): Uint8Array[] {
    const peer = this.#peers.get(id);
    const out: Uint8Array[] = [];
    let taken = 0;
    for (const { group, receiver } of peer.memberships) {
      if (taken < maxBytes) taken += group.pull(receiver, maxBytes - taken, out);
      // Room in the ring may be what the group waits for.
      if (group.hasWork) this.#wake();
    }
    if (taken > 0) return out;
    peer.isReadable = false;
    if (peer.memberships.some(hasNews)) {
      this.#readable.wait(peer);
      this.#wake();
    }
    return out;
  }

  /** `listener` hears of each peer that has something to pull after a pull that was empty. Inside `work`. */
  onReadable(listener: (peerId: number) => void): void {
    this.#onReadable = listener;
  }

  /** `listener` is called when there is something for `work` to do after it had returned false. */
  onWork(listener: () => void): void {
    this.#onWork = listener;
  }

  /** `listener` hears of prefixes that have another route now, or none. Inside `work`. */
  onRoutes(listener: RoutesListener): void {
    this.#onRoutes.push(listener);
  }

  /** `listener` hears of each UPDATE once it is in the RIB; undefined: nobody does. */
  onUpdate(listener: UpdateListener | undefined): void {
    this.#onUpdate = listener;
  }

  /** Adj-RIB-In of all peers that are up, to be told to somebody who knows nothing. */
  dumpAdjRibIn(): AdjRibInDump {
    return new AdjRibInDump(this.#rib, (source) => {
      const peer = this.#peers.all[this.#rib.sources.peer(source)];
      return peer?.isUp && peer.source === source ? peer : undefined;
    });
  }

  /** Announces a route of our own. The same prefix again replaces it. */
  originate(prefix: Prefix, origination: Origination): void {
    const { origin = 'igp', localPref, med, communities } = origination;
    const bytes = encodeAttributes({
      origin,
      asPath: [],
      ...(localPref === undefined ? {} : { localPref }),
      ...(med === undefined ? {} : { med }),
      ...(communities === undefined ? {} : { communities }),
    });
    const attributes = this.#rib.attributes.intern(bytes, 0, bytes.length);
    const id = this.#rib.prefixes.intern(prefix);
    this.#rib.announce(id, LOCAL_SOURCE, 0, attributes, attributes);
    this.#rib.attributes.release(attributes);
    this.#wake();
  }

  withdrawOrigin(prefix: Prefix): void {
    const id = this.#rib.prefixes.find(prefix);
    if (id >= 0) this.#rib.withdraw(id, LOCAL_SOURCE, 0);
    this.#wake();
  }

  /** The origins of routes from other ASes are validated by this from now on; undefined: they are not. */
  validateOrigins(origins: OriginValidation | undefined): void {
    this.#import.origins = origins;
    this.#import.forget();
    this.#peers.reimportExternal();
  }

  /** Payloads have changed: routes to these prefixes, and to what lies within them, are judged again. */
  revalidate(prefixes: CoveringPrefixes): void {
    this.#revalidation.request(prefixes);
    this.#wake();
  }

  /** `resolve` may have other answers now: it is asked again, and routes are chosen again by `work`. */
  reviewNextHops(): void {
    const changed = this.#rib.nextHops.review();
    if (changed.length === 0) return;
    this.#visit.request(changed);
    this.#wake();
  }

  /**
   * The node's own addresses: a next hop among them is refused (RFC 4271 §6.3). Those that sessions
   * use are known anyway.
   */
  setLocalAddresses(addresses: readonly ZonedAddress[]): void {
    this.#peers.setLocalAddresses(addresses);
  }

  /** Chooses, exports and cleans up for about `budgetMs`. True while more is left to do. */
  work(budgetMs: number): boolean {
    const { clock } = this.#options;
    const end = clock.monotonic() + budgetMs;
    this.#peers.move();
    let isMore: boolean;
    do isMore = this.#step();
    while (isMore && clock.monotonic() < end);
    this.#isWorkDue = isMore;
    this.#readable.tell(this.#onReadable);
    return isMore;
  }

  /** Paths of the family that are held from a peer that is up. */
  received(id: number, family: Family): number {
    return this.#rib.sources.held[family][this.#peers.get(id).source]!;
  }

  peerCounts(id: number): PeerCounts {
    return this.#inspection.counts(this.#peers.get(id));
  }

  /** How large the tables are, for metrics. */
  tableSizes(): TableSizes {
    return this.#inspection.sizes();
  }

  /** Undefined when nothing is known of the prefix. Builds objects: for people, not for loops. */
  route(prefix: Prefix): RouteDetail | undefined {
    return this.#inspection.route(prefix);
  }

  /** The prefixes with a route, for listings; slow, and the RIB must not change meanwhile. */
  prefixes(): Generator<Prefix> {
    return this.#inspection.prefixes();
  }

  /** One slice of everything that is due. True when there may be more. */
  #step(): boolean {
    this.#visit.step(SWEPT_PATHS, this.#onUpdate);
    const isBusy = (!this.#isDeferred && this.#chooseAndTell()) || this.#sweep.isRunning;
    // Under lasting load the tables must be tidied all the same.
    this.#sinceUpkeep++;
    if (isBusy && this.#sinceUpkeep < UPKEEP_STEPS) return true;
    this.#sinceUpkeep = 0;
    const isCompacting = this.#rib.attributes.compact(COMPACTED_BYTES);
    const isTidying = this.#groups.tidy();
    const isReclaiming = this.#reclaim.step();
    return isBusy || isCompacting || isTidying || isReclaiming;
  }

  /** True when there is more. */
  #chooseAndTell(): boolean {
    this.#decideSome();
    const flushed = this.#groups.flushNext();
    if (flushed !== undefined) {
      for (const receiver of flushed.receivers) {
        if (flushed.hasNews(receiver)) this.#readable.mark(this.#peers.get(receiver.peer));
      }
    }
    return this.#rib.marked > 0 || this.#groups.hasWork;
  }

  #decideSome(): void {
    const changed = this.#changed;
    const { prefixes } = this.#rib;
    const count = this.#rib.decide(changed);
    if (this.#rib.keepsNumbers) {
      for (let i = this.#rib.unchangedFrom; i < changed.length; i++) {
        this.#groups.pathsChanged(changed[i]!, prefixes.family(changed[i]!));
      }
    }
    if (count === 0) return;
    for (let i = 0; i < count; i++) {
      this.#groups.changed(changed[i]!, prefixes.family(changed[i]!));
    }
    for (const listener of this.#onRoutes) listener(changed, count, this.#reader);
  }

  #wake(): void {
    if (this.#isWorkDue) return;
    this.#isWorkDue = true;
    this.#onWork();
  }
}

function tooManyPaths(prefix: Prefix): SessionReset {
  const text = `more than ${MAX_PATHS_OF_SOURCE} paths to ${formatPrefix(prefix)}: have the peer announce fewer (RFC 7911)`;
  return { code: ERROR.CEASE, subcode: CEASE.OUT_OF_RESOURCES, data: NO_DATA, text };
}
