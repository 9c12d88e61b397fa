/**
 * Long-lived graceful restart, RFC 9494: what a peer told before it went away is kept for hours, as
 * the last choice, and marked so that everybody else treats it likewise.
 */

import type { RouteRule } from './route-rule.ts';

export const LLGR_STALE = 0xffff0006;
const NO_LLGR = 0xffff0007;
const MARKED = { communities: [LLGR_STALE] };

/** §4.2: of a peer that is away for longer than its restart time. */
export const longLivedStaleRule: RouteRule = (view) =>
  view.hasCommunity(NO_LLGR) ? 'its peer is away, and it has community NO_LLGR' : MARKED;

/** §4.3: who does not know the mark would take such a route for a good one. */
export const noLongLivedStaleRule: RouteRule = (view) =>
  view.hasCommunity(LLGR_STALE) ? 'long-lived stale, of which the peer knows nothing' : undefined;
