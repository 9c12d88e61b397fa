/** Those who wait until all that was configured is there: sessions, their initial routes, what follows from them. */

import type { Clock } from '../ports.ts';

export class Convergence {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #waiters = new Set<(hasConverged: boolean) => void>();

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
  }

  /** Whether anybody wants to know. */
  get isAwaited(): boolean {
    return this.#waiters.size > 0;
  }

  /** What is told next; false `deadlineMs` from now. */
  wait(deadlineMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (hasConverged: boolean) => {
        this.#waiters.delete(settle);
        deadline.cancel();
        resolve(hasConverged);
      };
      const deadline = this.#clock.after(deadlineMs, () => settle(false));
      this.#waiters.add(settle);
    });
  }

  tell(hasConverged: boolean): void {
    for (const settle of [...this.#waiters]) settle(hasConverged);
  }
}
