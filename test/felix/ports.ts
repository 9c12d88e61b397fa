/** The ports that felix is handed, as tests want them. */

import type { Clock, Log } from '../../ports.ts';

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A log whose lines can be looked at. */
export class TestLog implements Log {
  readonly lines: string[] = [];

  debug(): void {}
  info(fields: object, message: string): void {
    this.#write('info', fields, message);
  }
  warn(fields: object, message: string): void {
    this.#write('warn', fields, message);
  }
  error(fields: object, message: string): void {
    this.#write('error', fields, message);
  }
  child(): Log {
    return this;
  }

  #write(level: string, fields: object, message: string): void {
    this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  }
}

interface Waiting {
  readonly due: number;
  readonly order: number;
  readonly fn: () => void;
}

/** Time that passes only when a test says so. */
export class TestClock implements Clock {
  #now = 0;
  #order = 0;
  #waiting: Waiting[] = [];

  now(): number {
    return 1_785_000_000_000 + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, fn: () => void): { cancel(): void } {
    const waiting = { due: this.#now + delayMs, order: this.#order++, fn };
    this.#waiting.push(waiting);
    return {
      cancel: () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
      },
    };
  }

  /** How many timers run. */
  get timers(): number {
    return this.#waiting.length;
  }

  /** Lets `ms` pass: timers run when they are due, and what they start runs to its end in between. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settled();
      const [next] = this.#waiting.toSorted((a, b) => a.due - b.due || a.order - b.order);
      if (next === undefined || next.due > end) break;
      this.#waiting = this.#waiting.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.due);
      next.fn();
    }
    this.#now = end;
  }
}

/** All promises that need no more than one another have settled. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
