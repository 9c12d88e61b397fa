/**
 * When routes are decided and written: in turns of the event loop, each of which takes all that came since the last.
 * Few routes are written at once; many by another thread, while those after them are decided.
 */

import type { Prefix } from 'net-ipaddr';
import type { Clock } from '../ports.ts';
import type { Calculation } from './calc/calculation.ts';
import type { NextHopObjects } from './table/next-hop-objects.ts';
import type { RouteTable } from './table/route-table.ts';

/** Prefixes a netlink batch: about a millisecond in the kernel. */
const BATCH = 256;
/** So many are written by another thread. */
const MANY = 4000;
const FLIGHT = 2000;
/** One is written, one waits. */
const MAX_FLIGHTS = 2;
/** Others have a slice of such a turn of the loop, too. */
const SLICE_MS = 3;

export interface WriteTurnsOptions {
  clock: Clock;
  calculation: Pick<Calculation, 'dirtyCount' | 'takeDirty'>;
  table: Pick<RouteTable, 'flights' | 'flush' | 'fly' | 'queued'>;
  nextHops: Pick<NextHopObjects, 'hasWork' | 'isMoving'>;
  /** What the prefix comes to is told to the table. */
  decide(prefix: Prefix): void;
  /** All that was asked for is written, or was refused. */
  onWritten(): void;
}

export class WriteTurns {
  readonly #options: WriteTurnsOptions;
  #isOpen = false;
  #isHeld = false;
  #hasTurn = false;

  constructor(options: WriteTurnsOptions) {
    this.#options = options;
  }

  /** From now on routes are written. */
  open(): void {
    this.#isOpen = true;
    this.soon();
  }

  close(): void {
    this.#isOpen = false;
  }

  /** While the table is read: each write would tear the dump, which then begins again. */
  hold(): void {
    this.#isHeld = true;
  }

  goOn(): void {
    this.#isHeld = false;
    this.soon();
  }

  /** There may be something to decide, or to write. */
  soon(): void {
    if (this.#hasTurn || !this.#isOpen) return;
    this.#hasTurn = true;
    this.#options.clock.after(0, () => this.#turn());
  }

  #turn(): void {
    this.#hasTurn = false;
    if (!this.#isOpen) return;
    const { calculation, clock, decide, nextHops, onWritten, table } = this.#options;
    const end = clock.monotonic() + SLICE_MS;
    do {
      for (const prefix of calculation.takeDirty(BATCH)) decide(prefix);
      if (this.#canFlush) this.#flush();
    } while (this.#hasWork && clock.monotonic() < end);
    if (this.#hasWork) this.soon();
    else if (table.queued === 0 && table.flights === 0 && !nextHops.hasWork) onWritten();
  }

  #flush(): void {
    const { calculation, table } = this.#options;
    const isMuch = table.flights > 0 || calculation.dirtyCount + table.queued >= MANY;
    if (!isMuch) table.flush(BATCH);
    else if (table.queued >= FLIGHT || calculation.dirtyCount === 0) table.fly(FLIGHT);
  }

  get #hasWork(): boolean {
    return this.#options.calculation.dirtyCount > 0 || this.#canFlush;
  }

  /** Not while next hops are changed on another thread: each write would wait for the kernel's lock. */
  get #canFlush(): boolean {
    const { nextHops, table } = this.#options;
    const isAskedFor = table.queued > 0 || nextHops.hasWork;
    const isFree = table.flights < MAX_FLIGHTS && !this.#isHeld && !nextHops.isMoving;
    return isAskedFor && isFree;
  }
}
