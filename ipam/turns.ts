/**
 * One at a time for each key, in the order of asking, and nobody waits past a deadline. Requests of
 * one process then never lose a compare-and-swap to one another.
 */

import type { Clock, Timer } from '../ports.ts';
import { IpamError } from './errors.ts';

/** The key of changing which blocks are this node's. */
export const CLAIM = 'the claiming of blocks';

interface Waiter {
  begin(): void;
  timer: Timer;
}

export class Turns {
  readonly #clock: Clock;
  /** A key is here while someone has its turn; the list is of those who wait for it. */
  readonly #waiting = new Map<string, Waiter[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs `work` when the key's turn comes.
   * @param deadline in the clock's monotonic milliseconds; `work` may run past it once it has begun.
   * @throws IpamError 'Timeout' when the turn does not come before the deadline.
   */
  async run<T>(key: string, deadline: number, work: () => Promise<T>): Promise<T> {
    await this.#begin(key, deadline);
    try {
      return await work();
    } finally {
      this.#end(key);
    }
  }

  #begin(key: string, deadline: number): Promise<void> {
    const queue = this.#waiting.get(key);
    if (queue === undefined) {
      this.#waiting.set(key, []);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(Math.max(0, deadline - this.#clock.monotonic()), () => {
        queue.splice(queue.indexOf(waiter), 1);
        reject(
          new IpamError('Timeout', `waited too long for ${key}, which other requests are using`),
        );
      });
      const waiter: Waiter = { begin: resolve, timer };
      queue.push(waiter);
    });
  }

  #end(key: string): void {
    const next = this.#waiting.get(key)?.shift();
    if (next === undefined) {
      this.#waiting.delete(key);
      return;
    }
    next.timer.cancel();
    next.begin();
  }
}
