/**
 * RFC 9234 §5: the ONLY_TO_CUSTOMER attribute, by which a route that came down or across goes down
 * only, whatever the policies of the networks on the way say.
 */

import type { Role } from '../role.ts';
import type { RouteRule } from './route-rule.ts';

/** Those whose routes go upwards from here: what they send must not have come down to them before. */
const isAbove = (role: Role) => role === 'provider' || role === 'route-server';
/** Those to whom routes go upwards. */
const isBelow = (role: Role) => role === 'customer' || role === 'route-server-client';

/** For what comes from the peer of AS `remoteAs`, to which we are `role`. */
export function roleImportRule(role: Role, remoteAs: number): RouteRule {
  const mark = { onlyToCustomer: remoteAs };
  return (view) => {
    if (!view.hasOnlyToCustomer) return isAbove(role) ? undefined : mark;
    const marker = view.onlyToCustomer;
    const isLeak = isAbove(role) || (role === 'peer' && marker !== remoteAs);
    return isLeak
      ? `route leak: ONLY_TO_CUSTOMER of AS ${marker}, and we are its ${role}`
      : undefined;
  };
}

/** For what goes to a peer to which we, as AS `localAs`, are `role`. */
export function roleExportRule(role: Role, localAs: number): RouteRule {
  const mark = { onlyToCustomer: localAs };
  return (view) => {
    if (!view.hasOnlyToCustomer) return isBelow(role) ? undefined : mark;
    return isAbove(role) ? undefined : `ONLY_TO_CUSTOMER, and we are its ${role}`;
  };
}
