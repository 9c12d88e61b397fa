/** A clock that stands still until it is told to move. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock, Timer } from '../../ports.ts';

export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ at: number; fn: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, fn: () => void): Timer {
    const timer = { at: this.#nowMs + delayMs, fn };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** How many timers are waiting. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves on by `ms`, timer by timer, and lets what they wake run between. */
  async advance(ms: number): Promise<void> {
    const end = this.#nowMs + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#nowMs = Math.max(this.#nowMs, due.at);
      due.fn();
      await settle();
    }
    this.#nowMs = end;
  }
}

/** Lets promises and streams that are ready run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await turn();
}
