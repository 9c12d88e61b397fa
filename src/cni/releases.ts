/**
 * Releases that must not be forgotten. A DEL is answered also while the datastore is away; what it would have
 * released is then first written to a file, and tried again until it is done, also after a restart.
 */
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { backoffMs } from '../../backoff.ts';
import type { Clock, Log, Random, Timer } from '../../ports.ts';

/** A runtime waits for the answer to its DEL, and the pod's deletion with it: beyond this it is done behind its back. */
const DEADLINE_MS = 3_000;
const BACKOFF = { firstMs: 1_000, longestMs: 60_000 };

export interface ReleasesOptions {
  /** A folder of our own: one file a handle. */
  folder: string;
  /** Frees the addresses of a handle; rejects when that cannot be done now. */
  release: (handleId: string) => Promise<unknown>;
  clock: Clock;
  random: Random;
  log: Log;
}

export class Releases {
  readonly #options: ReleasesOptions;
  readonly #pending = new Set<string>();
  /** By handle. One that nobody waits for any more may still work. */
  readonly #attempts = new Map<string, Promise<unknown>>();
  #timer: Timer | undefined;
  #failures = 0;
  #closed = false;

  private constructor(options: ReleasesOptions) {
    this.#options = options;
  }

  /** Reads what an earlier run left to do. */
  static async open(options: ReleasesOptions): Promise<Releases> {
    const releases = new Releases(options);
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(options.folder)) {
      const handleId = await readFile(join(options.folder, name), 'utf8');
      // Empty: the machine went down before the text was on disk, and so before the DEL was answered.
      if (handleId !== '') releases.#pending.add(handleId);
    }
    if (releases.#pending.size > 0) releases.#schedule();
    return releases;
  }

  /** How many wait for the datastore. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Resolves when the addresses of the handle are free, or sure to become so. */
  async release(handleId: string): Promise<void> {
    try {
      await this.#withDeadline(this.#attempt(handleId));
    } catch (error) {
      await this.#remember(handleId);
      this.#options.log.warn(
        { handleId, error: (error as Error).message },
        'cannot release addresses now; trying again until it works',
      );
    }
  }

  /**
   * The handle is about to hold addresses again, as a container that is started again keeps its ID. Resolves when
   * nothing of before will free them.
   */
  async revoke(handleId: string): Promise<void> {
    while (this.#attempts.has(handleId)) await this.#attempts.get(handleId)!.catch(() => {});
    if (this.#pending.delete(handleId)) await rm(this.#path(handleId), { force: true });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #attempt(handleId: string): Promise<unknown> {
    const underWay = this.#attempts.get(handleId);
    if (underWay !== undefined) return underWay;
    const attempt = this.#options.release(handleId).finally(() => this.#attempts.delete(handleId));
    this.#attempts.set(handleId, attempt);
    return attempt;
  }

  /** What is given up on may still work later: releasing twice does no harm. */
  async #withDeadline(work: Promise<unknown>): Promise<void> {
    let timer: Timer | undefined;
    const deadline = new Promise((_, reject) => {
      const late = new Error(`the datastore has not answered within ${DEADLINE_MS / 1000} s`);
      timer = this.#options.clock.after(DEADLINE_MS, () => reject(late));
    });
    try {
      await Promise.race([work, deadline]);
    } finally {
      timer?.cancel();
      work.catch(() => {});
    }
  }

  async #remember(handleId: string): Promise<void> {
    const file = await open(this.#path(handleId), 'w', 0o600);
    try {
      await file.writeFile(handleId);
      await file.sync();
    } finally {
      await file.close();
    }
    this.#pending.add(handleId);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer || this.#closed) return;
    const { clock, random } = this.#options;
    const delayMs = backoffMs(BACKOFF, ++this.#failures, random);
    this.#timer = clock.after(delayMs, () => void this.#retry());
  }

  async #retry(): Promise<void> {
    for (const handleId of [...this.#pending]) {
      if (this.#closed) return;
      if (!this.#pending.has(handleId)) continue;
      try {
        await this.#attempt(handleId);
        await rm(this.#path(handleId), { force: true });
        this.#pending.delete(handleId);
        this.#failures = 0;
      } catch (error) {
        this.#options.log.debug(
          { handleId, error: (error as Error).message },
          'still not released',
        );
        break;
      }
    }
    this.#timer = undefined;
    if (this.#pending.size > 0) this.#schedule();
  }

  #path(handleId: string): string {
    return join(this.#options.folder, encodeURIComponent(handleId));
  }
}
