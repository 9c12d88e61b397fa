/**
 * Walks over all paths, some at a time, for whatever needs to see each of them once: a session that
 * ended, a policy that changed. Those who ask while a walk is on are served by it as far as it is
 * still ahead, and by the next one for the rest.
 */

import { NO_PATH, type Paths } from './paths.ts';

export class Sweep {
  readonly #paths: Paths;
  /** The next path to look at; NO_PATH: no walk is on. */
  #at = NO_PATH;
  #finished = 0;
  #wanted = 0;

  constructor(paths: Paths) {
    this.#paths = paths;
  }

  get isRunning(): boolean {
    return this.#at !== NO_PATH;
  }

  /** Asks for a look at every path that there is now; a ticket for `isDone`. */
  request(): number {
    this.#wanted = this.#finished + (this.isRunning && this.#at > 1 ? 2 : 1);
    if (!this.isRunning) this.#at = 1;
    return this.#wanted;
  }

  isDone(ticket: number): boolean {
    return this.#finished >= ticket;
  }

  /** Looks at up to `count` cells, and calls `visit` for each path in them. It may remove that path. */
  step(count: number, visit: (path: number) => void): void {
    if (!this.isRunning) return;
    const end = Math.min(this.#at + count, this.#paths.top);
    for (let path = this.#at; path < end; path++) if (this.#paths.isUsed(path)) visit(path);
    this.#at = end;
    if (end < this.#paths.top) return;
    this.#finished++;
    this.#at = this.#finished < this.#wanted ? 1 : NO_PATH;
  }
}

/** Forgets those of `tickets`, by whatever they were drawn for, whose sweeps are done. */
export function forgetDone(tickets: Map<unknown, number>, sweep: Sweep): void {
  for (const [key, ticket] of tickets) if (sweep.isDone(ticket)) tickets.delete(key);
}
