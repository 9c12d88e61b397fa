/** Requests whose work the kernel does on a thread of libuv's pool, one after another. */
import type { NetlinkError } from './netlink-error.ts';
import type { NetlinkSocket } from './netlink-socket.ts';
import type { Operation } from './operation.ts';
import { RequestBuffer } from './request-buffer.ts';

export class OffLoop {
  readonly #socket: NetlinkSocket;
  readonly #requests: RequestBuffer;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
    this.#requests = new RequestBuffer(socket);
  }

  get portId(): number {
    return this.#socket.portId;
  }

  /** `operations` is asked for them when its turn comes. */
  run(operations: () => Iterable<Operation>): Promise<(NetlinkError | undefined)[]> {
    const result = this.#last.then(() => this.#run(operations()));
    this.#last = result.catch(() => {});
    return result;
  }

  /** What is under way ends first: its thread uses the descriptor. */
  close(): void {
    this.#closed = true;
    this.#last = this.#last.then(() => this.#socket.close());
  }

  async #run(operations: Iterable<Operation>): Promise<(NetlinkError | undefined)[]> {
    const results: (NetlinkError | undefined)[] = [];
    let first = 0;
    const onFailure = (index: number, error: NetlinkError) => {
      results[first + index] = error;
    };
    for (const operation of operations) {
      if (this.#closed) throw new Error('the Rtnetlink was closed');
      this.#requests.put(operation);
      results.push(undefined);
      if (!this.#requests.isFull) continue;
      await this.#requests.sendOffLoop(onFailure);
      first = results.length;
    }
    await this.#requests.sendOffLoop(onFailure);
    return results;
  }
}
