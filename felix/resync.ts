/** When the kernel's tables are read again: from time to time, after a hint, on request, after a failure. */

import { backoffMs } from '../backoff.ts';
import type { Clock, Log, Random, Timer } from '../ports.ts';

const INTERVAL_MS = 90_000;
/** After a hint: long enough for its fellows to come, too short to be felt. */
const SOON_MS = 50;
/** Hints by the thousand must not make us read all the time: reading gets about a tenth of it. */
const REST_PER_READING = 10;
/** A reading may have taken long since the kernel was busy with others: no reason to let what is wrong wait. */
const MOST_REST_MS = 5_000;
const BACKOFF = { firstMs: 1000, longestMs: 30_000 };

const { max, min } = Math;

export interface ResyncOptions {
  clock: Clock;
  random: Random;
  log: Log;
  /** What to tell of a reading that failed, in a sentence; once, for as long as the reason is the same. */
  failure: string;
  /** One that fails is tried again, less and less often. */
  read(): Promise<void>;
}

export class Resync {
  readonly #options: ResyncOptions;
  #reading: Promise<void> | undefined;
  #isStarted = false;
  #isRequested = false;
  #isHinted = false;
  #isClosed = false;
  #timer: Timer | undefined;
  /** Monotonic. */
  #due = Infinity;
  #restUntil = 0;
  #failures = 0;
  #told: string | undefined;
  #intervalMs = INTERVAL_MS;

  constructor(options: ResyncOptions) {
    this.#options = options;
  }

  /** Begins to read from time to time. Hints are kept until then: the first reading may be the caller's own. */
  start(): void {
    this.#isStarted = true;
    const { random } = this.#options;
    if (this.#failures > 0) this.#readIn(backoffMs(BACKOFF, this.#failures, random));
    else if (this.#isHinted) this.soon();
    else if (this.#intervalMs > 0) this.#readIn(this.#intervalMs * (0.9 + random() / 5));
  }

  /** How often it is read without a hint, in ms; 0: never. @default 90,000 */
  every(intervalMs: number): void {
    if (intervalMs === this.#intervalMs) return;
    this.#intervalMs = intervalMs;
    if (this.#isStarted && this.#reading === undefined) this.start();
  }

  /** Something may have changed. */
  soon(): void {
    this.#isHinted = true;
    if (!this.#isStarted || this.#reading !== undefined) return;
    this.#readIn(max(SOON_MS, this.#restUntil - this.#options.clock.monotonic()));
  }

  /** A whole reading that begins after this call. Resolves also when it failed; the log has it. */
  now(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    if (this.#reading !== undefined) {
      // What has begun may have read past what the caller asks about.
      this.#isRequested = true;
      return this.#reading.then(() => this.#reading);
    }
    this.#timer?.cancel();
    this.#due = Infinity;
    this.#isRequested = false;
    this.#isHinted = false;
    this.#reading = this.#read().then(() => {
      this.#reading = undefined;
      if (this.#isRequested) void this.now();
      else this.start();
    });
    return this.#reading;
  }

  close(): void {
    this.#isClosed = true;
    this.#isRequested = false;
    this.#timer?.cancel();
  }

  #readIn(delayMs: number): void {
    const { clock } = this.#options;
    const due = clock.monotonic() + delayMs;
    if (this.#isClosed || due >= this.#due) return;
    this.#timer?.cancel();
    this.#due = due;
    this.#timer = clock.after(delayMs, () => void this.now());
  }

  async #read(): Promise<void> {
    const { clock, failure, log, read } = this.#options;
    const started = clock.monotonic();
    try {
      await read();
      this.#failures = 0;
      this.#told = undefined;
    } catch (error) {
      if (this.#isClosed) return;
      this.#failures++;
      const { message } = error as Error;
      if (message !== this.#told) log.warn({ error: message }, failure);
      this.#told = message;
    }
    const ended = clock.monotonic();
    this.#restUntil = ended + min(MOST_REST_MS, REST_PER_READING * (ended - started));
  }
}
