/** The timers of one connection, by the names that the machine gives them. */

import type { Clock, Timer } from '../../ports.ts';
import type { TimerName } from '../fsm/transition.ts';
import type { Schedule } from '../schedule.ts';

/** How long bytes that came at the last moment have to become a message. */
const HOLD_GRACE_MS = 1_000;

export interface TimersOptions {
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  readonly schedule: Pick<Schedule, 'afterPoll'>;
  readonly expired: (timer: TimerName) => void;
  /** Whether input is there that was not looked at yet. */
  readonly hasUnread: () => boolean;
}

export class Timers {
  readonly #options: TimersOptions;
  readonly #running = new Map<TimerName, Timer>();
  #holdDeadlineMs = 0;

  constructor(options: TimersOptions) {
    this.#options = options;
  }

  /** (Re)starts. */
  start(timer: TimerName, afterMs: number): void {
    const { clock } = this.#options;
    if (timer === 'Hold') {
      // Restarted with every message: only the deadline moves, and the timer looks at it when due.
      this.#holdDeadlineMs = clock.monotonic() + afterMs;
      if (!this.#running.has('Hold')) this.#ringHoldAfter(afterMs);
      return;
    }
    this.stop(timer);
    const rings = () => {
      this.#running.delete(timer);
      this.#options.expired(timer);
    };
    this.#running.set(timer, clock.after(afterMs, rings));
  }

  stop(timer: TimerName): void {
    this.#running.get(timer)?.cancel();
    this.#running.delete(timer);
  }

  stopAll(): void {
    for (const timer of this.#running.values()) timer.cancel();
    this.#running.clear();
  }

  #ringHoldAfter(afterMs: number): void {
    const rings = () => this.#holdRings();
    this.#running.set('Hold', this.#options.clock.after(afterMs, rings));
  }

  #holdRings(): void {
    const { clock, schedule } = this.#options;
    const leftMs = this.#holdDeadlineMs - clock.monotonic();
    if (leftMs > 0) {
      this.#ringHoldAfter(leftMs);
      return;
    }
    // After a stall of the loop timers fire before sockets are read: the peer's KEEPALIVE may be
    // waiting there. It gets one look at the sockets before it is judged.
    let isStopped = false;
    this.#running.set('Hold', {
      cancel() {
        isStopped = true;
      },
    });
    schedule.afterPoll(() => {
      if (!isStopped) this.#holdIsDue();
    });
  }

  #holdIsDue(): void {
    const { clock, expired, hasUnread } = this.#options;
    this.#running.delete('Hold');
    if (hasUnread()) {
      // There is input that we have not read, as always when the reads are paused: it counts.
      this.start('Hold', HOLD_GRACE_MS);
    } else if (this.#holdDeadlineMs > clock.monotonic()) {
      this.#ringHoldAfter(this.#holdDeadlineMs - clock.monotonic());
    } else {
      expired('Hold');
    }
  }
}
