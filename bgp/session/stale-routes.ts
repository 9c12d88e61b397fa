/**
 * The routes of a peer that went away gracefully, and for how long they stay (RFC 4724 §4.2, RFC 9494):
 *
 *   session ends ──▶ away ──── session comes back ──▶ back ──── End-of-RIB ──▶ nothing is stale
 *                      │ restart time                   │ stale time
 *                      ├──────────▶ forgotten ◀─────────┤
 *                      └──▶ long-lived ─────────────────┘ long-lived stale time
 *
 * A peer that goes away again before its End-of-RIB keeps what is stale, but gains no time by it.
 */

import type { Family } from 'net-ipaddr';
import type { Clock, Timer } from '../../ports.ts';
import type { GracefulRestart } from '../fsm/graceful-restart.ts';

/** RFC 8538 §4.1, the stale timer: for how long a peer that is back may owe its End-of-RIB. */
const STALE_TIME_MS = 180_000;
/** What a timer can take: 24 days. A long-lived stale time may be 194. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What is kept of the peer's routes, and until when. */
export interface StaleStatus {
  readonly families: readonly Family[];
  /** Those of them that are the last choice by now (RFC 9494). */
  readonly longLived: readonly Family[];
  /** What is waited for. */
  readonly awaits: 'session' | 'End-of-RIB';
  /** When the first of them are forgotten, or become the last choice; milliseconds since the epoch. */
  readonly untilMs: number;
}

/** What is done to the stale routes of a family. */
export interface StaleActions {
  forget(family: Family): void;
  longLive(family: Family): void;
}

interface Kept {
  /** Of the clock's monotonic time. */
  untilMs: number;
  /** What may follow; 0: nothing. */
  readonly longLivedMs: number;
  isLongLived: boolean;
}

export class StaleRoutes {
  readonly #clock: Clock;
  readonly #actions: StaleActions;
  readonly #kept = new Map<Family, Kept>();
  #awaits: StaleStatus['awaits'] = 'session';
  /** What is stale now and not long-lived goes then at the latest. */
  #lastMs = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, actions: StaleActions) {
    this.#clock = clock;
    this.#actions = actions;
  }

  get status(): StaleStatus | undefined {
    if (this.#kept.size === 0) return undefined;
    const kept = [...this.#kept];
    return {
      families: kept.map(([family]) => family),
      longLived: kept.filter(([, { isLongLived }]) => isLongLived).map(([family]) => family),
      awaits: this.#awaits,
      untilMs: this.#clock.now() + this.#firstMs() - this.#clock.monotonic(),
    };
  }

  /** The session ended gracefully. What other families had left is not there any more. */
  sessionEnded({ families, longLived, restartTimeMs }: GracefulRestart): void {
    const nowMs = this.#clock.monotonic();
    if (this.#kept.size === 0) this.#lastMs = nowMs + restartTimeMs + STALE_TIME_MS;
    for (const family of this.#kept.keys())
      if (!families.includes(family)) this.#kept.delete(family);
    const untilMs = Math.min(nowMs + restartTimeMs, this.#lastMs);
    for (const family of families) {
      // RFC 9494 §4.2: what is long-lived stale already goes on to be so.
      if (this.#kept.get(family)?.isLongLived) continue;
      const longLivedMs = longLived.find((one) => one.family === family)?.staleTimeMs ?? 0;
      this.#kept.set(family, { untilMs, longLivedMs, isLongLived: false });
    }
    this.#await('session');
  }

  /** The session is there again; `restart` is what it settled. */
  sessionCameBack(restart: GracefulRestart | undefined): void {
    // RFC 4724 §4.2: without the capability, the family in it, or the family's F bit, at once.
    const preserved = restart?.preserved ?? [];
    for (const [family, kept] of this.#kept) {
      if (!preserved.includes(family)) this.#end(family);
      else if (!kept.isLongLived) kept.untilMs = this.#lastMs;
    }
    this.#await('End-of-RIB');
  }

  endOfRib(family: Family): void {
    if (this.#kept.has(family)) this.#end(family);
  }

  /** The routes are gone for another reason. */
  stop(): void {
    this.#kept.clear();
    this.#timer?.cancel();
  }

  #firstMs(): number {
    return Math.min(...[...this.#kept.values()].map(({ untilMs }) => untilMs));
  }

  #await(what: StaleStatus['awaits']): void {
    this.#awaits = what;
    this.#timer?.cancel();
    if (this.#kept.size === 0) return;
    const leftMs = Math.max(0, this.#firstMs() - this.#clock.monotonic());
    const afterMs = Math.min(leftMs, MAX_TIMER_MS);
    this.#timer = this.#clock.after(afterMs, () => this.#expire());
  }

  #expire(): void {
    const nowMs = this.#clock.monotonic();
    for (const [family, kept] of this.#kept) {
      if (kept.untilMs > nowMs) continue;
      const isNext = this.#awaits === 'session' && !kept.isLongLived && kept.longLivedMs > 0;
      if (!isNext) {
        this.#end(family);
        continue;
      }
      kept.isLongLived = true;
      kept.untilMs = nowMs + kept.longLivedMs;
      this.#actions.longLive(family);
    }
    this.#await(this.#awaits);
  }

  #end(family: Family): void {
    this.#kept.delete(family);
    if (this.#kept.size === 0) this.#timer?.cancel();
    this.#actions.forget(family);
  }
}
