/** One link as discovery sees it: who is on it, what was sent, what comes. */

import { type Address, formatAddress, parseAddress } from 'net-ipaddr';
import type { LinkEvents, Links } from '../../../bgp/unnumbered/links.ts';
import type { World } from '../session/world.ts';

const NAMES: Record<number, string> = { 133: 'solicitation', 134: 'advertisement' };

export class Ether {
  /** `<ms> <name> to <address>`, of all that are on it. */
  readonly sent: string[] = [];
  readonly #world: World;
  readonly #stations = new Map<string, LinkEvents>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The links of a host that is on this one by `address`; they are up at once if `isUp`. */
  station(address: string, isUp = true): Links & { up(): void; down(): void } {
    let events: LinkEvents | undefined;
    const up = () => {
      this.#stations.set(address, events!);
      events!.up({ send: (message, to) => this.#send(address, message, to) });
    };
    const down = () => {
      this.#stations.delete(address);
      events?.down();
    };
    return {
      watch: (_name, wanted) => {
        events = wanted;
        if (isUp) this.#world.immediate(up);
        return { close: () => this.#stations.delete(address) };
      },
      up,
      down,
    };
  }

  /** A message comes to all. */
  say(from: string, message: Uint8Array, hopLimit = 255): void {
    for (const [address, events] of this.#stations) {
      if (address !== from) events.received(message, parseAddress(from), hopLimit);
    }
  }

  #send(from: string, message: Uint8Array, to: Address): void {
    const at = Math.round(this.#world.nowMs);
    this.sent.push(`${at} ${NAMES[message[0]!]} to ${formatAddress(to)}`);
    this.#world.immediate(() => this.say(from, message));
  }
}
