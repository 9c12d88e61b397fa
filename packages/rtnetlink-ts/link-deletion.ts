/**
 * Deleting interfaces off the loop, and many for the price of one.
 *
 * The kernel makes interfaces go within a millisecond, tells that they are gone, and keeps its caller for another
 * 15–40 ms, until nothing refers to them any more: once for a whole group (IFLA_GROUP). So each is put into a group
 * that is doomed, which takes microseconds; the group is deleted on another thread; and who asked for it is
 * answered when the kernel has told, while the thread still waits.
 */
import { setImmediate } from 'node:timers/promises';
import type { Link, LinkRef, LinkSpec } from './codec/link.ts';
import type { Monitor } from './monitor.ts';
import type { NetlinkError } from './netlink-error.ts';
import type { OffLoop } from './off-loop.ts';
import type { Operation } from './operation.ts';

/** A number that no one else is likely to use. What a crash leaves in it goes with the next. */
const DOOMED_GROUP = 0x746f7274;
const DEFAULT_GROUP = 0;

/** Each keeps one of libuv's four threads, which files need as well. */
const MAX_UNDER_WAY = 2;

/** The interface has gone by itself, or with its peer: that is what was wanted. */
const GONE = 'ENODEV';

interface Wish {
  readonly links: readonly LinkSpec[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

type Failures = Map<LinkSpec, NetlinkError>;

export interface LinkDeletionOptions {
  /** Does operations at once, on the loop. */
  change(operations: Operation[]): (NetlinkError | undefined)[];
  openOffLoop(): OffLoop;
  /** Calls `onGone` for each interface that goes. */
  watch(onGone: (link: Link) => void): Monitor;
}

export class LinkDeletion {
  readonly #options: LinkDeletionOptions;
  readonly #offLoops: readonly OffLoop[];
  /** The doomed are going: until they are gone, nothing may be put into their group. */
  #isGoing = false;
  #wishes: Wish[] = [];

  constructor(options: LinkDeletionOptions) {
    this.#options = options;
    this.#offLoops = Array.from({ length: MAX_UNDER_WAY }, () => options.openOffLoop());
  }

  /** Those asked for while others are going go together. */
  delete(refs: readonly LinkRef[]): Promise<void> {
    const links = refs.map((ref) => (typeof ref === 'number' ? { index: ref } : { name: ref }));
    return new Promise((resolve, reject) => {
      this.#wishes.push({ links, resolve, reject });
      if (this.#wishes.length === 1) queueMicrotask(() => this.#next());
    });
  }

  /** What is under way ends first. */
  close(): void {
    for (const offLoop of this.#offLoops) offLoop.close();
  }

  async #next(): Promise<void> {
    const offLoop = this.#offLoops.find(({ isIdle }) => isIdle);
    if (this.#isGoing || offLoop === undefined || this.#wishes.length === 0) return;
    const wishes = this.#wishes;
    this.#wishes = [];
    this.#isGoing = true;
    try {
      const failures = await this.#delete(
        wishes.flatMap(({ links }) => links),
        offLoop,
      );
      for (const { links, resolve, reject } of wishes) {
        const failed = links.find((link) => failures.has(link));
        if (failed) reject(failures.get(failed));
        else resolve();
      }
    } catch (error) {
      for (const { reject } of wishes) reject(error);
    }
    this.#isGoing = false;
    void this.#next();
  }

  /** Resolves when they are gone, but for those that cannot be deleted. */
  async #delete(links: readonly LinkSpec[], offLoop: OffLoop): Promise<Failures> {
    const failures: Failures = new Map();
    const left = new Set(links);
    for (const [at, error] of this.#options.change(setGroup(links, DOOMED_GROUP)).entries()) {
      if (error === undefined) continue;
      left.delete(links[at]!);
      if (error.code !== GONE) failures.set(links[at]!, error);
    }
    if (left.size === 0) return failures;
    const { promise: areGone, resolve } = Promise.withResolvers<void>();
    const monitor = this.#options.watch(({ index, name }) => {
      for (const link of left) if (link.index === index || link.name === name) left.delete(link);
      if (left.size === 0) resolve();
    });
    const ended = offLoop.inTurn(() => this.#deleteDoomed(left, failures, offLoop));
    const whenEnded = () => {
      monitor.close();
      void this.#next();
    };
    ended.then(whenEnded, whenEnded);
    await Promise.race([areGone, ended]);
    // Whoever else watches has heard of it, too: what the caller does next is newer than what they hear.
    await setImmediate();
    return failures;
  }

  /**
   * One interface that cannot be deleted, such as lo, keeps the whole group from being deleted:
   * then each by itself, and what stays leaves the group again.
   */
  async #deleteDoomed(
    doomed: ReadonlySet<LinkSpec>,
    failures: Failures,
    offLoop: OffLoop,
  ): Promise<void> {
    const [refusal] = await offLoop.run([remove({ group: DOOMED_GROUP })]);
    if (!refusal || refusal.code === GONE) return;
    const links = [...doomed];
    const staying: LinkSpec[] = [];
    for (const [at, error] of (await offLoop.run(links.map(remove))).entries()) {
      if (!error || error.code === GONE) continue;
      staying.push(links[at]!);
      failures.set(links[at]!, error);
    }
    this.#options.change(setGroup(staying, DEFAULT_GROUP));
  }
}

function setGroup(links: readonly LinkSpec[], group: number): Operation[] {
  return links.map((link) => ({ action: 'change', link: { ...link, group } }));
}

function remove(link: LinkSpec): Operation {
  return { action: 'delete', link };
}
