/**
 * Zones of link-local next hops (RFC 4007): the links that sessions are on, by the names of their
 * interfaces, each with the number that canonical attributes hold.
 */

import { NO_ZONE } from 'bgp-parser-ts';

export class Zones {
  readonly #names: string[] = [];

  /** @param link undefined: NO_ZONE */
  numberOf(link: string | undefined): number {
    if (link === undefined) return NO_ZONE;
    const index = this.#names.indexOf(link);
    return 1 + (index >= 0 ? index : this.#names.push(link) - 1);
  }

  /** Undefined for NO_ZONE. */
  nameOf(zone: number): string | undefined {
    return this.#names[zone - 1];
  }
}
