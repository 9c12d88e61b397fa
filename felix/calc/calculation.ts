/**
 * Which routes this node should have, from all that asks for one: its pods, its blocks, BGP.
 *
 * The answer for a prefix depends on the present inputs only, never on the order in which they came.
 * A change marks just the prefixes whose answer it may change, so that a hundred thousand learned
 * routes are not judged again because one node joined.
 */

import {
  type Address,
  compareZonedAddresses,
  familyBits,
  hostPrefix,
  type Prefix,
  PrefixTrie,
  type ZonedAddress,
} from 'net-ipaddr';
import { TUNNEL_DEVICES } from '../ours.ts';
import { Claims, type Workload } from './claims.ts';
import {
  firstObjection,
  forEveryRoute,
  forPeerRoutes,
  forRoutesElsewhere,
  localPod,
  objectionToNextHops,
  type Surroundings,
  twoPods,
  unresolved,
} from './guards.ts';
import { Marked } from './marked.ts';
import {
  type LearnedRoute,
  type NextHopGroups,
  type NextHopSet,
  NextHopSets,
  type Resolution,
  UNREACHABLE,
} from './next-hops.ts';
import { differing, prefixSet } from './prefix-sets.ts';
import { RemoteBlocks, type SaidOfBlocks } from './remote-blocks.ts';
import type {
  Decision,
  DesiredRoute,
  LearnedTarget,
  PeerRoute,
  Refusal,
  RemoteTarget,
  UnderlayRoute,
} from './route.ts';

/** A route to what is not on this node. */
interface Elsewhere {
  readonly target: RemoteTarget | LearnedTarget;
  /** As they were told: what the target goes by may be found by them first. */
  readonly nextHops: readonly ZonedAddress[];
  readonly guards: typeof forRoutesElsewhere;
}

const NOTHING: Decision = { refusals: [] };

export class Calculation {
  /** Which pods of this node claim which addresses. */
  readonly #claims = new Claims();
  #localBlocks = new PrefixTrie<true>();
  #nodeAddresses = new PrefixTrie<true>();
  #underlay = new PrefixTrie<UnderlayRoute>();
  readonly #learned = new PrefixTrie<LearnedRoute>();
  readonly #nextHops: NextHopSets;
  readonly #resolveByHost: (nextHop: ZonedAddress) => Resolution;
  #peerRoutes = new PrefixTrie<LearnedTarget>();
  /** The gateways of what the datastore says without a tunnel. */
  readonly #directWays = new PrefixTrie<LearnedRoute>();
  /** What the datastore says of other nodes. */
  readonly remote = new RemoteBlocks();
  /** Prefixes to decide anew. */
  readonly #dirty: Marked;

  /**
   * @param resolveByHost what the routes say of an address that the host has without us
   * @param seed 32 random bits
   * @param groups takes the routes of a set to its new gateways as one, if it can
   */
  constructor(
    resolveByHost: (nextHop: ZonedAddress) => Resolution,
    seed: number,
    groups?: NextHopGroups,
  ) {
    this.#resolveByHost = resolveByHost;
    this.#dirty = new Marked(seed);
    this.#nextHops = new NextHopSets((nextHop) => this.resolve(nextHop), groups);
  }

  /** @param workload undefined: the interface has no pod any more. */
  setWorkload(hostInterface: string, workload: Workload | undefined): void {
    for (const prefix of this.#claims.set(hostInterface, workload)) this.#mark(prefix);
  }

  /** The interface has another index: what leads to it is written anew. */
  touchWorkload(hostInterface: string): void {
    for (const prefix of this.prefixesOf(hostInterface)) this.#mark(prefix);
  }

  /** As touchWorkload, for an interface that gateways may be on, or for a tunnel. */
  touchLink(name: string): void {
    for (const prefix of this.prefixesByTunnel(name)) this.#mark(prefix);
    this.#nextHops.touch(name);
  }

  /** What all routes have in common is another: each is written anew. */
  touchAll(): void {
    for (const name of this.#claims.interfaces()) this.touchWorkload(name);
    for (const tree of [this.#localBlocks, this.#peerRoutes, this.#learned, this.remote.ways])
      for (const { prefix } of tree) this.#mark(prefix);
  }

  prefixesOf(hostInterface: string): Prefix[] {
    return this.#claims.prefixesOf(hostInterface);
  }

  prefixesByTunnel(device: string): Prefix[] {
    return this.remote.prefixesBy(device);
  }

  /** What the datastore says of other nodes, all of it each time. */
  setRemote(overlay: SaidOfBlocks): void {
    const changed = this.remote.set(overlay, (prefix) => this.#hasLearnedWay(prefix));
    // First what BGP says there: an aggregate is in place before the blocks go that it comes instead of.
    for (const pool of changed.pools)
      for (const { prefix, value } of [...this.#learned.covered(pool)])
        this.setLearned(prefix, value.set.nextHops.map(offTunnels), value.metric);
    for (const prefix of changed.prefixes) {
      this.#followDirectWay(prefix);
      this.#mark(prefix);
    }
  }

  /** Without a tunnel a node is reached as BGP's next hops are: it may be in another subnet. */
  #followDirectWay(prefix: Prefix): void {
    const before = this.#directWays.get(prefix);
    if (before !== undefined) this.#nextHops.remove(before);
    const { device, gateway } = this.remote.get(prefix) ?? {};
    if (device === undefined && gateway !== undefined)
      this.#directWays.set(prefix, this.#nextHops.add(prefix, [gateway], undefined));
    else if (before !== undefined) this.#directWays.delete(prefix);
  }

  setLocalBlocks(blocks: Iterable<Prefix>): void {
    const next = prefixSet(blocks);
    for (const prefix of differing(this.#localBlocks, next)) {
      this.#mark(prefix);
      // What lies inside the block may no longer, or may now, be learned.
      for (const inside of this.#learned.covered(prefix)) this.#mark(inside.prefix);
      for (const inside of this.remote.ways.covered(prefix)) this.#mark(inside.prefix);
    }
    this.#localBlocks = next;
  }

  setNodeAddresses(addresses: Iterable<Address>): void {
    const next = prefixSet(Array.from(addresses, hostPrefix));
    for (const prefix of differing(this.#nodeAddresses, next)) this.#markAllThatHold(prefix);
    this.#nodeAddresses = next;
  }

  holdsNodeAddress(prefix: Prefix): boolean {
    return this.#nodeAddresses.covered(prefix).next().done !== true;
  }

  /**
   * The routes that the host has without us, all of them each time: those to connected networks, those
   * that hold a node's address, and the host's own addresses. Others decide nothing here.
   */
  setUnderlay(routes: Iterable<UnderlayRoute>): void {
    const next = new PrefixTrie<UnderlayRoute>();
    for (const route of routes) {
      if (!next.get(route.prefix)?.isConnected) next.set(route.prefix, route);
    }
    for (const prefix of differing(this.#underlay, next, sameUnderlay)) {
      this.#mark(prefix);
      for (const node of this.#nodeAddresses.covered(prefix)) this.#markAllThatHold(node.prefix);
    }
    this.#underlay = next;
  }

  /** All of them each time. */
  setPeerRoutes(routes: Iterable<PeerRoute>): void {
    const next = new PrefixTrie<LearnedTarget>();
    for (const { peer, gateway } of routes) {
      next.set(hostPrefix(peer), { kind: 'learned', nextHops: [gateway] });
    }
    const isSame = (a: LearnedTarget, b: LearnedTarget) =>
      compareZonedAddresses(a.nextHops[0]!, b.nextHops[0]!) === 0;
    for (const prefix of differing(this.#peerRoutes, next, isSame)) this.#mark(prefix);
    this.#peerRoutes = next;
  }

  /** @param nextHops none: the route is gone. */
  setLearned(prefix: Prefix, nextHops: readonly ZonedAddress[], metric?: number): void {
    const before =
      nextHops.length > 0
        ? this.#learned.set(
            prefix,
            this.#nextHops.add(prefix, this.remote.onTunnels(prefix, nextHops), metric),
          )
        : this.#learned.get(prefix);
    if (before !== undefined) this.#nextHops.remove(before);
    if (nextHops.length === 0 && !this.#learned.delete(prefix)) return;
    this.#mark(prefix);
    for (const block of this.#isWay(this.#learned.get(prefix)) ? this.remote.yieldTo(prefix) : []) {
      this.#followDirectWay(block);
      this.#mark(block);
    }
  }

  /** By a route of its own or by an aggregate. */
  #hasLearnedWay(block: Prefix): boolean {
    for (const { value } of this.#learned.covering(block)) if (this.#isWay(value)) return true;
    return false;
  }

  /** Whether a block goes by this, if there is nothing else. A default route is none: it is for what nobody knows. */
  #isWay(route: LearnedRoute | undefined): boolean {
    return route !== undefined && route.prefix.length > 0 && route.set.gateways.length > 0;
  }

  /**
   * How a next hop is reached without BGP's routes: one that depended on them would come and go with
   * the route that it is for (RFC 4271 §9.1.2.1).
   */
  resolve(nextHop: ZonedAddress): Resolution {
    const host = hostPrefix(nextHop);
    const toPeer = this.#peerRoutes.get(host);
    if (toPeer !== undefined) return this.#resolveByHost(toPeer.nextHops[0]!);
    const address = offTunnels(nextHop);
    if (address !== nextHop) {
      const { cost, gateways } = this.#resolveByHost(address);
      return gateways.length > 0 ? { cost, gateways: [{ ...nextHop, onlink: true }] } : UNREACHABLE;
    }
    if (this.#claims.has(nextHop)) return { cost: 0, gateways: [nextHop] };
    if (this.#localBlocks.match(nextHop) !== undefined) return UNREACHABLE;
    const remote = this.remote.ways.match(nextHop)?.value;
    if (remote === undefined) return this.#resolveByHost(nextHop);
    const { gateway, device } = remote;
    // UDP's device finds the node by the destination, which must be a pod's: there is no way by a pod to others.
    if (gateway === undefined) return UNREACHABLE;
    if (device === undefined) return this.#resolveByHost(gateway);
    return { cost: 0, gateways: [{ ...gateway, zone: device, onlink: true }] };
  }

  /** The ways to next hops may be others now: learned routes go by other gateways as one, or are decided anew. */
  reviewNextHops(): void {
    this.#nextHops.review();
  }

  get learnedCount(): number {
    return this.#learned.size;
  }

  get dirtyCount(): number {
    return this.#dirty.size + this.#nextHops.changedCount;
  }

  /** Takes up to `limit` of the prefixes whose decision may have changed. */
  takeDirty(limit: number): Prefix[] {
    const taken = this.#dirty.take(limit);
    return [...taken, ...this.#nextHops.takeChanged(limit - taken.length)];
  }

  /**
   * A pod before a block, a block before what is elsewhere: the way to a peer, what the datastore says,
   * and after these what BGP does.
   */
  decide(prefix: Prefix): Decision {
    const claims = isHost(prefix) ? this.#claims.of(prefix.address) : [];
    const isBlock = this.#localBlocks.get(prefix) !== undefined;
    const elsewhere = this.#elsewhere(prefix);
    if (claims.length === 0 && !isBlock && elsewhere === undefined) return NOTHING;

    const refusals: Refusal[] = [];
    let route: DesiredRoute | undefined;
    if (claims.length > 0) {
      const [owner, ...others] = claims;
      for (const other of others)
        refusals.push(twoPods(prefix, owner!.hostInterface, other.hostInterface));
      route = { prefix, target: { kind: 'workload', hostInterface: owner!.hostInterface } };
    } else if (isBlock && !isHost(prefix)) {
      // A block of one address needs no blackhole: the pod's own route is all there is to it.
      route = { prefix, target: { kind: 'blackhole' } };
    }
    if (route !== undefined) {
      const objection = firstObjection([forEveryRoute], prefix, this.#surroundings());
      if (objection !== undefined) return { refusals: [...refusals, objection] };
    }
    if (elsewhere !== undefined) {
      const refusal =
        claims.length > 0
          ? localPod(prefix, claims[0]!.hostInterface)
          : this.#objectionTo(elsewhere, prefix);
      if (refusal !== undefined) refusals.push(refusal);
      else route ??= { prefix, target: elsewhere.target };
    }
    return route === undefined ? { refusals } : { route, refusals };
  }

  /** Inside a pool of which the datastore says all, what BGP says too is passed over: no fault of anybody. */
  #learnedOf(prefix: Prefix): LearnedRoute | undefined {
    const learned = this.#learned.get(prefix);
    return learned !== undefined && this.remote.leavesToBgp(prefix) ? learned : undefined;
  }

  #elsewhere(prefix: Prefix): Elsewhere | undefined {
    const toPeer = this.#peerRoutes.get(prefix);
    if (toPeer !== undefined)
      return { target: toPeer, nextHops: toPeer.nextHops, guards: forPeerRoutes };
    const guards = forRoutesElsewhere;
    const remote = this.remote.get(prefix);
    if (remote !== undefined) {
      const direct = this.#directWays.get(prefix)?.set;
      const target = direct ? learnedTarget(direct) : remote;
      return { target, nextHops: [remote.gateway ?? []].flat(), guards };
    }
    const learned = this.#learnedOf(prefix);
    if (learned === undefined) return undefined;
    const { metric, set } = learned;
    return { target: learnedTarget(set, metric), nextHops: set.nextHops, guards };
  }

  #objectionTo({ target, nextHops, guards }: Elsewhere, prefix: Prefix): Refusal | undefined {
    const isResolved = target.kind === 'remote' || target.nextHops.length > 0;
    return (
      firstObjection(guards, prefix, this.#surroundings()) ??
      objectionToNextHops(prefix, nextHops) ??
      (isResolved ? undefined : unresolved(prefix, nextHops))
    );
  }

  #surroundings(): Surroundings {
    return {
      nodeAddresses: this.#nodeAddresses,
      underlay: this.#underlay,
      localBlocks: this.#localBlocks,
    };
  }

  /** Whatever is routed and holds this host prefix: any of them may be the one that carries it. */
  #markAllThatHold(host: Prefix): void {
    for (const entry of this.#learned.covering(host)) this.#mark(entry.prefix);
    for (const entry of this.remote.ways.covering(host)) this.#mark(entry.prefix);
    for (const entry of this.#localBlocks.covering(host)) this.#mark(entry.prefix);
    if (this.#claims.has(host.address)) this.#mark(host);
  }

  #mark(prefix: Prefix): void {
    this.#dirty.add(prefix);
  }
}

/** A next hop as BGP told it. */
function offTunnels(nextHop: ZonedAddress): ZonedAddress {
  const { zone, ...address } = nextHop;
  return zone !== undefined && TUNNEL_DEVICES.includes(zone) ? address : nextHop;
}

function learnedTarget(set: NextHopSet, metric?: number): LearnedTarget {
  return { kind: 'learned', nextHops: set.gateways, metric, set };
}

function isHost(prefix: Prefix): boolean {
  return prefix.length === familyBits(prefix.address.family);
}

function sameUnderlay(a: UnderlayRoute, b: UnderlayRoute): boolean {
  return a.isConnected === b.isConnected;
}
