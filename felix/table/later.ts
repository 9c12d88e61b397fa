/** Things to be looked at again after a while, with one timer for all of them. */

import type { Clock, Timer } from '../../ports.ts';

/** Those that fall due within this time of one another share a turn. */
const STEP_MS = 100;

const { max, min } = Math;

export class Later<T> {
  readonly #clock: Clock;
  readonly #onDue: (thing: T) => void;
  /** Monotonic. */
  readonly #due = new Map<T, number>();
  #timer: Timer | undefined;
  #timerAt = Infinity;

  /** @param onDue the thing is not waiting any more when it is called. */
  constructor(clock: Clock, onDue: (thing: T) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#due.size;
  }

  has(thing: T): boolean {
    return this.#due.has(thing);
  }

  things(): IterableIterator<T> {
    return this.#due.keys();
  }

  /** In place of an earlier time. */
  add(thing: T, delayMs: number): void {
    const due = this.#clock.monotonic() + delayMs;
    this.#due.set(thing, due);
    this.#wakeAt(due);
  }

  delete(thing: T): void {
    this.#due.delete(thing);
  }

  clear(): void {
    this.#due.clear();
    this.#timer?.cancel();
    this.#timerAt = Infinity;
  }

  #wakeAt(due: number): void {
    if (due >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = due;
    const delay = max(due - this.#clock.monotonic(), STEP_MS);
    this.#timer = this.#clock.after(delay, () => this.#wake());
  }

  #wake(): void {
    const now = this.#clock.monotonic();
    this.#timerAt = Infinity;
    let next = Infinity;
    for (const [thing, due] of this.#due) {
      if (due > now) next = min(next, due);
      else {
        this.#due.delete(thing);
        this.#onDue(thing);
      }
    }
    this.#wakeAt(next);
  }
}
