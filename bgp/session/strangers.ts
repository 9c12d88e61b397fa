/** Connections from addresses that are no peer's: counted, and told of now and then. */

import type { Clock, Log } from '../../ports.ts';

/** Whoever can reach the port can connect: the log must not grow with what they do. */
const LOG_INTERVAL_MS = 60_000;

export class Strangers {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #log: Log;
  #count = 0;
  #told = 0;
  #tellAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonic'>, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Connections refused so far. */
  get count(): number {
    return this.#count;
  }

  /** @param address Undefined: it was gone before we could ask. */
  refused(address: string | undefined): void {
    this.#count++;
    if (this.#clock.monotonic() < this.#tellAtMs) return;
    const connections = this.#count - this.#told;
    this.#log.warn({ address, connections }, 'refused connections from an address that is no peer');
    this.#told = this.#count;
    this.#tellAtMs = this.#clock.monotonic() + LOG_INTERVAL_MS;
  }
}
