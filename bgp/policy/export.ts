/** What is not announced to a peer whatever the policy says, by the route's attributes. */

import type { Role } from '../role.ts';
import { shutdownExportRule } from './graceful-shutdown.ts';
import { noLongLivedStaleRule } from './long-lived-stale.ts';
import { roleExportRule } from './roles.ts';
import type { RouteRule } from './route-rule.ts';

/** RFC 1997. */
const NO_EXPORT = 0xffffff01;
const NO_ADVERTISE = 0xffffff02;
const NO_EXPORT_SUBCONFED = 0xffffff03;

export interface ExportSettings {
  /** The peer is in another AS. */
  readonly isExternal: boolean;
  readonly localAs: number;
  /** RFC 9234: what we are to the peers. */
  readonly role: Role | undefined;
  /** RFC 8326: we are about to end the sessions. */
  readonly isLeaving: boolean;
  /** RFC 9494: they know what LLGR_STALE means. */
  readonly knowsLongLivedStale: boolean;
}

/** The rules for what one group of peers is sent. */
export function exportRules(settings: ExportSettings): RouteRule[] {
  const { isExternal, isLeaving, knowsLongLivedStale, localAs, role } = settings;
  const noAdvertise: RouteRule = (view) =>
    view.hasCommunity(NO_ADVERTISE) ? 'community NO_ADVERTISE' : undefined;
  // Without confederations NO_EXPORT_SUBCONFED means the same as NO_EXPORT.
  const noExport: RouteRule = (view) =>
    view.hasCommunity(NO_EXPORT) || view.hasCommunity(NO_EXPORT_SUBCONFED)
      ? 'community NO_EXPORT'
      : undefined;
  return [
    noAdvertise,
    ...(isExternal ? [noExport] : []),
    ...(isExternal && role !== undefined ? [roleExportRule(role, localAs)] : []),
    ...(knowsLongLivedStale ? [] : [noLongLivedStaleRule]),
    ...(isLeaving ? [shutdownExportRule] : []),
  ];
}
