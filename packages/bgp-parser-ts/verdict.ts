/** What RFC 7606 makes of all errors of one UPDATE: the strongest action wins (§3.h). */

import type { Fate } from './attributes/attribute.ts';
import { attributeName } from './attributes/list.ts';
import { copyOf } from './bytes.ts';
import { ERROR, NO_DATA, type WireError } from './wire-error.ts';

/** The strongest fate of anything in the message. */
export type Outcome = 'ok' | Fate;

/** One thing that was wrong. */
export interface AttributeError {
  /** Attribute Type Code; 0: not about one attribute. */
  readonly code: number;
  readonly fate: Fate;
  /** Of the UPDATE Message Error that it would be. */
  readonly subcode: number;
  /** For logs: `ORIGIN: must be one octet, 0, 1 or 2 (RFC 7606 §7.1); got 2 octets`. */
  readonly text: string;
}

const RANK: Readonly<Record<Outcome, number>> = {
  ok: 0,
  'attribute-discard': 1,
  'treat-as-withdraw': 2,
  'session-reset': 3,
};

/** Texts kept of one message: a peer can fit 20,000 errors into one. */
const MAX_ERRORS = 16;
/** Octets of an attribute shown in a NOTIFICATION, so that 4096 octets hold it. */
const MAX_DATA = 4000;

export class Verdict {
  outcome: Outcome = 'ok';
  /** Set by `conclude` on 'session-reset'. */
  notification: WireError | undefined = undefined;
  readonly errors: AttributeError[] = [];
  count = 0;
  /** The strongest error, the first of its strength. */
  #subcode = 0;
  #text = '';
  #start = 0;
  #end = 0;

  clear(): void {
    if (this.count === 0) return;
    this.outcome = 'ok';
    this.notification = undefined;
    this.errors.length = 0;
    this.count = 0;
  }

  /** `[start, end)` is what the NOTIFICATION would show: the attribute from its flags on, or nothing. */
  add(code: number, fate: Fate, subcode: number, what: string, start: number, end: number): void {
    const text = code === 0 ? `UPDATE: ${what}` : `${attributeName(code)}: ${what}`;
    const isStronger = RANK[fate] > RANK[this.outcome];
    if (this.errors.length === MAX_ERRORS && isStronger) this.errors.pop();
    if (this.errors.length < MAX_ERRORS) this.errors.push({ code, fate, subcode, text });
    this.count++;
    if (!isStronger) return;
    this.outcome = fate;
    this.#subcode = subcode;
    this.#text = text;
    this.#start = start;
    this.#end = Math.min(end, start + MAX_DATA);
  }

  /** @param reaches whether the message has reachable NLRI. */
  conclude(bytes: Uint8Array, reaches: boolean): Outcome {
    if (this.outcome === 'treat-as-withdraw' && !reaches) {
      // RFC 7606 §5.2: the routes that the broken attributes belong to may be hidden by the error.
      this.outcome = 'session-reset';
      this.#text += '; and no reachable NLRI in the message (RFC 7606 §5.2)';
    }
    if (this.outcome === 'session-reset') {
      const data = this.#end > this.#start ? copyOf(bytes, this.#start, this.#end) : NO_DATA;
      this.notification = { code: ERROR.UPDATE, subcode: this.#subcode, data, text: this.#text };
    }
    return this.outcome;
  }
}
