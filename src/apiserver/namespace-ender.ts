/** Namespaces that were deleted empty themselves before they go, over a restart too. */
import { Namespace } from '../../api/index.ts';
import type { Log } from '../../ports.ts';
import { remove } from './delete.ts';
import { parseStored } from './objects.ts';
import { keyOf, rangeOf } from './resources.ts';
import type { Change } from './revisions.ts';
import { type Storage, textAtRevision } from './storage.ts';

/** What one transaction removes, so that other writes are not held up. */
const SLICE = 100;

export class NamespaceEnder {
  readonly #storage: Storage;
  readonly #log: Log;
  readonly #ending = new Set<string>();
  #isRunning = false;
  #isWanted = false;

  constructor(storage: Storage, log: Log) {
    this.#storage = storage;
    this.#log = log;
    const { revisions } = storage;
    for (const { text } of revisions.list(rangeOf(Namespace), revisions.current, 2 ** 31).states)
      this.#note(text);
    revisions.onCommit((changes) => this.#see(changes));
    if (this.#ending.size > 0) this.#start();
  }

  #see(changes: readonly Change[]): void {
    const { from, to } = rangeOf(Namespace);
    for (const { key, text, deleted } of changes) {
      if (key >= from && key < to && !deleted) this.#note(text);
    }
    // An object that a finalizer held may have gone.
    if (this.#ending.size > 0) this.#start();
  }

  #note(text: string): void {
    const { metadata } = parseStored(text);
    if (metadata.deletionTimestamp !== undefined) this.#ending.add(metadata.name);
  }

  #start(): void {
    this.#isWanted = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#run().finally(() => {
      this.#isRunning = false;
    });
  }

  async #run(): Promise<void> {
    while (this.#isWanted) {
      this.#isWanted = false;
      for (const name of [...this.#ending]) {
        try {
          await this.#end(name);
        } catch (error) {
          // Tried again at the next change, and at the next start.
          this.#log.error({ namespace: name, err: error }, 'cannot empty a deleted namespace');
        }
      }
    }
  }

  async #end(name: string): Promise<void> {
    const { revisions, resources } = this.#storage;
    const contents = resources.all.filter(({ type }) => type.namespaced);
    for (const served of contents) {
      const { to, from: start } = rangeOf(served.type, name);
      for (let from = start, more = true; more; ) {
        more = await revisions.write((transaction) => {
          const page = transaction.list({ from, to }, SLICE);
          for (const state of page.states) {
            remove(this.#storage, transaction, served, state, { dryRun: false });
            from = `${state.key}\0`;
          }
          return page.more;
        });
      }
    }
    await revisions.write((transaction) => {
      const isEmpty = contents.every(
        ({ type }) => transaction.list(rangeOf(type, name), 1).states.length === 0,
      );
      const key = keyOf(Namespace, undefined, name);
      const state = transaction.get(key);
      if (state !== undefined) {
        const object = parseStored(state.text);
        if (!isEmpty || (object.metadata.finalizers ?? []).length > 0) return;
        transaction.remove(key, (revision) => textAtRevision(object, revision));
      }
      this.#ending.delete(name);
    });
  }
}
