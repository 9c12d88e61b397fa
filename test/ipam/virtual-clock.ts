/** Time that passes only when everything else waits: a minute of back-offs takes milliseconds. */

import type { Clock, Timer } from '../../ports.ts';

const EPOCH_MS = 1_787_654_321_123;

export class VirtualClock implements Clock {
  #now = 0;
  #sequence = 0;
  #timers: { at: number; sequence: number; fn: () => void }[] = [];

  now(): number {
    return EPOCH_MS + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, fn: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, delayMs), sequence: this.#sequence++, fn };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** Lets time pass until the promise is settled. Fails when it waits for nothing. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const mark = () => {
      isSettled = true;
    };
    promise.then(mark, mark);
    for (;;) {
      // Every promise that can go on without a timer goes on now.
      await new Promise((resolve) => setImmediate(resolve));
      if (isSettled) return promise;
      if (!this.#fireNext()) throw new Error('waits for something that never comes');
    }
  }

  /** Lets this much time pass. */
  async pass(ms: number): Promise<void> {
    await this.until(new Promise<void>((resolve) => this.after(ms, resolve)));
  }

  #fireNext(): boolean {
    if (this.#timers.length === 0) return false;
    const at = Math.min(...this.#timers.map((timer) => timer.at));
    this.#now = Math.max(this.#now, at);
    const due = this.#timers
      .filter((timer) => timer.at <= at)
      .sort((a, b) => a.sequence - b.sequence);
    this.#timers = this.#timers.filter((timer) => timer.at > at);
    for (const { fn } of due) fn();
    return true;
  }
}
