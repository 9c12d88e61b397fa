/**
 * Group commit: requests that meet in one block become one write. While one is written the next ones
 * gather, and so do those that have chosen the block and still write their handles; each is decided on
 * the block as those before it leave it, and answered when all is written.
 */

import type { IPAMBlock } from '../api/index.ts';
import type { Clock } from '../ports.ts';
import type { OwnBlocks } from './own-blocks.ts';
import type { Turns } from './turns.ts';

/** A write waits this long at most for those that are coming: it costs as much as several handles. */
const GATHER_MS = 20;

export interface Edit<T> {
  /** Whether only a fresh reading of the block may be believed. */
  needsReading(known: IPAMBlock): boolean;
  /** @throws why it cannot be, which concerns this edit alone. */
  decide(block: IPAMBlock | undefined): {
    /** Absent: nothing is to be written. */
    readonly write?: IPAMBlock | undefined;
    readonly answer: T;
  };
}

interface Entry {
  readonly edit: Edit<unknown>;
  isTaken: boolean;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

export class GroupCommit {
  readonly #turns: Turns;
  readonly #blocks: Pick<OwnBlocks, 'get' | 'read' | 'write'>;
  /** By block, those that no turn has taken yet. */
  readonly #waiting = new Map<string, Entry[]>();
  /** By block that is to be written; to be called when another has come. */
  readonly #onCome = new Map<string, () => void>();
  readonly #clock: Clock;

  constructor(turns: Turns, blocks: Pick<OwnBlocks, 'get' | 'read' | 'write'>, clock: Clock) {
    this.#turns = turns;
    this.#blocks = blocks;
    this.#clock = clock;
  }

  /**
   * Resolves when it is durable. A write that fails fails for all that it was made of: each decides anew.
   * @param deadline as of `Turns.run`
   */
  async run<T>(cidr: string, deadline: number, edit: Edit<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // It may fail in another's turn, before ours has come and the caller waits for it.
    promise.catch(() => {});
    const entry: Entry = { edit, isTaken: false, resolve: resolve as Entry['resolve'], reject };
    const waiting = this.#waiting.get(cidr);
    if (waiting) waiting.push(entry);
    else this.#waiting.set(cidr, [entry]);
    this.#onCome.get(cidr)?.();
    try {
      // Everyone asks for a turn; the first to have it does the work of all that came by then.
      await this.#turns.run(`block ${cidr}`, deadline, async () => {
        if (!entry.isTaken) await this.#commit(cidr);
      });
    } catch (error) {
      if (!entry.isTaken) {
        this.#forget(cidr, entry);
        throw error;
      }
    }
    return promise;
  }

  /** Never rejects: each is told what concerns it. */
  async #commit(cidr: string): Promise<void> {
    await this.#gather(cidr);
    const entries = this.#waiting.get(cidr) ?? [];
    this.#waiting.delete(cidr);
    for (const entry of entries) entry.isTaken = true;
    try {
      const known = this.#blocks.get(cidr)?.value;
      const mustRead = known === undefined || entries.some(({ edit }) => edit.needsReading(known));
      let block = mustRead ? await this.#blocks.read(cidr) : known;
      let isChanged = false;
      const answers: (() => void)[] = [];
      for (const { edit, resolve, reject } of entries) {
        try {
          const { answer, write } = edit.decide(block);
          answers.push(() => resolve(answer));
          isChanged ||= write !== undefined;
          block = write ?? block;
        } catch (error) {
          reject(error);
        }
      }
      if (isChanged) await this.#blocks.write(block!);
      for (const tell of answers) tell();
    } catch (error) {
      // Those that have been answered stay so.
      for (const { reject } of entries) reject(error);
    }
  }

  async #gather(cidr: string): Promise<void> {
    const isComplete = () => !this.#blocks.get(cidr)?.coming;
    if (isComplete()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.after(GATHER_MS, resolve);
    this.#onCome.set(cidr, () => {
      if (isComplete()) resolve();
    });
    await promise;
    timer.cancel();
    this.#onCome.delete(cidr);
  }

  #forget(cidr: string, entry: Entry): void {
    const left = (this.#waiting.get(cidr) ?? []).filter((other) => other !== entry);
    if (left.length > 0) this.#waiting.set(cidr, left);
    else this.#waiting.delete(cidr);
  }
}
