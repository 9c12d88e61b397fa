/**
 * What may be wrong with an attribute, whatever its value says: a function a clause. Each tells the
 * verdict; `[at, end)` is the attribute from its flags on.
 */

import type { AttributeRule } from './attributes/attribute.ts';
import { ATTRIBUTE } from './constants.ts';
import type { Verdict } from './verdict.ts';
import { UPDATE_ERROR } from './wire-error.ts';

/** RFC 7606 §4: the last attribute, whose value begins at `value`, doesn't end where the attributes end. */
export function overrun(
  verdict: Verdict,
  code: number,
  at: number,
  value: number,
  end: number,
): void {
  const fate = holdsNlri(code) ? 'session-reset' : 'treat-as-withdraw';
  if (value > end) {
    const text = `${end - at} octets are left where an attribute begins (RFC 7606 §4)`;
    verdict.add(code, fate, UPDATE_ERROR.MALFORMED_ATTRIBUTE_LIST, text, at, end);
  } else {
    const text = 'the length exceeds the path attributes (RFC 7606 §4)';
    verdict.add(code, fate, UPDATE_ERROR.ATTRIBUTE_LENGTH, text, at, end);
  }
}

/** RFC 7606 §3.g. */
export function repeated(verdict: Verdict, code: number, at: number, end: number): void {
  const fate = holdsNlri(code) ? 'session-reset' : 'attribute-discard';
  const text = 'appears more than once (RFC 7606 §3.g)';
  verdict.add(code, fate, UPDATE_ERROR.MALFORMED_ATTRIBUTE_LIST, text, at, end);
}

/** RFC 4271 §6.3, which RFC 7606 leaves as it was. */
export function unrecognized(verdict: Verdict, code: number, at: number, end: number): void {
  const text = 'is marked well-known, but is not known (RFC 4271 §6.3)';
  verdict.add(code, 'session-reset', UPDATE_ERROR.UNRECOGNIZED_WELL_KNOWN, text, at, end);
}

/** From a peer that it is not meant to come from. */
export function misplaced(
  verdict: Verdict,
  code: number,
  reason: string,
  at: number,
  end: number,
): void {
  verdict.add(code, 'attribute-discard', UPDATE_ERROR.OPTIONAL_ATTRIBUTE, reason, at, end);
}

/** RFC 7606 §3.c. */
export function conflictingFlags(
  verdict: Verdict,
  rule: AttributeRule,
  flags: number,
  at: number,
  end: number,
): void {
  const fate = rule.onError === 'session-reset' ? 'session-reset' : 'treat-as-withdraw';
  const text = `flags 0x${flags.toString(16)} conflict with 0x${rule.flags.toString(16)} (RFC 7606 §3.c)`;
  verdict.add(rule.code, fate, UPDATE_ERROR.ATTRIBUTE_FLAGS, text, at, end);
}

/** RFC 7606 §3.d. */
export function missing(verdict: Verdict, code: number): void {
  const text = 'is missing (RFC 7606 §3.d)';
  verdict.add(code, 'treat-as-withdraw', UPDATE_ERROR.MISSING_WELL_KNOWN, text, 0, 0);
}

/** NLRI that is cut short, or comes twice, cannot be withdrawn in full: RFC 7606 §3.g, §3.j. */
function holdsNlri(code: number): boolean {
  return code === ATTRIBUTE.MP_REACH_NLRI || code === ATTRIBUTE.MP_UNREACH_NLRI;
}
