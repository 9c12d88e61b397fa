/** A session with us, in few words: what the daemons' configurations are made from. */

import type { Host } from './host.ts';

export interface Session {
  readonly as: number;
  readonly neighborAs: number;
  /** @default over IPv4 */
  readonly over6?: boolean;
  /** The daemon's address of the session, and ours. @default those of the cable */
  readonly between?: readonly [own: string, ours: string];
  /** @default both dial */
  readonly passive?: boolean;
  /** @default 90 */
  readonly holdTimeSec?: number;
  /** Lines of the neighbor, in the daemon's words. */
  readonly options?: string | undefined;
  /** Lines beside the neighbor. */
  readonly more?: string;
}

/** The daemon's address of the session, and ours. */
export function ends(
  host: Host,
  { over6 = false, between }: Session,
): readonly [own: string, ours: string] {
  if (between !== undefined) return between;
  return over6 ? [host.address6, host.ours6] : [host.address4, host.ours4];
}
