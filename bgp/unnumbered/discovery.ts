/**
 * Finds the neighbour on a link and lets it find us, by router advertisements (RFC 4861), as FRR and
 * others do for unnumbered BGP. We advertise in RFC 4861's own rhythm:
 *
 *   link up ──▶ solicit (3 times, until somebody advertises) │ advertise every 3.3 to 10 s
 *   solicited ──▶ advertise within 0.5 s, and not within 3 s of the last
 */

import { formatZonedAddress } from 'net-ipaddr';
import type { Clock, Log, Random, Timer } from '../../ports.ts';
import type { Link, Links } from './links.ts';
import {
  ADVERTISEMENT,
  ALL_NODES,
  ALL_ROUTERS,
  readRouterMessage,
  SOLICITATION,
} from './messages.ts';
import { heard, type Neighbor, NOBODY } from './neighbor.ts';

export interface DiscoveryOptions {
  readonly links: Links;
  readonly clock: Pick<Clock, 'after' | 'monotonic'>;
  readonly random: Random;
  readonly log: Log;
}

/** MaxRtrAdvInterval, and MinRtrAdvInterval as §6.2.1 has it. */
const MAX_INTERVAL_MS = 10_000;
const MIN_INTERVAL_MS = 0.33 * MAX_INTERVAL_MS;
/** §10: MAX_RA_DELAY_TIME, MIN_DELAY_BETWEEN_RAS, MAX_RTR_SOLICITATIONS, RTR_SOLICITATION_INTERVAL. */
const MAX_ANSWER_DELAY_MS = 500;
const MIN_GAP_MS = 3_000;
const MAX_SOLICITATIONS = 3;
const SOLICITATION_INTERVAL_MS = 4_000;

const { max } = Math;

/** One link. */
export class Discovery {
  readonly #name: string;
  readonly #options: DiscoveryOptions;
  readonly #found: (address: string | undefined) => void;
  readonly #watch: { close(): void };
  #link: Link | undefined;
  #neighbor: Neighbor = NOBODY;
  #solicitations = 0;
  #advertisedAtMs = Number.NEGATIVE_INFINITY;
  #advertising: Timer | undefined;
  #advertiseAtMs = 0;
  #soliciting: Timer | undefined;
  #toldOfOthers = false;

  /**
   * @param found hears of the neighbour's address, with its zone, when it is another one; undefined:
   * the link is down, and there is none.
   */
  constructor(
    name: string,
    options: DiscoveryOptions,
    found: (address: string | undefined) => void,
  ) {
    this.#name = name;
    this.#options = options;
    this.#found = found;
    this.#watch = options.links.watch(name, {
      up: (link) => this.#up(link),
      down: () => this.#down(),
      failed: (why) => options.log.warn({ why }, 'cannot look for the neighbour on this link'),
      received: (bytes, source, hopLimit) => {
        const kind = readRouterMessage(bytes, source, hopLimit);
        if (kind === 'solicitation') this.#answer();
        if (kind === 'advertisement') {
          this.#hear(formatZonedAddress({ ...source, zone: this.#name }));
        }
      },
    });
  }

  close(): void {
    this.#stop();
    this.#watch.close();
  }

  #up(link: Link): void {
    this.#link = link;
    this.#solicitations = 0;
    this.#solicit();
    this.#advertise();
  }

  #down(): void {
    this.#stop();
    this.#become(NOBODY);
  }

  #stop(): void {
    this.#link = undefined;
    this.#advertising?.cancel();
    this.#soliciting?.cancel();
  }

  /** §6.3.7 */
  #solicit(): void {
    if (this.#neighbor.address !== undefined || this.#solicitations === MAX_SOLICITATIONS) return;
    this.#solicitations++;
    this.#link?.send(SOLICITATION, ALL_ROUTERS);
    const { clock } = this.#options;
    this.#soliciting = clock.after(SOLICITATION_INTERVAL_MS, () => this.#solicit());
  }

  /** §6.2.4 */
  #advertise(): void {
    const { clock, random } = this.#options;
    this.#link?.send(ADVERTISEMENT, ALL_NODES);
    this.#advertisedAtMs = clock.monotonic();
    this.#advertiseAfter(MIN_INTERVAL_MS + random() * (MAX_INTERVAL_MS - MIN_INTERVAL_MS));
  }

  /** §6.2.6: to all, since that answers others too. */
  #answer(): void {
    const { clock, random } = this.#options;
    if (this.#link === undefined) return;
    const now = clock.monotonic();
    const afterMs = max(random() * MAX_ANSWER_DELAY_MS, this.#advertisedAtMs + MIN_GAP_MS - now);
    // What is due earlier answers as well, so that solicitations never put it off.
    if (now + afterMs < this.#advertiseAtMs) this.#advertiseAfter(afterMs);
  }

  #advertiseAfter(afterMs: number): void {
    const { clock } = this.#options;
    this.#advertising?.cancel();
    this.#advertiseAtMs = clock.monotonic() + afterMs;
    this.#advertising = clock.after(afterMs, () => this.#advertise());
  }

  #hear(source: string): void {
    this.#become(heard(this.#neighbor, source));
    const { address, newcomer } = this.#neighbor;
    if (newcomer === undefined || this.#toldOfOthers) return;
    this.#toldOfOthers = true;
    this.#options.log.warn(
      { neighbor: address, other: newcomer },
      'more than one router advertises on this link: the session stays with the first that did',
    );
  }

  #become(neighbor: Neighbor): void {
    const before = this.#neighbor;
    this.#neighbor = neighbor;
    if (neighbor.address !== before.address) this.#found(neighbor.address);
  }
}
