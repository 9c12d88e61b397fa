/** Reads the Loc-RIB by prefix id, for whoever is told that prefixes have changed. */

import { compareZonedAddresses, type Prefix, type ZonedAddress } from 'net-ipaddr';
import { priorityOf } from '../policy/priority.ts';
import { NO_ATTRIBUTES } from './attributes.ts';
import type { Rib } from './rib.ts';
import { EXTERNAL, LOCAL_SOURCE } from './sources.ts';

/**
 * Good inside an `onRoutes` call, for the ids that it names; an id whose route is gone may stand for
 * another prefix after the call.
 */
export class RouteReader {
  readonly #rib: Rib;

  constructor(rib: Rib) {
    this.#rib = rib;
  }

  prefix(id: number): Prefix {
    return this.#rib.prefixes.prefix(id);
  }

  /** False: no route to the prefix is left, and the methods below say nothing of use. */
  hasRoute(id: number): boolean {
    return this.#rib.routes.attributes(id) !== NO_ATTRIBUTES;
  }

  /** The best path was originated here. */
  isLocal(id: number): boolean {
    return this.hasRoute(id) && this.#rib.routes.source(id) === LOCAL_SOURCE;
  }

  /** The peer that the best path came from, or -1 when it is local. */
  sourcePeer(id: number): number {
    return this.#rib.sources.peer(this.#rib.routes.source(id));
  }

  /** The best path was learned from an eBGP peer. */
  isExternal(id: number): boolean {
    return this.#rib.sources.kind(this.#rib.routes.source(id)) === EXTERNAL;
  }

  /** Calico's route priority of the best path, lower is better; undefined: it has none of its own. */
  priority(id: number): number | undefined {
    const { attributes, routes } = this.#rib;
    return priorityOf(attributes.view(routes.attributes(id)));
  }

  /**
   * Next hops of the best path and of those equal to it up to the interior cost, ascending, none
   * twice. Empty when local.
   */
  nextHops(id: number): ZonedAddress[] {
    const { attributes, nextHops, paths, routes, selection } = this.#rib;
    if (routes.multipath(id) === 0) {
      const only = nextHops.address(attributes.nextHop(routes.attributes(id)));
      return only === undefined ? [] : [only];
    }
    selection.select(routes.head(id), routes.best(id));
    const hops = new Set<number>();
    for (let i = 0; i < selection.equal; i++) {
      hops.add(attributes.nextHop(paths.imported(selection.equalPath(i))));
    }
    return [...hops].map((hop) => nextHops.address(hop)!).sort(compareZonedAddresses);
  }
}
