/** What the sweep does to each path: removes it, judges it again, or has its prefix decided again. */

import type { GonePaths } from './gone-paths.ts';
import type { Revalidation } from './revalidation.ts';
import type { Import } from './rib/import.ts';
import type { Rib } from './rib/rib.ts';
import type { Stale } from './rib/stale.ts';
import { forgetDone, type Sweep } from './rib/sweep.ts';
import type { RoutedPeers } from './routed-peers.ts';
import type { UpdateListener } from './routing-types.ts';

/** Those who have paths looked at. */
export interface Askers {
  readonly rib: Rib;
  readonly imports: Import;
  readonly sweep: Sweep;
  readonly stale: Stale;
  readonly peers: RoutedPeers;
  readonly revalidation: Revalidation;
  readonly gone: GonePaths;
}

export class PathVisit {
  readonly #askers: Askers;
  /** Next hops whose reachability changed, with the tickets of the sweeps that look for their paths. */
  readonly #changedHops = new Map<number, number>();
  #onUpdate: UpdateListener | undefined;

  constructor(askers: Askers) {
    this.#askers = askers;
  }

  /** Prefixes with a path by one of these next hops are to be decided again. */
  request(nextHops: readonly number[]): void {
    const ticket = this.#askers.sweep.request();
    for (const nextHop of nextHops) this.#changedHops.set(nextHop, ticket);
  }

  /** Looks at up to `count` paths. @param onUpdate hears of those that go */
  step(count: number, onUpdate: UpdateListener | undefined): void {
    const { gone, imports, peers, revalidation, stale, sweep } = this.#askers;
    if (!sweep.isRunning) return;
    this.#onUpdate = onUpdate;
    sweep.step(count, this.#visit);
    stale.swept();
    revalidation.swept();
    peers.swept();
    forgetDone(this.#changedHops, sweep);
    if (onUpdate) gone.tell(onUpdate);
    imports.forget();
  }

  readonly #visit = (path: number): void => {
    const { gone, imports, peers, revalidation, rib, stale } = this.#askers;
    const { attributes, paths, sources } = rib;
    const source = paths.source(path);
    const isStale = stale.isLeaving(path);
    if (!sources.isLive(source) || isStale) {
      if (isStale && this.#onUpdate) gone.add(peers.get(sources.peer(source)), path);
      rib.remove(path);
      return;
    }
    if (peers.isReimported(source) || revalidation.concerns(path)) {
      const peer = peers.get(sources.peer(source));
      const sender = stale.isLongLived(path) ? peer.longLived : peer;
      rib.reimport(path, imports.judge(path, sender));
    }
    const imported = paths.imported(path);
    if (this.#changedHops.size > 0 && this.#changedHops.has(attributes.nextHop(imported))) {
      rib.mark(paths.prefix(path));
    }
  };
}
