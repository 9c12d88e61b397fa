/** The system's clock, which a test can make leap: what would be due by then is due at once. */
import { setTimeout as sleep } from 'node:timers/promises';
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

  /** Leaps again and again: what begins when a timer fires may take longer than to the next leap. */
  async leapUntil(ms: number, holds: () => Promise<boolean>): Promise<void> {
    for (let leaps = 0; leaps < 1_000 && !(await holds()); leaps++) {
      this.leap(ms);
      await sleep(20);
    }
  }
}
