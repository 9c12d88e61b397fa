/** What the server does by the clock: forgets old revisions, and events that are an hour old. */
import { Event } from '../../api/index.ts';
import type { Log, Timer } from '../../ports.ts';
import { parseStored, textAt } from './objects.ts';
import { rangeOf } from './resources.ts';
import { type Storage, textAtRevision } from './storage.ts';

/** How long a watch may be away and still go on where it was; etcd under kube: five minutes. */
const HISTORY_MS = 5 * 60_000;

/** History never holds more revisions than this, so that a burst of writes cannot fill the disk. */
const MAX_HISTORY = 50_000;

const INTERVAL_MS = 60_000;

/** kube-apiserver's --event-ttl. */
const EVENT_AGE_MS = 60 * 60_000;

/** Events looked at in one transaction. */
const EVENT_SLICE = 200;

export class Upkeep {
  readonly #storage: Storage;
  readonly #log: Log;
  /** Which revision was the newest when, oldest first. */
  readonly #marks: { atMs: number; revision: number }[] = [];
  #timer: Timer;
  #isClosed = false;

  constructor(storage: Storage, log: Log) {
    this.#storage = storage;
    this.#log = log;
    this.#timer = this.#schedule();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.cancel();
  }

  #schedule(): Timer {
    return this.#storage.clock.after(INTERVAL_MS, () => {
      this.run()
        .catch((error) => this.#log.error({ err: error }, 'upkeep of the database failed'))
        .finally(() => {
          if (!this.#isClosed) this.#timer = this.#schedule();
        });
    });
  }

  /** One round. */
  async run(): Promise<void> {
    const { revisions, clock } = this.#storage;
    await this.#dropOldEvents();
    const now = clock.monotonic();
    this.#marks.push({ atMs: now, revision: revisions.current });
    let target = revisions.current - MAX_HISTORY;
    while (this.#marks.length > 0 && this.#marks[0]!.atMs <= now - HISTORY_MS)
      target = Math.max(target, this.#marks.shift()!.revision);
    while (!this.#isClosed && revisions.compact(target)) await nextTurn();
  }

  async #dropOldEvents(): Promise<void> {
    const { revisions, clock } = this.#storage;
    const range = rangeOf(Event);
    const oldest = clock.now() - EVENT_AGE_MS;
    for (let { from } = range, isMore = true; isMore && !this.#isClosed; ) {
      isMore = await revisions.write((transaction) => {
        const page = transaction.list({ from, to: range.to }, EVENT_SLICE);
        for (const { key, text } of page.states) {
          from = `${key}\0`;
          const event = parseStored(text);
          if (lastSeen(event) < oldest)
            transaction.remove(key, (revision) => textAtRevision(event, revision));
        }
        return page.more;
      });
    }
  }
}

function lastSeen(event: object): number {
  const times = [
    ['metadata', 'creationTimestamp'],
    ['lastTimestamp'],
    ['eventTime'],
    ['series', 'lastObservedTime'],
  ].map((path) => Date.parse(textAt(event, path)));
  return Math.max(0, ...times.filter((time) => !Number.isNaN(time)));
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
