/**
 * How other nodes' blocks are reached when felix starts, as the routes say that an earlier one left. A pool may be
 * in the middle of a change of its mode: until the new way is ready, packets go on by this one.
 */

import { type Address, type Prefix, PrefixTrie } from 'net-ipaddr';
import type { RouteSpec } from 'rtnetlink-ts';
import type { RemoteTarget } from './calc/route.ts';
import { TUNNEL_DEVICES } from './ours.ts';
import { gatewayOf, type InterfaceNames, isRemote } from './table/kernel-route.ts';

interface FoundWay {
  readonly gateway: Address | undefined;
  readonly device: string;
}

export class FoundWays {
  readonly #byTunnel = new PrefixTrie<FoundWay>();
  readonly #others = new PrefixTrie<true>();

  /** @param routes ours */
  constructor(routes: Iterable<RouteSpec>, names: InterfaceNames) {
    for (const route of routes) {
      const { destination, oif } = route;
      const device = oif === undefined ? undefined : names.nameOf(oif);
      if (device !== undefined && TUNNEL_DEVICES.includes(device))
        this.#byTunnel.set(destination, { gateway: gatewayOf(route), device });
      else if (isRemote(route)) this.#others.set(destination, true);
    }
  }

  /** The tunnels that routes lead into. */
  devices(): Set<string> {
    return new Set(Array.from(this.#byTunnel, ({ value }) => value.device));
  }

  /** By a tunnel. @param node that the block is on: nothing in the kernel says so. */
  wayTo(block: Prefix, node: string): RemoteTarget | undefined {
    const way = this.#byTunnel.get(block);
    return way && { kind: 'remote', node, ...way };
  }

  /** By a gateway, as BGP says. */
  isLearned(block: Prefix): boolean {
    return this.#others.get(block) !== undefined;
  }
}
