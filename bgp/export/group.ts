/**
 * An update group: peers that are told the same. What changes is worked out once, encoded once, and
 * taken by each peer at its own pace.
 *
 *   changed prefixes ──▶ pending (a set) ──▶ flush: exporter, Adj-RIB-Out, batch ──▶ ring ──▶ in step
 *                                                          └──▶ NLRIs ──▶ lacking ──▶ behind
 *
 * An NLRI is a prefix here; AddPathGroup has paths in its place.
 *
 * The ring has a limit. When it is reached, flushing waits and changes gather in the set, where the
 * last one wins. Only when a peer has taken everything and would have to wait for slower ones do
 * those who hold the oldest chunk fall behind.
 */

import { encodeRouteRefresh, REFRESH_BEGIN, REFRESH_END, SAFI_UNICAST } from 'bgp-parser-ts';
import { AFI } from '../afi.ts';
import { IdSet } from '../rib/id-set.ts';
import type { Paths } from '../rib/paths.ts';
import type { Rib } from '../rib/rib.ts';
import { AdjRibOut } from './adj-rib-out.ts';
import { ANYBODY, type Batch } from './batch.ts';
import { type Blocks, NO_BLOCK } from './blocks.ts';
import type { Exporter } from './exporter.ts';
import { type Receiver, SWEPT } from './receiver.ts';
import { Ring } from './ring.ts';
import { isUnread, leaveRing, readRing } from './ring-reading.ts';

/** Bytes in a ring: for each peer in step, and at most. */
export const RING_SHARE = 128 * 1024;
export const MAX_RING = 4 * 1024 * 1024;
/** Bytes that one flush encodes. */
const FLUSH_BYTES = 64 * 1024;
/** Prefixes that one flush looks at, also when none of them leads to a message. */
const FLUSH_PREFIXES = 4096;
/** NLRIs that one pull looks at in a sweep. */
const SWEEP_NLRIS = 16384;

export class Group {
  readonly adjRibOut: AdjRibOut;
  readonly pending = new IdSet();
  readonly ring = new Ring();
  readonly receivers = new Set<Receiver>();
  exporter: Exporter;
  protected readonly rib: Rib;
  readonly #blocks: Blocks;
  readonly #batch: Batch;
  readonly #behind = new Set<Receiver>();
  /** By source: whether the peer that it stands for is among the receivers. */
  readonly #isMember: boolean[] = [];
  /** Prefixes from here on are still to be worked out for the first time (or again). */
  #fillAt = 0;
  /** Until the first fill is through nobody is told anything: End-of-RIB would come too early. */
  #isFresh = true;

  constructor(exporter: Exporter, rib: Rib, blocks: Blocks, batch: Batch) {
    this.exporter = exporter;
    this.rib = rib;
    this.#blocks = blocks;
    this.#batch = batch;
    this.adjRibOut = new AdjRibOut(blocks);
  }

  /** What NLRIs are numbers of; undefined: they are prefixes. */
  protected get paths(): Paths | undefined {
    return undefined;
  }

  /** The NLRI that the chosen route of the prefix is announced as. */
  protected nlriOf(prefix: number): number {
    return prefix;
  }

  /** In step: peers that read the ring. */
  get inStep(): number {
    return this.receivers.size - this.#behind.size;
  }

  get hasWork(): boolean {
    return (this.pending.size > 0 || this.#fillAt !== SWEPT) && !this.#mustWait();
  }

  /** Another policy, another own address …: every route is worked out again, differences are sent. */
  reconfigure(exporter: Exporter): void {
    this.exporter = exporter;
    this.refill();
  }

  refill(): void {
    this.#fillAt = 0;
  }

  /** A peer joins, and is to be told everything. */
  join(receiver: Receiver): void {
    this.receivers.add(receiver);
    this.#behind.add(receiver);
    this.#isMember[receiver.source] = true;
  }

  leave(receiver: Receiver): void {
    if (!receiver.isBehind) leaveRing(this.ring, receiver);
    this.receivers.delete(receiver);
    this.#behind.delete(receiver);
    this.#isMember[receiver.source] = false;
  }

  /** The peer asks for all of it again (RFC 2918). `marked`: it is told where that begins and ends (RFC 7313). */
  resend(receiver: Receiver, marked: boolean): void {
    receiver.refreshDue = marked ? 'marked' : 'plain';
    if (receiver.sweepAt === SWEPT) this.#refresh(receiver);
  }

  /** Whether `pull` would find something. */
  hasNews(receiver: Receiver): boolean {
    return receiver.isBehind ? !this.#isFresh : receiver.chunk < this.ring.next;
  }

  /** Why the peer does not hold the chosen route of the prefix; undefined: it does. For people. */
  whyNot(receiver: Receiver, prefix: number): string | undefined {
    const refusal = this.exporter.refusal(prefix);
    if (refusal !== undefined) return refusal;
    if (this.rib.routes.source(prefix) === receiver.source) return 'the route is its own';
    const nlri = this.nlriOf(prefix);
    const isAhead = receiver.isBehind
      ? nlri >= receiver.sweepAt || receiver.lacking.has(nlri)
      : isUnread(this.ring, receiver, nlri);
    return isAhead || this.pending.has(prefix) ? 'not sent yet' : undefined;
  }

  /** Adds to `into` all that the peer may hold, whatever it lacks of it. */
  copyHeld(receiver: Receiver, into: IdSet): void {
    // What waits in the ring may be a withdraw of what the peer still holds.
    if (!receiver.isBehind) this.#fallBehind(receiver);
    this.adjRibOut.addAllBut(receiver.source, into);
    into.addAll(receiver.lacking);
  }

  /** Whether anything here still refers to the prefix. */
  mentions(prefix: number): boolean {
    return this.pending.has(prefix) || this.knows(prefix);
  }

  /** Whether anything here still refers to the path. */
  mentionsPath(_path: number): boolean {
    return false;
  }

  /** Works out and encodes some of what is pending. */
  flush(): void {
    if (this.#mustMakeRoom()) this.#demoteSlowest();
    const batch = this.#batch;
    batch.begin(this.exporter.config.family, this.exporter.maxMessage, this.paths);
    for (let i = 0; i < FLUSH_PREFIXES; i++) {
      if (batch.isFull || batch.size >= FLUSH_BYTES) break;
      const prefix = this.#takePending();
      if (prefix < 0) break;
      this.update(prefix);
    }
    const readers = this.inStep;
    if (readers > 0 && !batch.isEmpty) this.ring.append(batch.encode(), readers);
    this.#blocks.unpin();
  }

  /** Appends to `out` up to about `maxBytes` for the peer, at least one message if there is one. */
  pull(receiver: Receiver, maxBytes: number, out: Uint8Array[]): number {
    if (!receiver.isBehind) return readRing(this.ring, receiver, maxBytes, out);
    return this.#isFresh ? 0 : this.#pullBehind(receiver, maxBytes, out);
  }

  #takePending(): number {
    const prefix = this.pending.take();
    if (prefix >= 0 || this.#fillAt === SWEPT) return prefix;
    const { routes, prefixes } = this.rib;
    const { family } = this.exporter.config;
    for (let i = 0; i < FLUSH_PREFIXES && this.#fillAt < routes.top; i++) {
      const next = this.#fillAt++;
      if (routes.attributes(next) !== 0 && prefixes.family(next) === family) return next;
    }
    if (this.#fillAt >= routes.top) {
      this.#fillAt = SWEPT;
      this.#isFresh = false;
    }
    return -1;
  }

  /** Works out one prefix. */
  protected update(prefix: number): void {
    this.bring(prefix, this.exporter.block(prefix), this.rib.routes.source(prefix));
  }

  /** Brings Adj-RIB-Out up to date for one NLRI, and tells who has to hear of it. */
  protected bring(nlri: number, block: number, from: number): void {
    const source = block === NO_BLOCK ? ANYBODY : from;
    const before = this.adjRibOut.block(nlri);
    const sourceBefore = this.adjRibOut.source(nlri);
    if (block === before && (block === NO_BLOCK || source === sourceBefore)) return;
    this.adjRibOut.set(nlri, block, source);
    for (const receiver of this.#behind) {
      const isFor = this.#isFor(receiver, block, source);
      if (!isFor && !this.#isFor(receiver, before, sourceBefore)) continue;
      // What is announced the sweep finds by itself; what is gone only matters to who holds it.
      const isSwept = nlri < receiver.sweepAt || (!isFor && receiver.isRefreshed);
      if (isSwept) receiver.lacking.add(nlri);
    }
    if (this.inStep > 0) this.#addToBatch(nlri, block, source, before, sourceBefore);
  }

  /** Whether the NLRI is announced, or a peer that is behind lacks news of it. */
  protected knows(nlri: number): boolean {
    if (this.adjRibOut.block(nlri) !== NO_BLOCK) return true;
    for (const receiver of this.#behind) if (receiver.lacking.has(nlri)) return true;
    return false;
  }

  #addToBatch(
    nlri: number,
    block: number,
    source: number,
    before: number,
    sourceBefore: number,
  ): void {
    const own = this.#audienceOf(source);
    const ownBefore = this.#audienceOf(sourceBefore);
    if (block === NO_BLOCK) {
      this.#batch.add(nlri, NO_BLOCK, ownBefore, ANYBODY);
      return;
    }
    if (block !== before) this.#batch.add(nlri, block, own, ANYBODY);
    // The same from another peer: only the one that did not hear it until now has to.
    else if (ownBefore !== ANYBODY) this.#batch.add(nlri, block, ANYBODY, ownBefore);
    // Whoever brings the route now held another's path before.
    if (before !== NO_BLOCK && own !== ANYBODY && own !== ownBefore) {
      this.#batch.add(nlri, NO_BLOCK, ANYBODY, own);
    }
  }

  /** The source as an audience: only of those who are in the group is it of interest. */
  #audienceOf(source: number): number {
    return this.#isMember[source] ? source : ANYBODY;
  }

  #isFor(receiver: Receiver, block: number, source: number): boolean {
    return block !== NO_BLOCK && source !== receiver.source;
  }

  #isRingFull(): boolean {
    return this.ring.size >= Math.min(MAX_RING, RING_SHARE * (this.inStep + 1));
  }

  /** The ring is full, and nobody has to wait for others because of it. */
  #mustWait(): boolean {
    return this.#isRingFull() && !this.#mustMakeRoom();
  }

  /** Somebody has taken from the ring all that there is, while others keep it full. */
  #mustMakeRoom(): boolean {
    if (!this.#isRingFull()) return false;
    const { first, next } = this.ring;
    for (const receiver of this.receivers) {
      if (!receiver.isBehind && receiver.chunk === next && receiver.tookFrom >= first) return true;
    }
    return false;
  }

  #demoteSlowest(): void {
    const { first } = this.ring;
    for (const receiver of this.receivers) {
      if (!receiver.isBehind && receiver.chunk === first) this.#fallBehind(receiver);
    }
  }

  #fallBehind(receiver: Receiver): void {
    for (let number = receiver.chunk; number < this.ring.next; number++) {
      const { nlris, skip } = this.ring.at(number);
      if (skip.every((source) => source === receiver.source)) continue;
      for (const nlri of nlris) receiver.lacking.add(nlri);
    }
    leaveRing(this.ring, receiver);
    receiver.isBehind = true;
    receiver.sweepAt = SWEPT;
    this.#behind.add(receiver);
  }

  #pullBehind(receiver: Receiver, maxBytes: number, out: Uint8Array[]): number {
    const batch = this.#batch;
    const { family } = this.exporter.config;
    let taken = 0;
    if (receiver.before !== undefined) taken += takeAll(receiver.before, out);
    receiver.before = undefined;
    batch.begin(family, this.exporter.maxMessage, this.paths);
    const hasRoom = () => !batch.isFull && batch.size < maxBytes;
    this.#sweep(receiver, hasRoom);
    while (receiver.sweepAt === SWEPT && hasRoom()) {
      const nlri = receiver.lacking.take();
      if (nlri < 0) break;
      this.#addState(receiver, nlri);
    }
    if (!batch.isEmpty) taken += takeAll(batch.encode().bytes, out);
    if (receiver.sweepAt !== SWEPT) return taken;
    if (receiver.after !== undefined) taken += takeAll(receiver.after, out);
    receiver.after = undefined;
    if (receiver.refreshDue !== undefined) this.#refresh(receiver);
    else if (receiver.lacking.size === 0) this.#catchUp(receiver);
    return taken;
  }

  #refresh(receiver: Receiver): void {
    if (!receiver.isBehind) this.#fallBehind(receiver);
    if (receiver.refreshDue === 'marked') {
      const afi = AFI[this.exporter.config.family];
      receiver.before = encodeRouteRefresh(afi, SAFI_UNICAST, REFRESH_BEGIN);
      receiver.after = encodeRouteRefresh(afi, SAFI_UNICAST, REFRESH_END);
    }
    receiver.refreshDue = undefined;
    receiver.sweepAt = 0;
    receiver.isRefreshed = true;
  }

  #sweep(receiver: Receiver, hasRoom: () => boolean): void {
    const { adjRibOut } = this;
    for (let i = 0; i < SWEEP_NLRIS && receiver.sweepAt !== SWEPT && hasRoom(); i++) {
      const nlri = adjRibOut.skipEmpty(receiver.sweepAt);
      if (nlri >= adjRibOut.top) {
        receiver.sweepAt = SWEPT;
        return;
      }
      receiver.sweepAt = nlri + 1;
      // What it holds of old and has to lose comes later, out of `lacking`.
      if (!this.#isFor(receiver, adjRibOut.block(nlri), adjRibOut.source(nlri))) continue;
      receiver.lacking.delete(nlri);
      this.#addState(receiver, nlri);
    }
  }

  /** Adds to the batch what the peer is to know of the NLRI now. */
  #addState(receiver: Receiver, nlri: number): void {
    const block = this.adjRibOut.block(nlri);
    const isFor = this.#isFor(receiver, block, this.adjRibOut.source(nlri));
    this.#batch.add(nlri, isFor ? block : NO_BLOCK, ANYBODY, ANYBODY);
  }

  /** Back in step: what comes next is what is encoded next. */
  #catchUp(receiver: Receiver): void {
    receiver.isBehind = false;
    receiver.isRefreshed = false;
    this.#behind.delete(receiver);
    receiver.chunk = this.ring.next;
    receiver.span = 0;
    receiver.at = 0;
    receiver.tookFrom = -1;
  }
}

function takeAll(bytes: Uint8Array, out: Uint8Array[]): number {
  out.push(bytes);
  return bytes.length;
}
