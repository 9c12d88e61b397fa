/**
 * Next hops, each with a small id, so that a change of reachability touches one cell and not every
 * route. Id 0 stands for none (what is originated here) and is always reachable at cost 0.
 */

import type { Address } from 'net-ipaddr';

export interface Reachability {
  readonly reachable: boolean;
  /** The interior cost of RFC 4271 §9.1.2.2 e), unsigned 32 bits. */
  readonly cost: number;
}

export const NO_NEXT_HOP = 0;
const REACHABLE: Reachability = { reachable: true, cost: 0 };

export class NextHops {
  readonly #resolve: (nextHop: Address) => Reachability;
  readonly #ids = new Map<number | string, number>();
  readonly #addresses: (Address | undefined)[] = [undefined];
  readonly #uses: number[] = [0];
  readonly #free: number[] = [];
  #reachable = new Uint8Array([1, ...new Array(63).fill(0)]);
  #costs = new Uint32Array(64);

  constructor(resolve: (nextHop: Address) => Reachability = () => REACHABLE) {
    this.#resolve = resolve;
  }

  /** The id of the next hop whose 4 or 16 octets are at `bytes[at]`, used once more. */
  use(bytes: Uint8Array, at: number, length: 4 | 16): number {
    const key = keyOf(bytes, at, length);
    const known = this.#ids.get(key);
    if (known !== undefined) {
      this.#uses[known]!++;
      return known;
    }
    const address: Address = {
      family: length === 4 ? 4 : 6,
      bytes: new Uint8Array(bytes.subarray(at, at + length)),
    };
    const id = this.#free.pop() ?? this.#addresses.length;
    this.#ids.set(key, id);
    this.#addresses[id] = address;
    this.#uses[id] = 1;
    if (id >= this.#costs.length) this.#grow();
    this.#put(id, this.#resolve(address));
    return id;
  }

  release(id: number): void {
    if (id === NO_NEXT_HOP || --this.#uses[id]! > 0) return;
    const { bytes } = this.#addresses[id]!;
    this.#ids.delete(keyOf(bytes, 0, bytes.length as 4 | 16));
    this.#addresses[id] = undefined;
    this.#free.push(id);
  }

  /** The id of the next hop if it is in use and that is news of it. */
  setReachability(nextHop: Address, reachability: Reachability): number | undefined {
    const { bytes } = nextHop;
    const id = this.#ids.get(keyOf(bytes, 0, bytes.length as 4 | 16));
    if (id === undefined) return undefined;
    const isNews =
      reachability.reachable !== this.isReachable(id) || reachability.cost !== this.#costs[id];
    if (!isNews) return undefined;
    this.#put(id, reachability);
    return id;
  }

  isReachable(id: number): boolean {
    return this.#reachable[id] === 1;
  }

  cost(id: number): number {
    return this.#costs[id]!;
  }

  /** Undefined for NO_NEXT_HOP. */
  address(id: number): Address | undefined {
    return this.#addresses[id];
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
