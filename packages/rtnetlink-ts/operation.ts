/** What can be asked of the kernel, as plain values. */

import type { AddressSpec } from './codec/address.ts';
import type { LinkSpec } from './codec/link.ts';
import type { FdbEntry, Neighbour } from './codec/neighbour.ts';
import type { RouteSpec } from './codec/route.ts';
import type { Rule } from './codec/rule.ts';

/**
 * - `add`: EEXIST if it is there.
 * - `replace`: adds it, or changes the one that is there. For a route that is *the first* of this
 *   prefix and metric in its table, whoever owns it.
 * - `append`: IPv4: another route of the same prefix and metric, after the others; IPv6: one more
 *   next hop of the route; FDB: one more destination of the MAC.
 * - `delete`: ESRCH, ENODEV, EADDRNOTAVAIL or ENOENT if it is not there.
 */
export type Action = 'add' | 'replace' | 'append' | 'delete';

export type Operation =
  | { readonly action: 'add' | 'change' | 'delete'; readonly link: LinkSpec }
  | { readonly action: 'add' | 'replace' | 'delete'; readonly address: AddressSpec }
  | { readonly action: Action; readonly route: RouteSpec }
  | { readonly action: 'add' | 'delete'; readonly rule: Rule }
  | { readonly action: 'add' | 'replace' | 'delete'; readonly neighbour: Neighbour }
  | { readonly action: Action; readonly fdb: FdbEntry };
