/** Prefixes that are not as desired: why, and when they are looked at again. */

import { formatPrefix } from 'net-ipaddr';
import { backoffMs } from '../../backoff.ts';
import type { Clock, Log, Random } from '../../ports.ts';
import type { Report } from '../report.ts';
import { Summary } from '../summary.ts';
import type { Entry } from './entries.ts';
import { Later } from './later.ts';

const BACKOFF = { firstMs: 500, longestMs: 30_000 };
const MAX_REPORTS = 1000;

export interface FailuresOptions {
  clock: Clock;
  random: Random;
  log: Log;
}

export class Failures {
  readonly #random: Random;
  readonly #reasons = new Map<Entry, string>();
  /** Failed, or in their time of grace. */
  readonly #later: Later<Entry>;
  readonly #summary: Summary;

  /** @param onDue the entry is not waiting any more when it is called. */
  constructor({ clock, log, random }: FailuresOptions, onDue: (entry: Entry) => void) {
    this.#random = random;
    this.#later = new Later(clock, onDue);
    this.#summary = new Summary(clock, log, 'routes cannot be written');
  }

  get count(): number {
    return this.#reasons.size;
  }

  get waitingCount(): number {
    return this.#later.size;
  }

  /** Waiting for an obstacle to go; others wait for their time of grace. */
  *obstructed(): Generator<Entry, void, undefined> {
    for (const entry of this.#later.things()) if (this.isObstructed(entry)) yield entry;
  }

  isObstructed(entry: Entry): boolean {
    return this.#later.has(entry) && this.#reasons.has(entry);
  }

  reasonOf(entry: Entry): string | undefined {
    return this.#reasons.get(entry);
  }

  /** It is not tried again by itself. */
  blame(entry: Entry, reason: string): void {
    if (!this.#reasons.has(entry)) this.#summary.add(`${formatPrefix(entry.prefix)}: ${reason}`);
    this.#reasons.set(entry, reason);
  }

  /** It is tried again, less and less often. */
  fail(entry: Entry, reason: string): void {
    this.blame(entry, reason);
    this.#later.add(entry, backoffMs(BACKOFF, ++entry.attempts, this.#random));
  }

  postpone(entry: Entry, delayMs: number): void {
    this.#later.add(entry, delayMs);
  }

  /** It is looked at now. */
  awaitNoMore(entry: Entry): void {
    this.#later.delete(entry);
  }

  /** Nothing is wrong with it. */
  acquit(entry: Entry): void {
    this.#reasons.delete(entry);
  }

  forget(entry: Entry): void {
    this.awaitNoMore(entry);
    this.acquit(entry);
  }

  /** What is not as desired, and why; the first thousand. */
  reports(): Report[] {
    const reports: Report[] = [];
    for (const [entry, reason] of this.#reasons) {
      if (reports.length === MAX_REPORTS) break;
      reports.push({ subject: formatPrefix(entry.prefix), reason });
    }
    return reports;
  }

  close(): void {
    this.#later.clear();
    this.#summary.tell();
  }
}
