/**
 * The time after a restart, RFC 4724 §4.1: peers still forward by what we told them before, and drop
 * it with our End-of-RIB. So that comes only when we know again what they told us: choosing and
 * telling wait for the End-of-RIB of every peer, but not for ever, and not for a peer that has
 * restarted as well and waits for ours.
 */

import type { Clock, Timer } from '../ports.ts';
import type { RestartState } from './fsm/graceful-restart.ts';

/**
 * Selection_Deferral_Timer: a million routes come in a few seconds. What the kernel kept stays for a
 * minute (src/agent), in which the choice has to come about too.
 */
const DEFERRAL_MS = 45_000;
/** Who has no session by then may be away itself: others must not wait for it. */
const SESSION_DEADLINE_MS = 10_000;

/** A peer, as far as waiting for it goes. */
interface Awaited {
  readonly isEstablished: boolean;
  /** Established, and its End-of-RIB can be waited for, and has not come. */
  readonly owesEndOfRib: boolean;
}

/** @param sinceMs the restart */
export function mustWait(peers: readonly Awaited[], sinceMs: number): boolean {
  if (sinceMs >= DEFERRAL_MS) return false;
  return peers.some(({ isEstablished, owesEndOfRib }) =>
    isEstablished ? owesEndOfRib : sinceMs < SESSION_DEADLINE_MS,
  );
}

export class Deferral implements RestartState {
  readonly #clock: Clock;
  #beganMs: number | undefined;
  #preserved = true;
  #timers: Timer[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isOn(): boolean {
    return this.#beganMs !== undefined;
  }

  get restarted(): boolean {
    return this.isOn;
  }

  /** A session that ends later ends without the kernel. */
  get forwarding(): boolean {
    return this.#preserved || !this.isOn;
  }

  /** @param timeIsUp called when `endsFor` may answer otherwise because of the time alone */
  begin(preserved: boolean, timeIsUp: () => void): void {
    this.#preserved = preserved;
    this.#beganMs = this.#clock.monotonic();
    this.#timers = [SESSION_DEADLINE_MS, DEFERRAL_MS].map((ms) => this.#clock.after(ms, timeIsUp));
  }

  /** Whether it is over now: it was on, and nobody has to be waited for any more. */
  endsFor(peers: readonly Awaited[]): boolean {
    if (this.#beganMs === undefined) return false;
    if (mustWait(peers, this.#clock.monotonic() - this.#beganMs)) return false;
    this.stop();
    return true;
  }

  stop(): void {
    this.#beganMs = undefined;
    for (const timer of this.#timers) timer.cancel();
  }
}
