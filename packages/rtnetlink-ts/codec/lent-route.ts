/** Routes of a dump of which nothing is to be kept. */

import { type Address, type Family, familyBits } from 'net-ipaddr';
import { AttributeCursor } from '../wire/attributes.ts';
import type { Words } from '../wire/words.ts';
import { familyOf } from './family.ts';
import {
  HEADER_LENGTH,
  type Route,
  RTA_DST,
  RTA_NH_ID,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTN_UNICAST,
} from './route.ts';

/**
 * A route by a next hop object, without all that the object stands for. It is lent: the next one is told of by the
 * same object, with the same address in it.
 */
export type LentRoute = Pick<Route, 'destination' | 'metric' | 'protocol' | 'type'> & {
  readonly nextHopId: number;
};

/**
 * Reads routes by next hop objects without making an object of each: of 100,000 that nobody wants to keep the
 * garbage would be 100 MB.
 */
export class RouteLender {
  readonly #address: Address;
  readonly #route: { -readonly [Field in keyof LentRoute]: LentRoute[Field] };
  readonly #destination: { address: Address; length: number };

  constructor(family: Family) {
    this.#address = { family, bytes: new Uint8Array(familyBits(family) >> 3) };
    this.#destination = { address: this.#address, length: 0 };
    this.#route = {
      destination: this.#destination,
      metric: 0,
      protocol: 0,
      type: 'unicast',
      nextHopId: 0,
    };
  }

  /** @returns undefined for what is not of the family, or not said by these fields alone. */
  read(words: Words, start: number, end: number): LentRoute | undefined {
    const { bytes, family } = this.#address;
    const { u8 } = words;
    if (familyOf(u8[start]!) !== family || u8[start + 7] !== RTN_UNICAST) return undefined;
    const route = this.#route;
    this.#destination.length = u8[start + 1]!;
    // Of a default route the kernel gives no RTA_DST.
    if (u8[start + 1] === 0) bytes.fill(0);
    route.protocol = u8[start + 5]!;
    route.metric = route.nextHopId = 0;
    const attributes = new AttributeCursor(words).reset(start + HEADER_LENGTH, end);
    while (attributes.next()) {
      switch (attributes.type) {
        case RTA_DST:
          for (let i = 0; i < bytes.length; i++) bytes[i] = u8[attributes.start + i]!;
          break;
        case RTA_PRIORITY:
          route.metric = attributes.u32();
          break;
        case RTA_NH_ID:
          route.nextHopId = attributes.u32();
          break;
        case RTA_PREFSRC:
          return undefined;
      }
    }
    return route.nextHopId === 0 ? undefined : route;
  }
}
