/**
 * What finding neighbours needs of the links. kernel-links.ts gives it of the real ones; tests give
 * virtual ones. No call below calls back synchronously.
 */

import type { Address } from 'net-ipaddr';

export interface Links {
  /** Follows the interface of this name, which need not be there yet, until `close`. */
  watch(name: string, events: LinkEvents): { close(): void };
}

export interface LinkEvents {
  /** It is up, and has a link-local address of ours. `link` is good until `down`, which closes it. */
  up(link: Link): void;
  down(): void;
  /** It cannot be used, although it is up: why. Tried again. */
  failed(why: string): void;
  /** An ICMPv6 message of type 133 or 134; bytes and source are good during the call. */
  received(bytes: Uint8Array, source: Address, hopLimit: number): void;
}

export interface Link {
  /** Sends an ICMPv6 message, with hop limit 255. What cannot be sent is lost. */
  send(message: Uint8Array, to: Address): void;
}
