/** Requests whose work the kernel does on a thread of libuv's pool, one after another. */
import type { NetlinkError } from './netlink-error.ts';
import type { NetlinkSocket } from './netlink-socket.ts';
import type { Operation } from './operation.ts';
import { RequestBuffer } from './request-buffer.ts';

export class OffLoop {
  readonly #socket: NetlinkSocket;
  readonly #requests: RequestBuffer;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
    this.#requests = new RequestBuffer(socket);
  }

  get portId(): number {
    return this.#socket.portId;
  }

  /** Calls `fn` once all that was asked for before has ended; only then may it call `run`. */
  inTurn<T>(fn: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const result = this.#last.then(fn).finally(() => this.#waiting--);
    this.#last = result.catch(() => {});
    return result;
  }

  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /** @returns one result an operation. */
  async run(operations: Iterable<Operation>): Promise<(NetlinkError | undefined)[]> {
    const results: (NetlinkError | undefined)[] = [];
    const onFailure = (index: number, error: NetlinkError) => {
      results[index] = error;
    };
    try {
      for (const operation of operations) {
        if (this.#closed) throw new Error('the Rtnetlink was closed');
        results.push(this.#requests.put(operation, results.length));
        if (this.#requests.isFull) await this.#requests.sendOffLoop(onFailure);
      }
      await this.#requests.sendOffLoop(onFailure);
    } finally {
      this.#requests.clear();
    }
    return results;
  }

  /** What is under way ends first: its thread uses the descriptor. */
  close(): void {
    this.#closed = true;
    this.#last = this.#last.then(() => this.#socket.close());
  }
}
