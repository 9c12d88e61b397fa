/** UDP between the hosts of a virtual world, as BFD sees it: a TTL, a device, loss at will. */

import { formatAddress, parseAddress } from 'net-ipaddr';
import type { BfdTransport, Datagram, Hops } from '../../../bgp/bfd/transport.ts';
import type { World } from '../session/world.ts';

type Received = (datagram: Datagram) => void;

export interface Packet {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
}

export class Air {
  readonly #world: World;
  readonly #listeners = new Map<string, Received>();
  /** All that was sent. */
  readonly packets: Packet[] = [];
  /** Ports that cannot be opened. */
  readonly taken = new Set<string>();
  /** Hosts that nothing can be sent from. */
  readonly mute = new Set<string>();
  /** Hosts that nothing arrives at. */
  readonly deaf = new Set<string>();
  openSenders = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get openPorts(): string[] {
    return [...this.#listeners.keys()].sort();
  }

  /** Addresses that begin alike are on one link. */
  host(address: string): BfdTransport {
    return {
      isOnLink: (other) => formatAddress(other).startsWith('10.0.0.'),
      open: ({ remote, hops }) => {
        if (this.mute.has(address)) throw new Error('no such local address');
        this.openSenders++;
        return {
          interface: 0,
          send: (bytes) => this.send(address, formatAddress(remote), hops, bytes, 255),
          close: () => this.openSenders--,
        };
      },
      listen: (_, hops, received) => {
        const port = `${address} ${hops}`;
        if (this.taken.has(port)) throw new Error('EADDRINUSE');
        this.#listeners.set(port, received);
        return { close: () => this.#listeners.delete(port) };
      },
    };
  }

  send(from: string, to: string, hops: Hops, bytes: Uint8Array, ttl: number): undefined {
    this.packets.push({ atMs: this.#world.nowMs, from, to, bytes });
    this.#world.deliver(from, to, () => {
      if (this.deaf.has(to)) return;
      this.#listeners.get(`${to} ${hops}`)?.({
        bytes,
        source: parseAddress(from),
        destination: parseAddress(to),
        ttl,
        interface: 1,
      });
    });
  }
}
