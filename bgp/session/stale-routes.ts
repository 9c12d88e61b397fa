/**
 * The routes of a peer that went away gracefully, and for how long they stay (RFC 4724 §4.2):
 *
 *   session ends ──▶ away ──── session comes back ──▶ back ──── End-of-RIB ──▶ nothing is stale
 *                      │ restart time                   │ stale time
 *                      └──────────▶ forgotten ◀─────────┘
 *
 * A peer that goes away again before its End-of-RIB keeps what is stale, but gains no time by it.
 */

import type { Family } from 'net-ipaddr';
import type { Clock, Timer } from '../../ports.ts';
import type { GracefulRestart } from '../fsm/graceful-restart.ts';

/** RFC 8538 §4.1, the stale timer: for how long a peer that is back may owe its End-of-RIB. */
const STALE_TIME_MS = 180_000;

/** What is kept of the peer's routes, and until when. */
export interface StaleStatus {
  readonly families: readonly Family[];
  /** What is waited for. */
  readonly awaits: 'session' | 'End-of-RIB';
  /** When they are forgotten, milliseconds since the epoch. */
  readonly untilMs: number;
}

export class StaleRoutes {
  readonly #clock: Clock;
  readonly #forget: (family: Family) => void;
  #families: readonly Family[] = [];
  #awaits: StaleStatus['awaits'] = 'session';
  /** Of the clock's monotonic time: what is stale now goes then at the latest, and when it goes at the moment. */
  #lastMs = 0;
  #untilMs = 0;
  #timer: Timer | undefined;

  /** @param forget removes what is still stale of the family */
  constructor(clock: Clock, forget: (family: Family) => void) {
    this.#clock = clock;
    this.#forget = forget;
  }

  get status(): StaleStatus | undefined {
    if (this.#families.length === 0) return undefined;
    const untilMs = this.#clock.now() + this.#untilMs - this.#clock.monotonic();
    return { families: this.#families, awaits: this.#awaits, untilMs };
  }

  /** The session ended gracefully. What other families had left is not there any more. */
  sessionEnded({ families, restartTimeMs }: GracefulRestart): void {
    const nowMs = this.#clock.monotonic();
    if (this.#families.length === 0) this.#lastMs = nowMs + restartTimeMs + STALE_TIME_MS;
    this.#families = families;
    this.#await('session', Math.min(nowMs + restartTimeMs, this.#lastMs));
  }

  /** The session is there again; `restart` is what it settled. */
  sessionCameBack(restart: GracefulRestart | undefined): void {
    if (this.#families.length === 0) return;
    // RFC 4724 §4.2: without the capability, the family in it, or the family's F bit, at once.
    const preserved = restart?.preserved ?? [];
    for (const family of this.#families) if (!preserved.includes(family)) this.#end(family);
    this.#await('End-of-RIB', this.#lastMs);
  }

  endOfRib(family: Family): void {
    if (this.#families.includes(family)) this.#end(family);
  }

  /** The routes are gone for another reason. */
  stop(): void {
    this.#families = [];
    this.#timer?.cancel();
  }

  #await(what: StaleStatus['awaits'], untilMs: number): void {
    this.#timer?.cancel();
    if (this.#families.length === 0) return;
    this.#awaits = what;
    this.#untilMs = untilMs;
    this.#timer = this.#clock.after(Math.max(0, untilMs - this.#clock.monotonic()), () => {
      for (const family of this.#families) this.#end(family);
    });
  }

  #end(family: Family): void {
    this.#families = this.#families.filter((other) => other !== family);
    if (this.#families.length === 0) this.#timer?.cancel();
    this.#forget(family);
  }
}
