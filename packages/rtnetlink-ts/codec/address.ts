/** Addresses of interfaces: RTM_NEWADDR and its kin, linux/if_addr.h. */

import type { Address } from 'net-ipaddr';
import type { Scope } from './route.ts';

/** An address to add, replace or delete. An `AddressEntry` is one too. */
export interface AddressSpec {
  /** The interface's index. */
  readonly link: number;
  readonly address: Address;
  /** Of the on-link prefix. With a peer it is the peer's prefix. */
  readonly length: number;
  /** The other end of a point-to-point link. */
  readonly peer?: Address;
  readonly broadcast?: Address;
  /** IPv4 only; the kernel gives IPv6 the scope of its kind. @default 'global' */
  readonly scope?: Scope;
  /** IPv6: use it at once, without duplicate address detection. @default false */
  readonly noDad?: boolean;
  /** Make no route for the on-link prefix. @default false */
  readonly noPrefixRoute?: boolean;
}

/** An address as the kernel tells of it. */
export interface AddressEntry extends AddressSpec {
  readonly scope: Scope;
  /** IPv4 label: by default the interface's name. */
  readonly label?: string;
  readonly permanent: boolean;
  /** IPv6: duplicate address detection runs: not usable yet. */
  readonly tentative: boolean;
  /** IPv6: another host has it. */
  readonly dadFailed: boolean;
}
