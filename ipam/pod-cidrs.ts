/**
 * Addresses of prefixes that are this node's alone (its Node's spec.podCIDRs), given without asking anybody:
 * what is held is what is wired, and of that the endpoints' files tell. An Allocator's face, so that
 * either can stand in the other's place.
 */

import {
  type Address,
  addressAt,
  containsAddress,
  type Family,
  familyBits,
  formatAddress,
  formatPrefix,
  type Prefix,
} from 'net-ipaddr';
import type { Assigned, AssignRequest } from './allocator.ts';
import { IpamError } from './errors.ts';

/** A larger prefix is used as far as this: more pods than a node can have. */
const MAX_ADDRESSES = 1 << 16;

export interface Holding {
  readonly handleId: string;
  readonly addresses: readonly Address[];
}

export class PodCidrs {
  readonly #node: string;
  readonly #wired: () => readonly Holding[];
  #prefixes: readonly Prefix[] = [];
  /** By handle: given, and perhaps not wired yet. */
  readonly #given = new Map<string, readonly Address[]>();
  /** By prefix: after the address given last, so that one that was given back rests as long as it can. */
  readonly #next = new Map<string, number>();

  constructor(options: { node: string /** As they are now. */; wired: () => readonly Holding[] }) {
    this.#node = options.node;
    this.#wired = options.wired;
  }

  /** Pods that have addresses of others keep them. */
  setPrefixes(prefixes: readonly Prefix[]): void {
    this.#prefixes = prefixes;
  }

  ownBlocks(): string[] {
    return this.#prefixes.map(formatPrefix);
  }

  families(): Family[] {
    return ([4, 6] as const).filter((family) => this.#ofFamily(family).length > 0);
  }

  /** A handle that holds addresses gets the same again. @throws IpamError */
  async assign(request: AssignRequest): Promise<Assigned[]> {
    const { handleId, families, asSubnet } = request;
    if (asSubnet)
      throw new IpamError(
        'NoPool',
        `${this.#node} uses its pod CIDRs, and tortie-ipam gives addresses of blocks: use host-local instead`,
      );
    const wired = this.#wired();
    const held = this.#given.get(handleId) ?? holdingOf(wired, handleId);
    const taken = new Set(
      [...wired.flatMap(({ addresses }) => addresses), ...[...this.#given.values()].flat()].map(
        formatAddress,
      ),
    );
    const addresses = held ?? families.map((family) => this.#choose(family, request, taken));
    this.#given.set(handleId, addresses);
    return addresses.map((address) => this.#assigned(address));
  }

  /** For the node's tunnels: the first address of its prefix, which no pod has. */
  readonly ofTunnels = {
    assign: async ({ families }: AssignRequest): Promise<Assigned[]> =>
      families.map((family) => {
        const [prefix] = this.#ofFamily(family);
        if (prefix) return this.#assigned(prefix.address);
        throw new IpamError('NoPool', `${this.#node} has no IPv${family} pod CIDR`);
      }),
    release: async () => [],
  };

  /** @returns what it gave; that of a pod that is wired is free when it is not any more. */
  async release({ handleId }: { handleId: string }): Promise<string[]> {
    const given = this.#given.get(handleId) ?? [];
    this.#given.delete(handleId);
    return given.map(formatAddress);
  }

  #choose(family: Family, { addresses, pools }: AssignRequest, taken: Set<string>): Address {
    if (pools?.[family])
      throw new IpamError(
        'NoPool',
        `IPv${family} pools were asked for, but ${this.#node} gives addresses of its pod CIDRs`,
      );
    const asked = addresses?.find((address) => address.family === family);
    if (asked) return this.#take(asked, taken);
    for (const prefix of this.#ofFamily(family)) {
      const free = this.#freeOf(prefix, taken);
      if (free) return free;
    }
    throw new IpamError(
      'Exhausted',
      `no free IPv${family} address in the pod CIDRs of ${this.#node}`,
    );
  }

  #take(asked: Address, taken: Set<string>): Address {
    const text = formatAddress(asked);
    if (!this.#prefixes.some((prefix) => containsAddress(prefix, asked)))
      throw new IpamError('NoPool', `${text} lies in no pod CIDR of ${this.#node}`);
    if (taken.has(text)) throw new IpamError('Taken', `${text} is another pod's`);
    return asked;
  }

  #freeOf(prefix: Prefix, taken: Set<string>): Address | undefined {
    const { first, count } = usable(prefix);
    const key = formatPrefix(prefix);
    const next = this.#next.get(key) ?? 0;
    for (let step = 0; step < count; step++) {
      const at = (next + step) % count;
      const address = addressAt(prefix, first + at);
      if (taken.has(formatAddress(address))) continue;
      this.#next.set(key, at + 1);
      return address;
    }
    return undefined;
  }

  #ofFamily(family: Family): Prefix[] {
    return this.#prefixes.filter(({ address }) => address.family === family);
  }

  #assigned(address: Address): Assigned {
    const block = this.#prefixes.find((prefix) => containsAddress(prefix, address));
    const text = formatAddress(address);
    return { address: text, family: address.family, block: block ? formatPrefix(block) : text };
  }
}

function holdingOf(wired: readonly Holding[], handleId: string): readonly Address[] | undefined {
  return wired.find((one) => one.handleId === handleId)?.addresses;
}

/** Not the first, which is the node's tunnels' (as Flannel's), nor the last, which others take for the broadcast. */
function usable({ address, length }: Prefix): { first: number; count: number } {
  const size = Math.min(MAX_ADDRESSES, 2 ** (familyBits(address.family) - length));
  return { first: 1, count: Math.max(0, size - 2) };
}
