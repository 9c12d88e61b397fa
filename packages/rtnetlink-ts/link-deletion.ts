/**
 * Deleting many interfaces for the price of one. The kernel waits for an RCU grace period, 15–40 ms,
 * for each deletion, but once for a whole group (IFLA_GROUP): so each is put into a group that is
 * doomed, which takes microseconds, and then the group is deleted, on another thread.
 */
import type { LinkRef } from './codec/link.ts';
import type { NetlinkError } from './netlink-error.ts';
import type { OffLoop } from './off-loop.ts';
import type { Operation } from './operation.ts';

/** A number that no one else is likely to use. What a crash leaves in it goes with the next. */
const DOOMED_GROUP = 0x746f7274;

/** The interface has gone by itself, or with its peer: that is what was wanted. */
const GONE = 'ENODEV';

interface Wish {
  readonly refs: readonly LinkRef[];
  error?: NetlinkError;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class LinkDeletion {
  readonly #change: (operations: Operation[]) => (NetlinkError | undefined)[];
  readonly #offLoop: OffLoop;
  #wishes: Wish[] = [];

  /** `change` does operations at once, on the loop. */
  constructor(change: (operations: Operation[]) => (NetlinkError | undefined)[], offLoop: OffLoop) {
    this.#change = change;
    this.#offLoop = offLoop;
  }

  /** Those asked for while a deletion is under way go together in the next. */
  delete(refs: readonly LinkRef[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#wishes.push({ refs, resolve, reject });
      if (this.#wishes.length === 1) this.#deleteTogether();
    });
  }

  async #deleteTogether(): Promise<void> {
    let wishes: Wish[] = [];
    try {
      const [failure] = await this.#offLoop.run(() => {
        wishes = this.#wishes;
        this.#wishes = [];
        return this.#doom(wishes) ? [{ action: 'delete', link: { group: DOOMED_GROUP } }] : [];
      });
      const error = isGone(failure) ? undefined : failure;
      for (const wish of wishes) settle(wish, wish.error ?? error);
    } catch (error) {
      for (const wish of wishes.length > 0 ? wishes : this.#wishes.splice(0)) settle(wish, error);
    }
  }

  /** @returns whether anything is in the group now. */
  #doom(wishes: readonly Wish[]): boolean {
    const link = (ref: LinkRef) => (typeof ref === 'number' ? { index: ref } : { name: ref });
    const refs = wishes.flatMap((wish) => wish.refs.map((ref) => ({ wish, ref })));
    const results = this.#change(
      refs.map(({ ref }) => ({ action: 'change', link: { ...link(ref), group: DOOMED_GROUP } })),
    );
    results.forEach((error, i) => {
      if (error && !isGone(error)) refs[i]!.wish.error ??= error;
    });
    return results.some((error) => !error);
  }
}

function isGone(error: NetlinkError | undefined): boolean {
  return error?.code === GONE;
}

function settle(wish: Wish, error: unknown): void {
  if (error) wish.reject(error);
  else wish.resolve();
}
