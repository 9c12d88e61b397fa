/**
 * The kernel's next hop objects. Routes that BGP brought by the same next hops share one, and one message
 * moves them all when the way to these next hops is another, or one of several dies (next-hop-plan.ts).
 *
 * Interfaces that go down, or lose their carrier, take theirs with them, and the IPv4 routes by these, of
 * which the kernel says nothing. A kernel before 5.3 has no such objects: then each route names its gateways.
 */

import type { NetlinkError, NextHopObject, Result } from 'rtnetlink-ts';
import type { NextHopSet } from '../calc/next-hops.ts';
import type { Netlink } from '../kernel.ts';
import { FIRST_NEXT_HOP_ID, isOurNextHop, LAST_NEXT_HOP_ID, PROTOCOL } from '../ours.ts';
import type { RouteWrite } from './footing.ts';
import type { InterfaceNames } from './kernel-route.ts';
import { type Hop, KnownNextHops, keyOf, keyOfAll, type NextHopChange } from './known-next-hops.ts';
import { groupChanges, type Plan, plan, type WantedGroup } from './next-hop-plan.ts';

export interface NextHopObjectsOptions {
  netlink: Pick<Netlink, 'batch' | 'batchOffLoop' | 'nextHops'>;
  names: InterfaceNames;
  /** There is something to flush. */
  onWork(): void;
  /** The kernel has something that we did not know of: it is to be read. */
  onSurprise(): void;
}

export class NextHopObjects {
  readonly #options: NextHopObjectsOptions;
  #isSupported = false;
  /** Ours in the kernel, as far as it is known. */
  #objects = new KnownNextHops();
  /** Ids of ours that others have taken. */
  #taken: ReadonlySet<number> = new Set();
  /** The group of each set that has routes. */
  readonly #ids = new Map<NextHopSet, number>();
  readonly #sets = new Map<number, NextHopSet>();
  /** Sets that came since the last flush: a thousand may come one by one, and none looks at the others. */
  readonly #fresh = new Set<NextHopSet>();
  /** Groups without a set, by where they lead. Undefined: to be looked for. */
  #idleByHops: Map<string, Set<number>> | undefined;
  readonly #unused = new Set<number>();
  /** Why a group is not there, or lacks a member. */
  readonly #problems = new Map<number, string>();
  #nextId = FIRST_NEXT_HOP_ID;
  #isDirty = false;
  #moving = 0;
  /** Counts what was written: a dump that began before may be older. */
  #writes = 0;

  constructor(options: NextHopObjectsOptions) {
    this.#options = options;
  }

  /** Known once they have been read. */
  get isSupported(): boolean {
    return this.#isSupported;
  }

  get hasWork(): boolean {
    return this.#isDirty || this.#fresh.size > 0;
  }

  /** Routes are being moved, with the kernel's lock held: who writes meanwhile waits for it. */
  get isMoving(): boolean {
    return this.#moving > 0;
  }

  /** @throws NetlinkError */
  async read(): Promise<void> {
    const writes = this.#writes;
    let all: readonly NextHopObject[];
    try {
      all = await this.#options.netlink.nextHops();
    } catch (error) {
      if ((error as NetlinkError).code === 'EOPNOTSUPP') return;
      throw error;
    }
    this.#isSupported = true;
    if (writes !== this.#writes) {
      this.#options.onSurprise();
      return;
    }
    const ours = all.filter(isOurNextHop);
    this.#objects = new KnownNextHops(ours);
    this.#idleByHops = undefined;
    this.#taken = new Set(all.filter((object) => !isOurNextHop(object)).map(({ id }) => id));
    this.#touch();
  }

  /**
   * The group that routes by this set are to be by; it is there after the next flush, if at all.
   *
   * @param present which group such a route is by now: it is taken over if it leads the same way
   * @returns undefined: the routes name their gateways
   */
  idOf(set: NextHopSet, present: () => number | undefined): number | undefined {
    const known = this.#ids.get(set);
    if (known !== undefined) return known;
    const hops = this.#hopsOf(set);
    if (hops === undefined || hops.length === 0) return undefined;
    const adopted = this.#adopt(hops, present());
    const id = adopted ?? this.#newId();
    this.#ids.set(set, id);
    this.#sets.set(id, set);
    if (adopted === undefined) {
      this.#fresh.add(set);
      this.#options.onWork();
    }
    return id;
  }

  /** The set has other gateways. @returns whether its routes can stay as they are. */
  follow(set: NextHopSet): boolean {
    if (!this.#ids.has(set)) return false;
    this.#touch();
    if (this.#hopsOf(set) !== undefined) return true;
    this.leave(set);
    return false;
  }

  /** The set has no routes any more. Its group stays for as long as the kernel may have some by it. */
  leave(set: NextHopSet): void {
    const id = this.#ids.get(set);
    if (id === undefined) return;
    this.#ids.delete(set);
    this.#sets.delete(id);
    this.#fresh.delete(set);
    const group = this.#objects.get(id);
    if (group !== undefined && this.#idleByHops !== undefined)
      addIdle(this.#idleByHops, this.#objects.whereTo(group), id);
  }

  /** Why this can't be written: there is no such object. The kernel would not say why. */
  lackOf({ action, route: { nextHopId: id } }: RouteWrite): string | undefined {
    if (action === 'delete' || id === undefined || this.#objects.get(id)) return undefined;
    return this.#problems.get(id) ?? `next hop ${id} is not there yet`;
  }

  /** The interface went down, or lost its carrier, and its next hops with it. */
  loseLink(index: number): void {
    const lost = [...this.#objects.values()].filter(({ oif }) => oif === index);
    for (const { id } of lost) this.#objects.remove(id);
    if (lost.length > 0) this.#touch();
  }

  /** What could not be made may be possible now. */
  retry(): void {
    if (this.#problems.size > 0) this.#touch();
  }

  /** Groups without a set. Of these may be removed what no route is by, either. */
  idle(): Set<number> {
    const idle = new Set<number>();
    for (const { id, group } of this.#objects.values())
      if (group !== undefined && !this.#sets.has(id)) idle.add(id);
    return idle;
  }

  /** No route is by these, unless a set has taken one over meanwhile. */
  remove(ids: ReadonlySet<number>): void {
    for (const id of ids) if (!this.#sets.has(id)) this.#unused.add(id);
    if (this.#unused.size > 0) this.#touch();
  }

  /**
   * Makes what routes are about to be written by. What moves routes that are there is done on another
   * thread: it may hold the kernel for 100 ms and more.
   */
  flush(): void {
    if (this.#isDirty) this.#reconcile();
    else if (this.#fresh.size > 0 || this.#problems.size > 0) this.#complete();
    this.#fresh.clear();
  }

  /** What is new, and what could not be made before. */
  #complete(): void {
    const refused = [...this.#problems.keys()].flatMap((id) => this.#sets.get(id) ?? []);
    this.#problems.clear();
    this.#apply(groupChanges(this.#wanted(new Set([...this.#fresh, ...refused])), this.#objects));
  }

  #reconcile(): void {
    this.#isDirty = false;
    this.#idleByHops = undefined;
    this.#problems.clear();
    const changes = plan(this.#wanted(this.#ids.keys()), this.#objects, this.#unused);
    this.#unused.clear();
    this.#apply(changes);
  }

  #apply({ adds, moves }: Plan): void {
    this.#add(adds, ({ id }, error) => this.#problems.set(id, error.message));
    if (moves.length > 0) void this.#move(moves);
  }

  /** The groups of these sets that can be made now. Makes the members that are missing. */
  #wanted(sets: Iterable<NextHopSet>): WantedGroup[] {
    const groups = Array.from(sets, (set) => ({
      id: this.#ids.get(set)!,
      hops: this.#hopsOf(set) ?? [],
    }));
    const failures = this.#makeMembers(groups.flatMap(({ hops }) => hops));
    return groups.flatMap(({ id, hops }) => {
      const failure = hops.find((hop) => failures.has(keyOf(hop)));
      if (failure !== undefined) this.#problems.set(id, failures.get(keyOf(failure))!);
      const members = hops.flatMap((hop) => this.#objects.memberTo(hop) ?? []);
      return members.length === 0 ? [] : { id, members };
    });
  }

  /** @returns by the text of a hop, why there is no such member */
  #makeMembers(hops: readonly Hop[]): ReadonlyMap<string, string> {
    const missing = new Map<string, NextHopObject>();
    for (const hop of hops) {
      const key = keyOf(hop);
      if (this.#objects.memberTo(hop) !== undefined || missing.has(key)) continue;
      missing.set(key, { id: this.#newId(), protocol: PROTOCOL, ...hop });
    }
    const failures = new Map<string, string>();
    this.#add([...missing.values()], (member, error) =>
      failures.set(keyOf(member as Hop), error.message),
    );
    return failures;
  }

  #add(
    nextHops: readonly NextHopObject[],
    onFailure: (nextHop: NextHopObject, error: NetlinkError) => void,
  ): void {
    if (nextHops.length === 0) return;
    this.#writes++;
    const { netlink, onSurprise } = this.#options;
    const changes = nextHops.map((nextHop) => ({ action: 'add', nextHop }) as const);
    let results: readonly Result[];
    try {
      results = netlink.batch(changes);
    } catch (error) {
      // The socket failed: what the kernel did of it is unknown.
      onSurprise();
      results = changes.map(() => error as NetlinkError);
    }
    for (const [i, change] of changes.entries()) {
      const error = results[i];
      if (error === undefined) this.#objects.apply(change);
      else onFailure(change.nextHop, error);
      if (error?.code === 'EEXIST') onSurprise();
    }
  }

  async #move(changes: readonly NextHopChange[]): Promise<void> {
    const { netlink, onSurprise, onWork } = this.#options;
    // As if it were done: who comes next builds on it, and is done after it.
    for (const change of changes) this.#objects.apply(change);
    this.#writes++;
    this.#moving++;
    try {
      const results = await netlink.batchOffLoop(changes);
      if (results.some((error) => error !== undefined && error.code !== 'ENOENT')) onSurprise();
    } catch {
      // Closed meanwhile, or the socket failed.
      onSurprise();
    }
    this.#writes++;
    this.#moving--;
    onWork();
  }

  /** A group without a set that leads by these hops: of an agent before us, or of a set that was given up. */
  #adopt(hops: readonly Hop[], present: number | undefined): number | undefined {
    this.#idleByHops ??= this.#findIdle();
    const found = this.#idleByHops.get(keyOfAll(hops));
    if (found === undefined) return undefined;
    const id = present !== undefined && found.has(present) ? present : [...found][0];
    if (id === undefined) return undefined;
    found.delete(id);
    this.#unused.delete(id);
    return id;
  }

  #findIdle(): Map<string, Set<number>> {
    const found = new Map<string, Set<number>>();
    for (const id of this.idle()) addIdle(found, this.#objects.whereTo(this.#objects.get(id)!), id);
    return found;
  }

  /** Undefined: one of them can't be an object, as its interface isn't known, or IPv6 wants a footing for it. */
  #hopsOf({ gateways }: NextHopSet): readonly Hop[] | undefined {
    if (!this.#isSupported) return undefined;
    const hops: Hop[] = [];
    for (const { bytes, family, onlink, zone } of gateways) {
      if (zone === undefined || onlink) return undefined;
      const oif = this.#options.names.indexOf(zone);
      if (oif !== undefined) hops.push({ gateway: { bytes, family }, oif });
    }
    return hops;
  }

  #newId(): number {
    let id: number;
    do {
      id = this.#nextId;
      this.#nextId = id === LAST_NEXT_HOP_ID ? FIRST_NEXT_HOP_ID : id + 1;
    } while (this.#objects.get(id) || this.#taken.has(id) || this.#sets.has(id));
    return id;
  }

  #touch(): void {
    this.#isDirty = true;
    this.#options.onWork();
  }
}

function addIdle(idleByHops: Map<string, Set<number>>, whereTo: string, id: number): void {
  const ids = idleByHops.get(whereTo) ?? new Set();
  idleByHops.set(whereTo, ids.add(id));
}
