/** What BFD needs of UDP. udp.ts gives it on the real network; tests give it on a virtual one. */

import type { Address, Family } from 'net-ipaddr';

/** Between neighbours on one link (RFC 5881), or over routers (RFC 5883). Each has a port of its own. */
export type Hops = 'single' | 'multi';

export interface Path {
  readonly local: Address;
  readonly remote: Address;
  /** Name of the interface; link-local addresses need it. */
  readonly device: string | undefined;
  readonly hops: Hops;
}

/** Valid during the call that brings it. */
export interface Datagram {
  readonly bytes: Uint8Array;
  readonly source: Address;
  readonly destination: Address;
  readonly ttl: number;
  /** Index of the interface that it came in by. */
  readonly interface: number;
}

export interface BfdTransport {
  /** Whether a subnet of one of this host's interfaces holds the address. */
  isOnLink(address: Address): boolean;
  /** A port to send from. @throws Error, and then it may be tried again. */
  open(path: Path): Sender;
  /** Everything that comes to the port of `hops`. @throws Error, and then it may be tried again. */
  listen(family: Family, hops: Hops, received: (datagram: Datagram) => void): { close(): void };
}

export interface Sender {
  /** Index of the path's device; 0 where it names none. */
  readonly interface: number;
  /** Returns what went wrong, if something did. */
  send(bytes: Uint8Array): string | undefined;
  close(): void;
}
