/**
 * Graceful shutdown, RFC 8326: who is about to leave asks for other paths first, while its own still
 * carry packets.
 */

import type { RouteRule } from './route-rule.ts';

const GRACEFUL_SHUTDOWN = 0xffff0000;
const LEAST = { localPref: 0 };
const LEAVING = { communities: [GRACEFUL_SHUTDOWN], ...LEAST };

/** §4.2: what is marked is the last to be chosen, here and by our iBGP peers. */
export const shutdownImportRule: RouteRule = (view) =>
  view.hasCommunity(GRACEFUL_SHUTDOWN) ? LEAST : undefined;

/** §4.1, §4.4: all that we announce is marked; iBGP peers are told the preference, too. */
export const shutdownExportRule: RouteRule = () => LEAVING;
