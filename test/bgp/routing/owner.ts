/** Owns a Routing as the speaker does: works when it is told that there is work, pulls from those who are told to be readable. */

import type { Routing } from '../../../bgp/routing.ts';

interface Puller {
  readonly id: number;
  /** Pulls once; how many bytes came. */
  pull(maxBytes?: number): number;
}

export class Owner {
  isWorkDue = false;
  readonly #routing: Routing;
  readonly #readable = new Set<number>();

  constructor(routing: Routing) {
    this.#routing = routing;
    routing.onWork(() => {
      this.isWorkDue = true;
    });
    routing.onReadable((id) => {
      this.#readable.add(id);
    });
  }

  /** Some steps of work, if there is any to be done. */
  work(steps: number): void {
    for (let i = 0; i < steps && this.isWorkDue; i++) {
      this.isWorkDue = false;
      if (this.#routing.work(0)) this.isWorkDue = true;
    }
  }

  /** One pull from the peer, if it was told to be readable and has not been empty since. */
  pull(puller: Puller, maxBytes: number): number {
    if (!this.#readable.has(puller.id)) return 0;
    const bytes = puller.pull(maxBytes);
    if (bytes === 0) this.#readable.delete(puller.id);
    return bytes;
  }

  /** Until nobody has anything to do. */
  settle(pullers: readonly Puller[]): void {
    do {
      this.work(100_000);
      for (const puller of pullers) while (this.pull(puller, 65536) > 0);
    } while (this.isWorkDue);
  }
}
