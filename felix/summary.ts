/** One line of the log for many reasons of one kind: a full table must not fill the disk as well. */

import type { Clock, Log, Timer } from '../ports.ts';

/** How long reasons are gathered before they are told. */
const GATHER_MS = 1000;
const MAX_NAMED = 5;

export class Summary {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #message: string;
  #named: string[] = [];
  #count = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, log: Log, message: string) {
    this.#clock = clock;
    this.#log = log;
    this.#message = message;
  }

  add(reason: string): void {
    this.#count++;
    if (this.#named.length < MAX_NAMED) this.#named.push(reason);
    this.#timer ??= this.#clock.after(GATHER_MS, () => this.tell());
  }

  /** Now, if there is anything. */
  tell(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#count === 0) return;
    this.#log.warn({ count: this.#count, reasons: this.#named }, this.#message);
    this.#count = 0;
    this.#named = [];
  }
}
