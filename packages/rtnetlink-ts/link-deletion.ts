/**
 * Deleting many interfaces for the price of one. The kernel waits for an RCU grace period, 15–40 ms,
 * for each deletion, but once for a whole group (IFLA_GROUP): so each is put into a group that is
 * doomed, which takes microseconds, and then the group is deleted, on another thread.
 */
import type { LinkRef, LinkSpec } from './codec/link.ts';
import type { NetlinkError } from './netlink-error.ts';
import type { OffLoop } from './off-loop.ts';
import type { Operation } from './operation.ts';

/** A number that no one else is likely to use. What a crash leaves in it goes with the next. */
const DOOMED_GROUP = 0x746f7274;
const DEFAULT_GROUP = 0;

/** The interface has gone by itself, or with its peer: that is what was wanted. */
const GONE = 'ENODEV';

type Outcome = NetlinkError | undefined;

interface Wish {
  readonly links: readonly LinkSpec[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class LinkDeletion {
  readonly #change: (operations: Operation[]) => Outcome[];
  readonly #offLoop: OffLoop;
  #wishes: Wish[] = [];

  /** `change` does operations at once, on the loop. */
  constructor(change: (operations: Operation[]) => Outcome[], offLoop: OffLoop) {
    this.#change = change;
    this.#offLoop = offLoop;
  }

  /** Those asked for while a deletion is under way go together in the next. */
  delete(refs: readonly LinkRef[]): Promise<void> {
    const links = refs.map((ref) => (typeof ref === 'number' ? { index: ref } : { name: ref }));
    return new Promise((resolve, reject) => {
      this.#wishes.push({ links, resolve, reject });
      if (this.#wishes.length === 1) this.#offLoop.inTurn(() => this.#fulfil());
    });
  }

  async #fulfil(): Promise<void> {
    const wishes = this.#wishes;
    this.#wishes = [];
    try {
      const errors = await this.#delete(wishes.flatMap(({ links }) => links));
      for (const { links, resolve, reject } of wishes) {
        const error = errors.splice(0, links.length).find((each) => each && each.code !== GONE);
        if (error) reject(error);
        else resolve();
      }
    } catch (error) {
      for (const { reject } of wishes) reject(error);
    }
  }

  async #delete(links: readonly LinkSpec[]): Promise<Outcome[]> {
    const doomed = this.#change(setGroup(links, DOOMED_GROUP));
    if (doomed.every(Boolean)) return doomed;
    const [error] = await this.#offLoop.run([remove({ group: DOOMED_GROUP })]);
    return !error || error.code === GONE ? doomed : this.#deleteEach(links);
  }

  /**
   * One interface that cannot be deleted, such as lo, keeps the whole group from being deleted:
   * then each by itself, and what stays leaves the group again.
   */
  async #deleteEach(links: readonly LinkSpec[]): Promise<Outcome[]> {
    const errors = await this.#offLoop.run(links.map(remove));
    this.#change(
      setGroup(
        links.filter((_, i) => errors[i]),
        DEFAULT_GROUP,
      ),
    );
    return errors;
  }
}

function setGroup(links: readonly LinkSpec[], group: number): Operation[] {
  return links.map((link) => ({ action: 'change', link: { ...link, group } }));
}

function remove(link: LinkSpec): Operation {
  return { action: 'delete', link };
}
