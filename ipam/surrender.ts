/** What a handle holds is taken back: from the blocks first, then from the handle. */

import type { IPAMBlock } from '../api/index.ts';
import { allOf } from './all-of.ts';
import { addressOf, freeCount, giveBack, heldBy } from './block.ts';
import type { GroupCommit } from './group-commit.ts';
import { blocksOf } from './handle.ts';
import type { KnownHandles } from './known-handles.ts';

/** One request under way. */
export interface Request {
  readonly handleId: string;
  /** Of the handle's object. */
  readonly name: string;
  readonly deadline: number;
}

export class Surrender {
  readonly #commit: GroupCommit;
  readonly #handles: KnownHandles;

  constructor(commit: GroupCommit, handles: KnownHandles) {
    this.#commit = commit;
    this.#handles = handles;
  }

  /** Takes back what the handle holds, but for `keep`, from the blocks and then from the handle. */
  async run(
    request: Request,
    isRetry: boolean,
    keep: ReadonlySet<string>,
    freed: Set<string>,
  ): Promise<void> {
    const known = isRetry ? undefined : this.#handles.get(request.name);
    const handle = known ?? (await this.#handles.read(request.name, request.handleId));
    if (handle === undefined) return;
    const counts = new Map<string, number>();
    await allOf(
      blocksOf(handle).map(async (cidr) => {
        const kept = await this.#takeBack(cidr, request, keep, freed);
        if (kept > 0) counts.set(cidr, kept);
      }),
    );
    await this.#handles.change(handle, counts);
  }

  /** @returns how many addresses the handle still holds there: those of `keep`. */
  #takeBack(
    cidr: string,
    { handleId, deadline }: Request,
    keep: ReadonlySet<string>,
    freed: Set<string>,
  ): Promise<number> {
    return this.#commit.run(cidr, deadline, {
      needsReading: (known) => heldBy(known, handleId).length === 0,
      decide: (block) => {
        if (block === undefined) return { answer: 0 };
        const { block: without, ordinals } = giveBack(block, handleId, keep);
        const kept = heldBy(without, handleId).length;
        for (const ordinal of ordinals) freed.add(addressOf(block, ordinal));
        // With nothing to take back, one write still keeps a late one of ours from giving something.
        const mustWrite = ordinals.length > 0 || (kept === 0 && mayStillGive(block));
        return { write: mustWrite ? without : undefined, answer: kept };
      },
    });
  }
}

/**
 * Whether a write of ours that was never answered could still succeed in giving an address there.
 * It was made when the block had room, so if it has none now, the block has changed. Whose the block
 * is does not matter: it may have been borrowed from.
 */
export function mayStillGive(block: IPAMBlock | undefined): boolean {
  return block !== undefined && freeCount(block) > 0;
}
