/** The Secrets that are named, each by a watch of its own: an agent is to see no others. */
import { Secret } from '../../api/index.ts';
import type { Timer } from '../../ports.ts';
import { Reflector } from '../datastore/index.ts';
import type { WatchesOptions } from './watches-options.ts';

/** Sessions with passwords are not to miss the start; one Secret that may not be read must not hold up the rest. */
const PATIENCE_MS = 5_000;

interface Watched {
  reflector: Reflector<Secret>;
  patience: Timer | undefined;
}

export class Secrets {
  readonly #options: WatchesOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  /** Follows these from now on, and no others. */
  follow(names: ReadonlySet<string>): void {
    for (const [name, watched] of this.#watched) {
      if (names.has(name)) continue;
      stop(watched);
      this.#watched.delete(name);
    }
    for (const name of names)
      if (!this.#watched.has(name)) this.#watched.set(name, this.#watch(name));
  }

  /** Whether one is still waited for. */
  get isWaiting(): boolean {
    return [...this.#watched.values()].some(({ patience }) => patience !== undefined);
  }

  list(): Secret[] {
    return [...this.#watched.values()].flatMap(({ reflector }) => [...reflector.list()]);
  }

  close(): void {
    this.follow(new Set());
  }

  #watch(name: string): Watched {
    const { clock, onChange } = this.#options;
    const goOn = () => {
      watched.patience?.cancel();
      watched.patience = undefined;
      onChange();
    };
    const watched: Watched = {
      patience: clock.after(PATIENCE_MS, goOn),
      reflector: new Reflector<Secret>({
        ...this.#options,
        type: Secret,
        // The form that RBAC's resourceNames let through.
        fieldSelector: `metadata.name=${name}`,
        onSynced: goOn,
      }),
    };
    return watched;
  }
}

function stop({ reflector, patience }: Watched): void {
  patience?.cancel();
  reflector.close();
}
