/** Where every block and every borrowed address of the cluster is, kept current by a watch of the IPAMBlocks. */
import { formatPrefix } from 'net-ipaddr';
import { describeProblem, IPAMBlock, validate } from '../../api/index.ts';
import type { Placement } from '../../felix/felix.ts';
import { type ChangeKind, Reflector } from '../datastore/index.ts';
import { placementsOf } from './derive/placements.ts';
import type { WatchesOptions } from './watches-options.ts';

const NOWHERE: readonly Placement[] = [];

export class Placements {
  readonly #options: WatchesOptions;
  readonly #reflector: Reflector<IPAMBlock>;
  /** By the block's name. */
  readonly #byBlock = new Map<string, readonly Placement[]>();

  constructor(options: WatchesOptions) {
    this.#options = options;
    const { store, clock, random, log, onChange } = options;
    this.#reflector = new Reflector<IPAMBlock>({
      ...{ store, clock, random, log },
      type: IPAMBlock,
      onChange: (kind, block) => this.#take(kind, block),
      onSynced: onChange,
    });
  }

  get synced(): boolean {
    return this.#reflector.synced;
  }

  list(): Placement[] {
    return [...this.#byBlock.values()].flat();
  }

  close(): void {
    this.#reflector.close();
  }

  /** Blocks change with every pod of the cluster, where they are seldom does: only that is passed on. */
  #take(kind: ChangeKind, block: IPAMBlock): void {
    const { name } = block.metadata;
    const before = this.#byBlock.get(name) ?? NOWHERE;
    const now = kind === 'deleted' ? NOWHERE : this.#read(block, before);
    if (now.length > 0) this.#byBlock.set(name, now);
    else this.#byBlock.delete(name);
    if (textOf(before) !== textOf(now)) this.#options.onChange();
  }

  /** One that cannot be read says nothing new: its pods live on where they were. */
  #read(block: IPAMBlock, before: readonly Placement[]): readonly Placement[] {
    try {
      return placementsOf(block);
    } catch (error) {
      const problems = validate(IPAMBlock, block).map((one) => describeProblem(block, one));
      const { name } = block.metadata;
      const text = problems.join('; ') || `IPAMBlock "${name}": ${(error as Error).message}`;
      this.#options.log.warn({ block: name }, `${text}; where it was, it stays`);
      return before;
    }
  }
}

function textOf(placements: readonly Placement[]): string {
  return placements.map(({ prefix, node }) => `${formatPrefix(prefix)} ${node}`).join();
}
