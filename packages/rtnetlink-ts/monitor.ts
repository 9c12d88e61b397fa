/** What the kernel tells unasked: multicast notifications. */

import type { AddressEntry } from './codec/address.ts';
import type { Link } from './codec/link.ts';
import type { FdbEntry, Neighbour } from './codec/neighbour.ts';
import type { Route } from './codec/route.ts';
import type { Rule } from './codec/rule.ts';

/** What to be told of, both families each. 'neighbour' includes FDB entries. */
export type Group = 'link' | 'address' | 'route' | 'rule' | 'neighbour';

/** `gone` false: it is new or has changed. */
export type NetlinkEvent =
  | { readonly kind: 'link'; readonly gone: boolean; readonly link: Link }
  | { readonly kind: 'address'; readonly gone: boolean; readonly address: AddressEntry }
  | { readonly kind: 'route'; readonly gone: boolean; readonly route: Route }
  | { readonly kind: 'rule'; readonly gone: boolean; readonly rule: Rule }
  | { readonly kind: 'neighbour'; readonly gone: boolean; readonly neighbour: Neighbour }
  | { readonly kind: 'fdb'; readonly gone: boolean; readonly fdb: FdbEntry };

export interface Monitor {
  /** After this no callback is called. */
  close(): void;
}
