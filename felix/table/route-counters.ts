/** What was done to routes since the start. */

export interface RouteCounters {
  added: number;
  replaced: number;
  removed: number;
  /** Writes that the kernel refused. */
  failed: number;
  resyncs: number;
  /** Routes of ours that a resync found missing or changed. */
  repaired: number;
}

export function newCounters(): RouteCounters {
  return { added: 0, replaced: 0, removed: 0, failed: 0, resyncs: 0, repaired: 0 };
}
