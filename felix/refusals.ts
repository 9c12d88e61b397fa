/** What our rules forbid, prefix by prefix. */

import { formatPrefix, type Prefix } from 'net-ipaddr';
import type { Clock, Log } from '../ports.ts';
import type { Refusal } from './calc/route.ts';
import type { Report } from './report.ts';
import { Summary } from './summary.ts';

const MAX_REPORTS = 1000;

export class Refusals {
  /** By the prefix's text. */
  readonly #refusals = new Map<string, readonly Refusal[]>();
  readonly #summary: Summary;

  constructor(clock: Clock, log: Log) {
    this.#summary = new Summary(clock, log, 'routes are refused');
  }

  get count(): number {
    return this.#refusals.size;
  }

  /** All of the prefix each time: none where all is well. */
  set(prefix: Prefix, refusals: readonly Refusal[]): void {
    if (refusals.length === 0 && this.#refusals.size === 0) return;
    const key = formatPrefix(prefix);
    const before = this.#refusals.get(key) ?? [];
    if (refusals.length === 0) this.#refusals.delete(key);
    else this.#refusals.set(key, refusals);
    for (const { reason } of refusals) {
      if (!before.some((told) => told.reason === reason)) this.#summary.add(reason);
    }
  }

  /** The first thousand. */
  reports(): Report[] {
    const reports: Report[] = [];
    for (const [subject, refusals] of this.#refusals) {
      if (reports.length >= MAX_REPORTS) break;
      for (const { rule, reason } of refusals)
        reports.push({ subject, reason: `${rule}: ${reason}` });
    }
    return reports;
  }

  tell(): void {
    this.#summary.tell();
  }
}
