/** Which paths are to be judged again since payloads that cover them came or went. */

import type { Rib } from './rib/rib.ts';
import { EXTERNAL } from './rib/sources.ts';
import { forgetDone, type Sweep } from './rib/sweep.ts';
import type { CoveringPrefixes } from './rpki/covering.ts';

export class Revalidation {
  readonly #rib: Rib;
  readonly #sweep: Sweep;
  /** With the tickets of the sweeps that look for paths below them. */
  readonly #changed = new Map<CoveringPrefixes, number>();

  constructor(rib: Rib, sweep: Sweep) {
    this.#rib = rib;
    this.#sweep = sweep;
  }

  /** Paths to these prefixes, and to what lies within them. */
  request(prefixes: CoveringPrefixes): void {
    this.#changed.set(prefixes, this.#sweep.request());
  }

  /** To be asked of each path in a sweep. */
  concerns(path: number): boolean {
    if (this.#changed.size === 0) return false;
    const { paths, prefixes, sources } = this.#rib;
    if (sources.kind(paths.source(path)) !== EXTERNAL) return false;
    for (const changed of this.#changed.keys()) {
      if (changed.first(prefixes, paths.prefix(path)) >= 0) return true;
    }
    return false;
  }

  /** To be called after each step of the sweep. */
  swept(): void {
    forgetDone(this.#changed, this.#sweep);
  }
}
