/**
 * Zones of link-local next hops (RFC 4007): the links that sessions are on, by the names of their
 * interfaces, each with the number that canonical attributes hold. Never forgotten: they are few.
 */

import { NO_ZONE } from 'bgp-parser-ts';

export class Zones {
  readonly #names: string[] = [];

  /** @param name undefined: NO_ZONE */
  numberOf(name: string | undefined): number {
    if (name === undefined) return NO_ZONE;
    const index = this.#names.indexOf(name);
    return 1 + (index >= 0 ? index : this.#names.push(name) - 1);
  }

  /** Undefined for NO_ZONE. */
  nameOf(zone: number): string | undefined {
    return this.#names[zone - 1];
  }
}
