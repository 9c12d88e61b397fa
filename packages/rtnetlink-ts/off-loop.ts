/** Requests whose work the kernel does on a thread of libuv's pool, one after another. */
import type { NetlinkError } from './netlink-error.ts';
import type { NetlinkSocket } from './netlink-socket.ts';
import type { Operation } from './operation.ts';
import { RequestBuffer } from './request-buffer.ts';

/** More at a time than the loop could wait for: the way to the other thread and back takes its time, too. */
const MAX_REQUESTS = 2000;
/** Buffers that are kept for the next operations: one is sent while another is filled. */
const MAX_SPARE = 2;

export class OffLoop {
  readonly #socket: NetlinkSocket;
  readonly #spare: RequestBuffer[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  get portId(): number {
    return this.#socket.portId;
  }

  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /**
   * Calls `fn` once all that was asked for before has ended; only then may it call `run`. Who comes
   * next begins before the caller hears of its end.
   */
  inTurn<T>(fn: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const result = this.#last.then(fn).finally(() => this.#waiting--);
    this.#last = result.catch(() => {});
    return this.#last.then(() => result);
  }

  /** Written down now, sent in turn. @returns one result an operation. */
  async batch(operations: Iterable<Operation>): Promise<(NetlinkError | undefined)[]> {
    const { buffers, results } = this.#write(operations);
    return this.inTurn(() => this.#send(buffers, results));
  }

  /** @returns one result an operation. */
  run(operations: Iterable<Operation>): Promise<(NetlinkError | undefined)[]> {
    const { buffers, results } = this.#write(operations);
    return this.#send(buffers, results);
  }

  /** What is under way ends first: its thread uses the descriptor. */
  close(): void {
    this.#closed = true;
    this.#last = this.#last.then(() => this.#socket.close());
  }

  #write(operations: Iterable<Operation>) {
    const buffers: RequestBuffer[] = [];
    const results: (NetlinkError | undefined)[] = [];
    let buffer: RequestBuffer | undefined;
    try {
      for (const operation of operations) {
        if (buffer === undefined || buffer.isFull) {
          buffer = this.#spare.pop() ?? new RequestBuffer(this.#socket, MAX_REQUESTS);
          buffers.push(buffer);
        }
        results.push(buffer.put(operation, results.length));
      }
    } catch (error) {
      for (const one of buffers) one.clear();
      throw error;
    }
    return { buffers, results };
  }

  async #send(
    buffers: readonly RequestBuffer[],
    results: (NetlinkError | undefined)[],
  ): Promise<(NetlinkError | undefined)[]> {
    const onFailure = (index: number, error: NetlinkError) => {
      results[index] = error;
    };
    try {
      for (const buffer of buffers) {
        if (this.#closed) throw new Error('the Rtnetlink was closed');
        await buffer.sendOffLoop(onFailure);
      }
    } finally {
      for (const buffer of buffers) {
        buffer.clear();
        if (this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
      }
    }
    return results;
  }
}
