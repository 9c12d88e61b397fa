/**
 * What this agent says of its node in the Node's annotations, by which the other nodes reach it: only the newest is
 * worth writing, and what somebody else changes or removes is written again.
 */
import { Node, type NodeNetwork, nodeAnnotations } from '../../api/index.ts';
import { Retry } from '../../backoff.ts';
import type { Clock, Log, Random, Store } from '../../ports.ts';

/** The first pause is also the time that the watch has to tell of what was written. */
const BACKOFF = { firstMs: 500, longestMs: 30_000 };

/** null: there is to be none. */
type Annotations = Readonly<Record<string, string | null>>;

export interface NodeAnnotationsOptions {
  store: Store;
  nodeName: string;
  clock: Clock;
  random: Random;
  log: Log;
}

export class NodeAnnotations {
  readonly #options: NodeAnnotationsOptions;
  readonly #retry: Retry;
  #kept: Annotations = {};
  /** As the Node was seen last, with what was written since. */
  #present: Annotations = {};
  #isWriting = false;
  #isClosed = false;

  constructor(options: NodeAnnotationsOptions) {
    this.#options = options;
    this.#retry = new Retry(options, BACKOFF, () => void this.#write());
  }

  /** From now on the Node says this; a field that is undefined is to be absent. */
  keep(network: { [Field in keyof NodeNetwork]: NodeNetwork[Field] | undefined }): void {
    this.#kept = { ...this.#kept, ...nodeAnnotations(network) };
    void this.#write();
  }

  /** How the Node is, each time that it may have changed. One that is gone is left alone until it is back. */
  seen(node: Node | undefined): void {
    if (node === undefined) return;
    this.#present = node.metadata.annotations ?? {};
    if (Object.keys(this.#due()).length === 0) this.#retry.succeeded();
    // Not at once: it may be from before our last write, or by another agent that takes itself for this node.
    else if (!this.#isWriting && !this.#retry.isWaiting) this.#retry.failed();
  }

  close(): void {
    this.#isClosed = true;
    this.#retry.close();
  }

  async #write(): Promise<void> {
    const { log, nodeName, store } = this.#options;
    if (this.#isWriting) return;
    this.#isWriting = true;
    for (let due = this.#due(); Object.keys(due).length > 0 && !this.#isClosed; due = this.#due()) {
      try {
        await store.patch(Node, nodeName, { metadata: { annotations: due } });
        this.#present = { ...this.#present, ...due };
      } catch (error) {
        const { message } = error as Error;
        log.warn({ error: message }, 'cannot tell the other nodes how this one is reached');
        this.#retry.failed();
        break;
      }
    }
    this.#isWriting = false;
  }

  /** What the Node does not say as it should. */
  #due(): Annotations {
    const differs = ([name, value]: [string, string | null]) =>
      (this.#present[name] ?? null) !== value;
    return Object.fromEntries(Object.entries(this.#kept).filter(differs));
  }
}
