/**
 * The one thread, shared out: work is done in slices of at most 3 ms with a turn of the event loop
 * between them, so that timers, other sockets and the rest of the process get theirs.
 *
 *     timers │ poll: sockets │ immediates: one slice │ timers │ poll: sockets │ one slice …
 *
 * What must not wait is not queued here. Timers, and so keepalives, run straight from the loop, as
 * do the CNI server's sockets; they wait for one slice at most. Two classes share a slice: what came
 * in, and what is to go out with the upkeep of the tables. Inbound comes first, but never takes it
 * all: a flood from one peer delays what others are told, and does not hold it up.
 */

import type { Clock } from '../ports.ts';

export type WorkClass = 'inbound' | 'outbound';

export interface Task {
  /**
   * Works until about `deadlineMs` (of Clock.monotonic) and returns true if more is left: it is
   * called again after the others of its class.
   */
  run(deadlineMs: number): boolean;
}

/** What the event loop does between two turns; setImmediate on the real one. */
export type Immediate = (fn: () => void) => void;

/** A garbage collection of 6 ms may fall into a slice, and still no turn of the loop takes 10 ms. */
const SLICE_MS = 3;
/** Of a slice, when there is work of both classes. */
const INBOUND_SHARE_MS = 2;

export class Schedule {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #immediate: Immediate;
  readonly #inbound = new Set<Task>();
  readonly #outbound = new Set<Task>();
  #isSliceDue = false;

  constructor(clock: Pick<Clock, 'monotonic'>, immediate: Immediate) {
    this.#clock = clock;
    this.#immediate = immediate;
  }

  /** A task that waits already keeps its place. */
  add(workClass: WorkClass, task: Task): void {
    (workClass === 'inbound' ? this.#inbound : this.#outbound).add(task);
    this.#requestSlice();
  }

  remove(task: Task): void {
    this.#inbound.delete(task);
    this.#outbound.delete(task);
  }

  /** Runs `fn` when the loop has looked at its sockets once more, and so delivered what waits there. */
  afterPoll(fn: () => void): void {
    this.#immediate(fn);
  }

  #requestSlice(): void {
    if (this.#isSliceDue) return;
    this.#isSliceDue = true;
    this.#immediate(() => {
      this.#isSliceDue = false;
      this.#slice();
      if (this.#inbound.size + this.#outbound.size > 0) this.#requestSlice();
    });
  }

  #slice(): void {
    const start = this.#clock.monotonic();
    this.#run(this.#inbound, start + (this.#outbound.size > 0 ? INBOUND_SHARE_MS : SLICE_MS));
    this.#run(this.#outbound, start + SLICE_MS);
  }

  /** At least one task, so that neither class starves when the other overran. */
  #run(queue: Set<Task>, deadlineMs: number): void {
    for (const task of queue) {
      queue.delete(task);
      // A Set visits what is added during the walk: a task with more to do comes round again.
      if (task.run(deadlineMs)) queue.add(task);
      if (this.#clock.monotonic() >= deadlineMs) return;
    }
  }
}
