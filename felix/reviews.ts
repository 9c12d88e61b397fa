/** When it is looked at again how next hops are reached: once for a burst of changes, and never all the time. */

import type { Clock, Timer } from '../ports.ts';

/** After a change of the host's routes: long enough for its fellows to come, too short to be felt. */
const REVIEW_MS = 50;
/** Changes without end must not make us look at next hops all the time. */
const REST_PER_REVIEW = 10;

export class Reviews {
  readonly #clock: Clock;
  readonly #review: () => void;
  #timer: Timer | undefined;
  /** Monotonic: not before then is the next one. */
  #restUntil = 0;
  #isClosed = false;

  constructor(clock: Clock, review: () => void) {
    this.#clock = clock;
    this.#review = review;
  }

  soon(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    const delayMs = Math.max(REVIEW_MS, this.#restUntil - this.#clock.monotonic());
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = undefined;
      const began = this.#clock.monotonic();
      this.#review();
      const ended = this.#clock.monotonic();
      this.#restUntil = ended + REST_PER_REVIEW * (ended - began);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }
}
