/** The system's clock, which a test can make leap: what would be due by then is due at once. */
import type { Clock, Timer } from '../../ports.ts';
import { systemClock } from '../../src/system.ts';

export class LeapingClock implements Clock {
  #leaptMs = 0;
  readonly #waiting = new Set<{ at: number; fire: () => void }>();

  now(): number {
    return systemClock.now() + this.#leaptMs;
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#leaptMs;
  }

  after(delayMs: number, fn: () => void): Timer {
    const fire = () => {
      this.#waiting.delete(waiting);
      timer.cancel();
      fn();
    };
    const waiting = { at: this.monotonic() + delayMs, fire };
    const timer = systemClock.after(delayMs, fire);
    this.#waiting.add(waiting);
    return {
      cancel: () => {
        this.#waiting.delete(waiting);
        timer.cancel();
      },
    };
  }

  leap(ms: number): void {
    this.#leaptMs += ms;
    for (const { at, fire } of [...this.#waiting]) if (at <= this.monotonic()) fire();
  }
}
