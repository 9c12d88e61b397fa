/** What a peer tells of its routes while its session is Established, and how far it has come with it. */

import {
  CEASE,
  ERROR,
  encodeMaximumPrefixes,
  NO_DATA,
  REFRESH_BEGIN,
  REFRESH_END,
  REFRESH_REQUEST,
  type RouteRefresh,
  SAFI_UNICAST,
  type WireError,
} from 'bgp-parser-ts';
import type { Family } from 'net-ipaddr';
import type { Clock, Log, Timer } from '../../ports.ts';
import { AFI } from '../afi.ts';
import type { Event } from '../fsm/event.ts';
import type { Negotiated } from '../fsm/negotiated.ts';
import type { Routing } from '../routing.ts';
import { endOfRib } from './end-of-rib.ts';
import { PrefixLimit } from './prefix-limit.ts';

/** RFC 7313 §4: for how long a peer that tells all of a family again may owe the end of it. */
const REFRESH_TIME_MS = 600_000;

export interface IncomingOptions {
  /** The peer's id in `routing`. */
  readonly id: number;
  readonly routing: Pick<
    Routing,
    'update' | 'received' | 'refresh' | 'refreshBegins' | 'forgetStale'
  >;
  readonly clock: Clock;
  readonly log: Log;
  /** The peer has told all of the family for the first time in this session. */
  readonly familyIsIn: (family: Family) => void;
  /** The initial routes of all negotiated families are in. */
  readonly allAreIn: () => void;
  readonly endSession: (event: Event) => void;
}

export class IncomingRoutes {
  readonly #options: IncomingOptions;
  readonly #limit = new PrefixLimit();
  /** Of the session, or of the last one. */
  #negotiated: Negotiated | undefined;
  #initialRoutesIn: Family[] = [];
  /** Of families that the peer is telling again. */
  readonly #refreshDeadlines = new Map<Family, Timer>();
  /** There were too many prefixes: no session until then; milliseconds since the epoch. */
  heldOffUntilMs: number | undefined;

  constructor(options: IncomingOptions) {
    this.#options = options;
  }

  /** True: no session was to be for as long as the limit was the old one. */
  limitPrefixes(max: number | undefined): boolean {
    if (max === this.#limit.max) return false;
    this.#limit.max = max;
    const wasHeldOff = this.heldOffUntilMs !== undefined;
    this.heldOffUntilMs = undefined;
    return wasHeldOff;
  }

  sessionBegins(negotiated: Negotiated): void {
    this.#negotiated = negotiated;
    this.#initialRoutesIn = [];
    this.#limit.begin();
    this.heldOffUntilMs = undefined;
  }

  sessionEnds(): void {
    for (const family of [...this.#refreshDeadlines.keys()]) this.#stopDeadline(family);
  }

  /** Families whose initial routes are in: End-of-RIB, or a KEEPALIVE, came after them. */
  get initialRoutesIn(): readonly Family[] {
    return this.#initialRoutesIn;
  }

  get hasInitialRoutes(): boolean {
    const families = this.#negotiated?.families;
    return families?.every((family) => this.#initialRoutesIn.includes(family)) ?? false;
  }

  /** One UPDATE, `bytes[start, end)`, valid during the call; what it returns ends the session. */
  update(bytes: Uint8Array, start: number, end: number): WireError | undefined {
    const error = this.#process(bytes, start, end);
    if (error !== undefined) return error;
    if (this.#limit.max !== undefined) this.#checkPrefixes();
    const family = endOfRib(bytes, start, end);
    if (family !== undefined) this.#noteInitialRoutes([family]);
    return undefined;
  }

  routeRefresh({ afi, safi, subtype }: RouteRefresh): void {
    const { id, routing } = this.#options;
    const { enhancedRouteRefresh, families } = this.#negotiated!;
    const family = safi === SAFI_UNICAST ? families.find((one) => AFI[one] === afi) : undefined;
    if (family === undefined) return;
    if (subtype === REFRESH_REQUEST) routing.refresh(id, family);
    if (!enhancedRouteRefresh) return;
    if (subtype === REFRESH_BEGIN) this.#refreshBegins(family);
    if (subtype === REFRESH_END) this.#refreshEnds(family);
  }

  #refreshBegins(family: Family): void {
    const { clock, id, log, routing } = this.#options;
    // RFC 7313 §4: with graceful restart End-of-RIB comes first, which tells what is stale of old.
    if (this.#sendsEndOfRib && !this.#initialRoutesIn.includes(family)) {
      log.warn({ family }, 'ignored a beginning of route refresh before End-of-RIB');
      return;
    }
    routing.refreshBegins(id, family);
    this.#stopDeadline(family);
    const giveUp = () => {
      log.warn(
        { family },
        'the peer does not end its route refresh: what it has not told again goes',
      );
      this.#refreshEnds(family);
    };
    this.#refreshDeadlines.set(family, clock.after(REFRESH_TIME_MS, giveUp));
  }

  #refreshEnds(family: Family): void {
    this.#stopDeadline(family);
    this.#options.routing.forgetStale(this.#options.id, family);
  }

  #stopDeadline(family: Family): void {
    this.#refreshDeadlines.get(family)?.cancel();
    this.#refreshDeadlines.delete(family);
  }

  get #sendsEndOfRib(): boolean {
    return this.#negotiated!.capabilities.some(({ kind }) => kind === 'graceful-restart');
  }

  /**
   * Peers without the graceful restart capability need not send End-of-RIB. Most speakers send the
   * initial routes before their first KEEPALIVE of the established session, so that ends them too.
   */
  keptAlive(): void {
    if (!this.#sendsEndOfRib) this.#noteInitialRoutes(this.#negotiated!.families);
  }

  #checkPrefixes(): void {
    const { clock, endSession, id, log, routing } = this.#options;
    for (const family of this.#negotiated!.families) {
      const count = routing.received(id, family);
      const verdict = this.#limit.judge(family, count, clock.monotonic());
      if (verdict === 'fine') continue;
      if (verdict === 'near') {
        const { max } = this.#limit;
        log.warn({ family, count, max }, 'the peer nears the number of prefixes it may have');
        continue;
      }
      const { max, holdOffMs, text } = verdict;
      this.heldOffUntilMs = clock.now() + holdOffMs;
      endSession({
        name: 'AutomaticStop',
        subcode: CEASE.MAXIMUM_PREFIXES,
        text,
        data: encodeMaximumPrefixes(AFI[family], SAFI_UNICAST, max),
        idleHoldMs: holdOffMs,
      });
      return;
    }
  }

  /** A fault of ours that one peer's message brings out must not take the other sessions down. */
  #process(bytes: Uint8Array, start: number, end: number): WireError | undefined {
    const { id, log, routing } = this.#options;
    try {
      return routing.update(id, bytes, start, end);
    } catch (err) {
      const message = Buffer.from(bytes.subarray(start, end)).toString('hex');
      log.error({ err, message }, 'this UPDATE brought out a bug: please report it');
      const text = 'an internal error while the UPDATE was processed';
      return { code: ERROR.UPDATE, subcode: 0, data: NO_DATA, text };
    }
  }

  #noteInitialRoutes(families: readonly Family[]): void {
    const hadAll = this.hasInitialRoutes;
    const added = families.filter((family) => !this.#initialRoutesIn.includes(family));
    this.#initialRoutesIn.push(...added);
    for (const family of added) this.#options.familyIsIn(family);
    if (!hadAll && this.hasInitialRoutes) this.#options.allAreIn();
  }
}
