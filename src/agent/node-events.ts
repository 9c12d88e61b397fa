/** What an admin should see with `kubectl describe node`: Events of this node. */
import { randomBytes } from 'node:crypto';
import { Event } from '../../api/index.ts';
import { Retry } from '../../backoff.ts';
import type { Clock, Log, Random, Store, StoreError } from '../../ports.ts';

export interface NodeEventsOptions {
  store: Pick<Store, 'create'>;
  nodeName: string;
  clock: Clock;
  random: Random;
  log: Log;
}

/** Where events of what has no namespace are. */
const NAMESPACE = 'default';
const BACKOFF = { firstMs: 1_000, longestMs: 60_000 };
/** Beyond this the oldest go: log and status have said the same already. */
const MAX_WAITING = 32;

export class NodeEvents {
  readonly #options: NodeEventsOptions;
  readonly #retry: Retry;
  /** Not written yet, in order. */
  readonly #waiting: Event[] = [];
  #isWriting = false;
  #isClosed = false;

  constructor(options: NodeEventsOptions) {
    this.#options = options;
    this.#retry = new Retry(options, BACKOFF, () => void this.#write());
  }

  /**
   * Written as soon as the datastore answers.
   * @param reason in UpperCamelCase.
   */
  warn(reason: string, message: string): void {
    this.#waiting.push(this.#event(reason, message));
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
    if (!this.#isWriting && !this.#retry.isWaiting) void this.#write();
  }

  close(): void {
    this.#isClosed = true;
    this.#retry.close();
  }

  #event(reason: string, message: string): Event {
    const { clock, nodeName } = this.#options;
    const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${nodeName}.${randomBytes(8).toString('hex')}`, namespace: NAMESPACE },
      // As the kubelet has it: a node's uid is its name here.
      involvedObject: { kind: 'Node', name: nodeName, uid: nodeName },
      ...{ type: 'Warning', reason, message },
      ...{ count: 1, firstTimestamp: now, lastTimestamp: now },
      source: { component: 'tortie', host: nodeName },
    };
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    for (
      let event = this.#waiting.shift();
      event && !this.#isClosed;
      event = this.#waiting.shift()
    ) {
      const error = await this.#create(event);
      if (error?.code === 'Unavailable') {
        this.#waiting.unshift(event);
        this.#retry.failed();
        break;
      }
      this.#retry.succeeded();
    }
    this.#isWriting = false;
  }

  /** @returns why it could not be written. */
  async #create(event: Event): Promise<StoreError | undefined> {
    const { log, store } = this.#options;
    try {
      await store.create(Event, event);
      return undefined;
    } catch (error) {
      const failure = error as StoreError;
      // An attempt that got no answer has worked.
      if (failure.code === 'AlreadyExists') return undefined;
      const { reason } = event;
      log.warn({ reason, error: failure.message }, 'cannot write an Event of this node');
      return failure;
    }
  }
}
