/**
 * Trying again what failed: after a pause, twice as long after each failure in a row up to the longest,
 * and cut at random by up to half, so that what failed together does not come back together.
 */
import type { Clock, Random, Timer } from './ports.ts';

/** The pauses, before they are cut. */
export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** How long to wait after so many failures in a row, of which there is one at least. */
export function backoffMs(
  { firstMs, longestMs }: Backoff,
  failures: number,
  random: Random,
): number {
  const pauseMs = Math.min(longestMs, firstMs * 2 ** (failures - 1));
  return pauseMs * (0.5 + random() / 2);
}

/** The next attempt of something that may fail, once it is due. */
export class Retry {
  readonly #ports: { clock: Pick<Clock, 'after'>; random: Random };
  readonly #backoff: Backoff;
  readonly #attempt: () => void;
  #failures = 0;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(
    ports: { clock: Pick<Clock, 'after'>; random: Random },
    backoff: Backoff,
    attempt: () => void,
  ) {
    this.#ports = ports;
    this.#backoff = backoff;
    this.#attempt = attempt;
  }

  /** An attempt has failed, and the next one is not due yet. */
  get isWaiting(): boolean {
    return this.#timer !== undefined;
  }

  /** The next failure is the first in a row. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** The next attempt comes after a pause. */
  failed(): void {
    if (this.#isClosed) return;
    const { clock, random } = this.#ports;
    this.#timer?.cancel();
    this.#timer = clock.after(backoffMs(this.#backoff, ++this.#failures, random), () => {
      this.#timer = undefined;
      this.#attempt();
    });
  }

  /** No attempt comes any more. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }
}
