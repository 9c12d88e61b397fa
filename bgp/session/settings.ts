/** How the session with a peer is to be, and which changes of that need a new one. */

import { isDeepStrictEqual } from 'node:util';
import type { Terms } from '../fsm/open.ts';
import type { Attributes } from '../fsm/transition.ts';
import type { Endpoint } from '../transport/transport.ts';

/** The one neighbour on a link, at this port. */
export interface LinkEndpoint {
  readonly interface: string;
  readonly port: number;
}

export interface SessionSettings {
  /** Where the peer is, or the link on which it is whoever is there. */
  readonly remote: Endpoint | LinkEndpoint;
  /** Where we connect from; undefined: the kernel chooses. */
  readonly sourceAddress: string | undefined;
  readonly terms: Terms;
  readonly attributes: Attributes;
}

/** Whether a session that is as in `before` has to end to be as in `after`. */
export function needsReset(before: SessionSettings, after: SessionSettings): boolean {
  return !isDeepStrictEqual(settled(before), settled(after));
}

/**
 * What the connection is, and what the OPENs settled for as long as it lasts, the hold time too
 * (RFC 4271 §4.2: the smaller of both sides'). The attributes are ours alone. What OPENs say of
 * restarts is about the end of the session: a change of it is in the next OPEN.
 */
function settled({ remote, sourceAddress, terms }: SessionSettings) {
  const { gracefulRestart: _, ...lasting } = terms;
  return { remote, sourceAddress, lasting };
}
