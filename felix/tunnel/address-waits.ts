/**
 * How long a device waits for its own address before packets go by it. Even loose reverse-path filtering drops what an
 * interface without any address brings, unless the answer goes by it. Where IPAM has none to give, that is better than
 * nothing after a while.
 */

import type { Clock, Timer } from '../../ports.ts';

const DEADLINE_MS = 10_000;

export class AddressWaits {
  readonly #clock: Clock;
  readonly #onVain: () => void;
  /** By device, while its address is missing; undefined: the wait was in vain. */
  readonly #timers = new Map<string, Timer | undefined>();
  #isClosed = false;

  /** @param onVain some device waits no more, though it has no address. */
  constructor(clock: Clock, onVain: () => void) {
    this.#clock = clock;
    this.#onVain = onVain;
  }

  /** Whether the device is to wait. @param isMissing what it waits for. */
  awaits(device: string, isMissing: boolean): boolean {
    if (this.#isClosed || !isMissing) {
      this.#end(device);
      return false;
    }
    if (!this.#timers.has(device)) {
      const giveUp = () => {
        this.#timers.set(device, undefined);
        this.#onVain();
      };
      this.#timers.set(device, this.#clock.after(DEADLINE_MS, giveUp));
    }
    return this.#timers.get(device) !== undefined;
  }

  close(): void {
    this.#isClosed = true;
    for (const device of this.#timers.keys()) this.#end(device);
  }

  #end(device: string): void {
    this.#timers.get(device)?.cancel();
    this.#timers.delete(device);
  }
}
