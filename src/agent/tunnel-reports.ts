/**
 * What the cluster is told of this node's tunnels. On its Node, by which it receives and sends, from which the
 * others see when they may send by one, and when theirs may go: only the newest is worth writing. And an Event
 * of what the kernel lacks.
 */
import { Node, nodeAnnotations } from '../../api/index.ts';
import { Retry } from '../../backoff.ts';
import type { TunnelUse } from '../../felix/felix.ts';
import type { Clock, Log, Random, Store } from '../../ports.ts';
import { warnOfNode } from './node-events.ts';

const BACKOFF = { firstMs: 500, longestMs: 30_000 };

export interface TunnelReportsOptions {
  store: Store;
  nodeName: string;
  clock: Clock;
  random: Random;
  log: Log;
}

export class TunnelReports {
  readonly #options: TunnelReportsOptions;
  readonly #retry: Retry;
  #next: TunnelUse | undefined;
  #isWriting = false;
  #isClosed = false;

  constructor(options: TunnelReportsOptions) {
    this.#options = options;
    this.#retry = new Retry(options, BACKOFF, () => void this.#write());
  }

  use(use: TunnelUse): void {
    this.#next = use;
    if (!this.#isWriting && !this.#retry.isWaiting) void this.#write();
  }

  lack(device: string, reason: string): void {
    void warnOfNode(this.#options, 'TunnelNotSupported', `${device}: ${reason}`);
  }

  close(): void {
    this.#isClosed = true;
    this.#retry.close();
  }

  async #write(): Promise<void> {
    const { log, nodeName, store } = this.#options;
    this.#isWriting = true;
    for (let use = this.#next; use !== undefined && !this.#isClosed; use = this.#next) {
      this.#next = undefined;
      try {
        await store.patch(Node, nodeName, {
          metadata: { annotations: nodeAnnotations({ ...use }) },
        });
        this.#retry.succeeded();
      } catch (error) {
        this.#next ??= use;
        const { message } = error as Error;
        log.warn({ error: message }, 'cannot tell the other nodes of the tunnels of this one');
        this.#retry.failed();
        break;
      }
    }
    this.#isWriting = false;
  }
}
