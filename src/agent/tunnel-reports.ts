/**
 * What the cluster is told of this node's tunnels. On its Node, by which it receives and sends, from which the
 * others see when they may send by one, and when theirs may go: only the newest is worth writing. And an Event
 * of what the kernel lacks.
 */
import { Node, nodeAnnotations } from '../../api/index.ts';
import type { TunnelUse } from '../../felix/felix.ts';
import type { Clock, Log, Random, Store, Timer } from '../../ports.ts';
import { warnOfNode } from './node-events.ts';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

export interface TunnelReportsOptions {
  store: Store;
  nodeName: string;
  clock: Clock;
  random: Random;
  log: Log;
}

export class TunnelReports {
  readonly #options: TunnelReportsOptions;
  #next: TunnelUse | undefined;
  #isWriting = false;
  #isClosed = false;
  #failures = 0;
  #retry: Timer | undefined;

  constructor(options: TunnelReportsOptions) {
    this.#options = options;
  }

  use(use: TunnelUse): void {
    this.#next = use;
    if (!this.#isWriting && this.#retry === undefined) void this.#write();
  }

  lack(device: string, reason: string): void {
    void warnOfNode(this.#options, 'TunnelNotSupported', `${device}: ${reason}`);
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
  }

  async #write(): Promise<void> {
    const { nodeName, store } = this.#options;
    this.#isWriting = true;
    for (let use = this.#next; use !== undefined && !this.#isClosed; use = this.#next) {
      this.#next = undefined;
      try {
        await store.patch(Node, nodeName, {
          metadata: { annotations: nodeAnnotations({ ...use }) },
        });
        this.#failures = 0;
      } catch (error) {
        this.#next ??= use;
        this.#tryLater(error as Error);
        break;
      }
    }
    this.#isWriting = false;
  }

  #tryLater(error: Error): void {
    const { clock, log, random } = this.#options;
    if (this.#isClosed) return;
    log.warn({ error: error.message }, 'cannot tell the other nodes of the tunnels of this one');
    const most = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
    this.#retry = clock.after(most * (0.5 + random() / 2), () => {
      this.#retry = undefined;
      void this.#write();
    });
  }
}
