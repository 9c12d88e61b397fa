/** Routes that are ours and that nobody here has asked for: what another agent or program wrote, and how long it stays. */

import type { RouteSpec } from 'rtnetlink-ts';
import type { Clock } from '../../ports.ts';
import type { Entry } from './entries.ts';
import { type InterfaceNames, isRemote, leadsToPod } from './kernel-route.ts';

/** How long an unknown route to a pod's interface stays: another program may be wiring that pod now. */
const GRACE_MS = 10_000;

export interface UnknownRoutesOptions {
  clock: Clock;
  names: InterfaceNames;
  /** It is to be looked at again after this time. */
  postpone(entry: Entry, delayMs: number): void;
}

export class UnknownRoutes {
  readonly #options: UnknownRoutesOptions;
  #keepsRemote = true;

  constructor(options: UnknownRoutesOptions) {
    this.#options = options;
  }

  /** Remote ones were learned before a restart; BGP has come round to what it still has of them. */
  endRestart(): void {
    this.#keepsRemote = false;
  }

  /** Whether it may go. */
  mayRemove(entry: Entry, route: RouteSpec): boolean {
    if (entry.isKnown) return true;
    const { clock, names, postpone } = this.#options;
    const now = clock.monotonic();
    entry.unwantedSince ??= now;
    if (leadsToPod(route, names)) {
      const rest = entry.unwantedSince + GRACE_MS - now;
      if (rest > 0) postpone(entry, rest);
      return rest <= 0;
    }
    return !(this.#keepsRemote && isRemote(route));
  }
}
