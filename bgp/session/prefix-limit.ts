/** The most prefixes that a peer may announce, RFC 4271 §6.7: a warning before it, the session's end beyond it. */

import type { Family } from 'net-ipaddr';

/** The session is to end, and not to come back before `holdOffMs` have passed. */
export interface Excess {
  readonly max: number;
  readonly holdOffMs: number;
  readonly text: string;
}

const WARNING_SHARE = 0.8;
/** A peer that announces too much does so again when it comes back: each time in a row it waits twice as long. */
const HOLD_OFF_MS = 60_000;
const MAX_HOLD_OFF_MS = 3_600_000;

export class PrefixLimit {
  /** In each family; undefined: any number. */
  max: number | undefined;
  readonly #warned = new Set<Family>();
  #excesses = 0;
  #lastExcessMs = Number.NEGATIVE_INFINITY;

  /** A session begins. */
  begin(): void {
    this.#warned.clear();
  }

  /**
   * What follows from so many prefixes.
   * @param nowMs monotonic
   */
  judge(family: Family, count: number, nowMs: number): 'fine' | 'near' | Excess {
    const { max } = this;
    if (max === undefined || count <= max * WARNING_SHARE) return 'fine';
    if (count > max) return this.#exceed(family, max, nowMs);
    if (this.#warned.has(family)) return 'fine';
    this.#warned.add(family);
    return 'near';
  }

  #exceed(family: Family, max: number, nowMs: number): Excess {
    // One that behaved for as long as it can be made to wait begins anew.
    if (nowMs - this.#lastExcessMs > 2 * MAX_HOLD_OFF_MS) this.#excesses = 0;
    this.#lastExcessMs = nowMs;
    const holdOffMs = Math.min(HOLD_OFF_MS * 2 ** this.#excesses++, MAX_HOLD_OFF_MS);
    const text = `more than ${max} IPv${family} prefixes: no session for ${holdOffMs / 60_000} min`;
    return { max, holdOffMs, text };
  }
}
