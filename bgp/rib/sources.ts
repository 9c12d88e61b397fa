/**
 * Where paths come from: one number for each session while it lasts, and 0 for what is originated
 * here. A session that comes up again is another source, so that what its predecessor left behind
 * can be cleaned up in its own time.
 *
 * A source is *live* until its session ends; then its paths count no more, and it is *leaving*
 * until nothing refers to it. After a graceful end (RFC 4724) it stays live, and is the next
 * session's source too: a route that is announced again unchanged is no change.
 */

import type { Family } from 'net-ipaddr';

/** Kinds, in the order in which the decision process prefers them. */
export const LOCAL = 0;
export const EXTERNAL = 1;
/** iBGP; a client of this route reflector (RFC 4456), or not. */
export const CLIENT = 2;
export const INTERNAL = 3;

export type SourceKind = typeof LOCAL | typeof EXTERNAL | typeof CLIENT | typeof INTERNAL;

export const LOCAL_SOURCE = 0;
/** Sources are kept in 16 bits a path. */
const MAX_SOURCES = 65535;
/** Generations are kept in 8 bits a path. */
const GENERATIONS = 256;

export class Sources {
  readonly #kinds: SourceKind[] = [LOCAL];
  readonly #peers: number[] = [-1];
  readonly #routerIds: number[] = [0];
  readonly #addresses: Uint8Array[] = [new Uint8Array(0)];
  readonly #live: boolean[] = [true];
  /** By source: paths held, those that passed import, and prefixes whose best path is one of them. */
  readonly received: number[] = [0];
  readonly accepted: number[] = [0];
  readonly chosen: number[] = [0];
  /** By family and source: paths held, and how many of them are stale. */
  readonly held: Record<Family, number[]> = { 4: [0], 6: [0] };
  readonly stale: Record<Family, number[]> = { 4: [0], 6: [0] };
  readonly #generations: Record<Family, number[]> = { 4: [0], 6: [0] };
  readonly #free: number[] = [];

  /**
   * @param peer the peer's id
   * @param address of the peer, 4 or 16 octets, for the last of the tie-breaks
   * @throws RangeError when 65,535 sources are in use
   */
  add(peer: number, kind: SourceKind, routerId: number, address: Uint8Array): number {
    const source = this.#free.pop() ?? this.#kinds.length;
    if (source > MAX_SOURCES)
      throw new RangeError(`no more than ${MAX_SOURCES} sessions at a time`);
    this.#kinds[source] = kind;
    this.#peers[source] = peer;
    this.#routerIds[source] = routerId;
    this.#addresses[source] = address;
    this.#live[source] = true;
    this.received[source] = 0;
    this.accepted[source] = 0;
    this.chosen[source] = 0;
    for (const family of [4, 6] as const) {
      this.held[family][source] = 0;
      this.stale[family][source] = 0;
      this.#generations[family][source] = 0;
    }
    return source;
  }

  leave(source: number): void {
    this.#live[source] = false;
  }

  /** The number may be given out again: no path, no export and no pending work may refer to it. */
  release(source: number): void {
    this.#free.push(source);
  }

  setKind(source: number, kind: SourceKind): void {
    this.#kinds[source] = kind;
  }

  isLive(source: number): boolean {
    return this.#live[source]!;
  }

  kind(source: number): SourceKind {
    return this.#kinds[source]!;
  }

  /** -1 for LOCAL_SOURCE. */
  peer(source: number): number {
    return this.#peers[source]!;
  }

  routerId(source: number): number {
    return this.#routerIds[source]!;
  }

  address(source: number): Uint8Array {
    return this.#addresses[source]!;
  }

  /** What paths that come now bear: see stale.ts. */
  generation(source: number, family: Family): number {
    return this.#generations[family][source]!;
  }

  /** They go round: only a path that is missed 256 times, and no end told in between, is taken for a fresh one. */
  beginGeneration(source: number, family: Family): void {
    this.#generations[family][source] = (this.generation(source, family) + 1) % GENERATIONS;
    this.stale[family][source] = this.held[family][source]!;
  }
}
