/**
 * Next hops, each with a small id, so that a change of reachability touches one cell and not every
 * route. Id 0 stands for none (what is originated here) and is always reachable at cost 0.
 *
 * A link-local address is one next hop a link: the octets given here have its zone in them, as the
 * canonical attributes do.
 */

import { isLinkLocal, NO_ZONE, setZone, zoneOf } from 'bgp-parser-ts';
import type { Address, ZonedAddress } from 'net-ipaddr';
import { Zones } from './zones.ts';

export interface Reachability {
  readonly reachable: boolean;
  /** The interior cost of RFC 4271 §9.1.2.2 e), unsigned 32 bits. */
  readonly cost: number;
}

export const NO_NEXT_HOP = 0;
const REACHABLE: Reachability = { reachable: true, cost: 0 };

export class NextHops {
  readonly zones = new Zones();
  readonly #resolve: (nextHop: ZonedAddress) => Reachability;
  readonly #interfaceOf: (nextHop: Address) => string | undefined;
  readonly #ids = new Map<number | string, number>();
  readonly #keys: (number | string)[] = [0];
  readonly #addresses: (ZonedAddress | undefined)[] = [undefined];
  readonly #uses: number[] = [0];
  readonly #free: number[] = [];
  #reachable = new Uint8Array([1, ...new Array(63).fill(0)]);
  #costs = new Uint32Array(64);

  constructor(
    resolve: (nextHop: ZonedAddress) => Reachability = () => REACHABLE,
    interfaceOf: (nextHop: Address) => string | undefined = () => undefined,
  ) {
    this.#resolve = resolve;
    this.#interfaceOf = interfaceOf;
  }

  /** The id of the next hop whose 4 or 16 octets are at `bytes[at]`, used once more. */
  use(bytes: Uint8Array, at: number, length: 4 | 16): number {
    const key = keyOf(bytes, at, length);
    const known = this.#ids.get(key);
    if (known !== undefined) {
      this.#uses[known]!++;
      return known;
    }
    const address = this.#read(bytes, at, length);
    const id = this.#free.pop() ?? this.#addresses.length;
    this.#ids.set(key, id);
    this.#keys[id] = key;
    this.#addresses[id] = address;
    this.#uses[id] = 1;
    if (id >= this.#costs.length) this.#grow();
    this.#put(id, this.#resolve(address));
    return id;
  }

  release(id: number): void {
    if (id === NO_NEXT_HOP || --this.#uses[id]! > 0) return;
    this.#ids.delete(this.#keys[id]!);
    this.#addresses[id] = undefined;
    this.#free.push(id);
  }

  /** Asks again about all that are in use. The ids of those of which there is news. */
  review(): number[] {
    const changed: number[] = [];
    for (const id of this.#ids.values()) {
      const reachability = this.#resolve(this.#addresses[id]!);
      const isNews =
        reachability.reachable !== this.isReachable(id) || reachability.cost !== this.#costs[id];
      if (!isNews) continue;
      this.#put(id, reachability);
      changed.push(id);
    }
    return changed;
  }

  isReachable(id: number): boolean {
    return this.#reachable[id] === 1;
  }

  cost(id: number): number {
    return this.#costs[id]!;
  }

  /** Undefined for NO_NEXT_HOP. */
  address(id: number): ZonedAddress | undefined {
    return this.#addresses[id];
  }

  /** The interface that it is reached by; undefined: not known, or for NO_NEXT_HOP none. */
  interfaceOf(id: number): string | undefined {
    const address = this.#addresses[id];
    return address && (address.zone ?? this.#interfaceOf(address));
  }

  /** The address with its zone in its octets, as canonical attributes have it. */
  zoned({ family, bytes, zone }: ZonedAddress): Address {
    if (family === 4 || !isLinkLocal(bytes, 0)) return { family, bytes };
    const octets = new Uint8Array(bytes);
    setZone(octets, 0, this.zones.numberOf(zone));
    return { family, bytes: octets };
  }

  #read(from: Uint8Array, at: number, length: 4 | 16): ZonedAddress {
    const bytes = new Uint8Array(from.subarray(at, at + length));
    if (length === 4) return { family: 4, bytes };
    if (!isLinkLocal(bytes, 0)) return { family: 6, bytes };
    const zone = this.zones.nameOf(zoneOf(bytes, 0));
    setZone(bytes, 0, NO_ZONE);
    return { family: 6, bytes, ...(zone !== undefined && { zone }) };
  }

  #put(id: number, { reachable, cost }: Reachability): void {
    this.#reachable[id] = reachable ? 1 : 0;
    this.#costs[id] = cost;
  }

  #grow(): void {
    const length = this.#costs.length * 2;
    const reachable = new Uint8Array(length);
    const costs = new Uint32Array(length);
    reachable.set(this.#reachable);
    costs.set(this.#costs);
    this.#reachable = reachable;
    this.#costs = costs;
  }
}

/** A number for IPv4, as it costs no allocation; text for IPv6. */
function keyOf(bytes: Uint8Array, at: number, length: 4 | 16): number | string {
  if (length === 4) {
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
