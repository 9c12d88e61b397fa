/** All update groups: who is in which, whose turn it is, and what is left behind when one ends. */

import { AttributeBlock, encodeEndOfRib, SAFI_UNICAST } from 'bgp-parser-ts';
import type { Family } from 'net-ipaddr';
import { AFI } from '../afi.ts';
import { Editor } from '../policy/editor.ts';
import type { HashKey } from '../rib/hash.ts';
import type { Rib } from '../rib/rib.ts';
import { AddPathGroup } from './add-path-group.ts';
import type { AdjRibOut } from './adj-rib-out.ts';
import { Batch } from './batch.ts';
import { Blocks } from './blocks.ts';
import { Exporter, type ExportIdentity, type GroupConfig, groupKey } from './exporter.ts';
import { Group } from './group.ts';
import { Receiver } from './receiver.ts';

/** A peer in the group of one of its families. */
export interface Membership {
  group: Group;
  receiver: Receiver;
}

/** Attribute bytes moved in one step of compaction. */
const COMPACTED_BYTES = 64 * 1024;

export class Groups {
  readonly blocks: Blocks;
  readonly #rib: Rib;
  readonly #identity: ExportIdentity;
  readonly #batch: Batch;
  readonly #scratch = { editor: new Editor(), built: new AttributeBlock() };
  readonly #byKey = new Map<string, Group>();
  readonly #keys = new Map<Group, string>();
  /** The groups in the order of their turns. */
  #turns: Group[] = [];
  readonly #ended: AdjRibOut[] = [];

  constructor(rib: Rib, identity: ExportIdentity, key: HashKey) {
    this.#rib = rib;
    this.#identity = identity;
    this.blocks = new Blocks(key);
    this.#batch = new Batch(rib.prefixes, this.blocks);
  }

  [Symbol.iterator](): Iterator<Group> {
    return this.#turns[Symbol.iterator]();
  }

  get hasWork(): boolean {
    return this.#turns.some((group) => group.hasWork);
  }

  /** Whether some peers are sent paths with their numbers. */
  get sendsNumbers(): boolean {
    return this.#turns.some((group) => group.exporter.config.addPath);
  }

  /** The peer is to be told all that `config` lets through, then End-of-RIB. */
  join(config: GroupConfig, peer: number, source: number): Membership {
    const group = this.#groupFor(config);
    const receiver = new Receiver(peer, source, encodeEndOfRib(AFI[config.family], SAFI_UNICAST));
    group.join(receiver);
    return { group, receiver };
  }

  leave({ group, receiver }: Membership): void {
    group.leave(receiver);
    if (group.receivers.size === 0) this.#end(group);
  }

  /**
   * Other configurations for peers that are in groups. Where all peers of a group go on together the
   * group itself changes and sends what differs; a peer that parts from the others is told everything
   * anew, and loses what it should no longer have.
   */
  move(wanted: ReadonlyMap<Membership, GroupConfig>): void {
    const byGroup = Map.groupBy(wanted, ([membership]) => membership.group);
    for (const [group, moves] of byGroup) {
      const keys = new Set(moves.map(([, config]) => groupKey(config)));
      const [key] = keys;
      if (keys.size === 1 && moves.length === group.receivers.size && !this.#byKey.has(key!)) {
        this.#byKey.delete(this.#keys.get(group)!);
        this.#register(group, key!);
        group.reconfigure(this.#exporter(moves[0]![1]));
        continue;
      }
      for (const [membership, config] of moves) {
        if (groupKey(config) !== this.#keys.get(group)) this.#transfer(membership, config);
      }
    }
  }

  /** The route to the prefix is another one now. */
  changed(prefix: number, family: Family): void {
    for (const group of this.#turns) {
      if (group.exporter.config.family === family) group.pending.add(prefix);
    }
  }

  /** Paths to the prefix have changed, while the route is as it was. */
  pathsChanged(prefix: number, family: Family): void {
    for (const group of this.#turns) {
      const { config } = group.exporter;
      if (config.addPath && config.family === family) group.pending.add(prefix);
    }
  }

  /** Flushes the next group that has something to do; that group. */
  flushNext(): Group | undefined {
    const index = this.#turns.findIndex((group) => group.hasWork);
    if (index < 0) return undefined;
    const [group] = this.#turns.splice(index, 1);
    this.#turns.push(group!);
    group!.flush();
    return group;
  }

  /** Some of the cleaning up. True while there is more. */
  tidy(): boolean {
    const ended = this.#ended.at(-1);
    if (ended !== undefined && !ended.dropSegment()) this.#ended.pop();
    return this.blocks.compact(COMPACTED_BYTES) || this.#ended.length > 0;
  }

  /** Whether a group still refers to this source. */
  mentionsSource(source: number): boolean {
    return this.#turns.some(
      (group) => group.adjRibOut.countOf(source) > 0 || group.ring.mentions(source),
    );
  }

  mentionsPath(path: number): boolean {
    return this.#turns.some((group) => group.mentionsPath(path));
  }

  mentionsPrefix(prefix: number): boolean {
    return this.#turns.some((group) => group.mentions(prefix));
  }

  #groupFor(config: GroupConfig): Group {
    const key = groupKey(config);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const Kind = config.addPath ? AddPathGroup : Group;
    const group = new Kind(this.#exporter(config), this.#rib, this.blocks, this.#batch);
    this.#register(group, key);
    this.#turns.push(group);
    if (config.addPath) this.#rib.keepsNumbers = true;
    return group;
  }

  #exporter(config: GroupConfig): Exporter {
    return new Exporter(config, this.#identity, this.#rib, this.blocks, this.#scratch);
  }

  #register(group: Group, key: string): void {
    this.#byKey.set(key, group);
    this.#keys.set(group, key);
  }

  #transfer(membership: Membership, config: GroupConfig): void {
    const { group: from, receiver: old } = membership;
    const receiver = new Receiver(old.peer, old.source, old.after);
    receiver.before = old.before;
    receiver.refreshDue = old.refreshDue;
    from.copyHeld(old, receiver.lacking);
    this.leave(membership);
    membership.group = this.#groupFor(config);
    membership.receiver = receiver;
    membership.group.join(receiver);
  }

  #end(group: Group): void {
    this.#byKey.delete(this.#keys.get(group)!);
    this.#keys.delete(group);
    this.#turns = this.#turns.filter((other) => other !== group);
    this.#ended.push(group.adjRibOut);
  }
}
