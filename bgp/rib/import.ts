/**
 * From UPDATEs to Adj-RIB-In: decodes in place, interns the attributes once a message, and judges
 * them. What was received is kept also where import rejects it, so that a change of policy needs
 * nobody to send anything again.
 *
 *   received set ──▶ rules, once a set ──▶ refused │ edits
 *   prefix ────────▶ policy ─────────────▶ outcome ──▶ imported set, made once for each outcome
 */

import { MAX_CANONICAL_LENGTH, type Outcome, UpdateCursor, type WireContext } from 'bgp-parser-ts';
import { type CompiledPolicy, REJECTED } from '../policy/compile.ts';
import type { ImportChecks } from '../policy/import.ts';
import { applyRules, type RouteRule } from '../policy/route-rule.ts';
import type { OriginValidation } from '../rpki/origins.ts';
import type { Validity } from '../rpki/vrps.ts';
import { NO_ATTRIBUTES } from './attributes.ts';
import { ImportedSets } from './imported-sets.ts';
import type { Rib } from './rib.ts';

/** A session, as import sees it. */
export interface Sender {
  readonly source: number;
  /** The zone of the session's link, for link-local next hops; NO_ZONE: it is on no one link. */
  readonly zone: number;
  readonly context: WireContext;
  readonly policy: CompiledPolicy;
  readonly rules: readonly RouteRule[];
}

/** Why import rejected a path, or by what it was changed. */
export interface ImportVerdict {
  readonly refusal: string | undefined;
  /** Names of the policy's rules. */
  readonly changedBy: readonly string[];
  /** Of the route's origin; undefined: it is not validated. */
  readonly validity: Validity | undefined;
}

export class Import {
  /** A prefix of the last message for which its sender gave too many paths; they were not taken. */
  overfull: number | undefined;
  /** The last message: its outcome and errors. */
  readonly cursor = new UpdateCursor();
  /** Undefined: the origins of routes are not validated. */
  origins: OriginValidation | undefined;
  readonly #rib: Rib;
  readonly #checks: ImportChecks;
  readonly #canonical = new Uint8Array(MAX_CANONICAL_LENGTH);
  readonly #sets: ImportedSets;
  /** The last set judged and for whom, and whether it was refused. */
  #judged = NO_ATTRIBUTES;
  #judgedSerial = 0;
  #judgedFor: Sender | undefined;
  #isRefused = false;

  constructor(rib: Rib, checks: ImportChecks) {
    this.#rib = rib;
    this.#checks = checks;
    this.#sets = new ImportedSets(rib.attributes);
  }

  /** Takes an UPDATE; unless the outcome is 'session-reset', all of it is in the RIB. */
  take(sender: Sender, bytes: Uint8Array, start: number, end: number): Outcome {
    const { cursor } = this;
    const { source, zone } = sender;
    this.overfull = undefined;
    const outcome = cursor.reset(bytes, start, end, sender.context);
    if (outcome === 'session-reset') return outcome;
    const { attributes } = this.#rib;
    while (cursor.nextWithdrawn()) {
      const prefix = this.#find();
      if (prefix >= 0) this.#rib.withdraw(prefix, source, cursor.pathId);
    }
    while (cursor.nextSection()) {
      const length = cursor.canonicalAttributes(this.#canonical, 0, zone);
      const received = attributes.intern(this.#canonical, 0, length);
      this.#judgeSet(received, sender);
      while (cursor.nextAnnounced()) {
        const prefix = this.#intern();
        const imported = this.#imported(prefix, sender);
        const isTaken = this.#rib.announce(prefix, source, cursor.pathId, received, imported);
        if (!isTaken) this.overfull = prefix;
      }
      this.#sets.release();
      attributes.release(received);
    }
    return outcome;
  }

  /** What import makes of a path that is there already; good until `forget` or the next `take`. */
  judge(path: number, sender: Sender): number {
    this.#judgeSet(this.#rib.paths.received(path), sender);
    return this.#imported(this.#rib.paths.prefix(path), sender);
  }

  /** As `judge`, for people. */
  explain(path: number, { context, policy, rules }: Sender): ImportVerdict {
    const { attributes, paths, prefixes } = this.#rib;
    const received = paths.received(path);
    const view = attributes.view(received);
    const origins = context.ebgp ? this.origins : undefined;
    const validity = origins?.validity(prefixes, paths.prefix(path), view);
    const refusal = this.#checks.refusal(view);
    if (refusal !== undefined) return { refusal, changedBy: [], validity };
    const said = applyRules(rules, view);
    if (typeof said === 'string') return { refusal: said, changedBy: [], validity };
    if (validity === 'invalid' && origins?.rejectsInvalid) {
      return { refusal: 'origin validation: invalid', changedBy: [], validity };
    }
    policy.consider(attributes, received, true);
    const { isAccepted, decidedBy, changedBy } = policy.explain(prefixes, paths.prefix(path));
    return {
      refusal: isAccepted ? undefined : `import policy: ${decidedBy ?? 'no rule accepts it'}`,
      changedBy,
      validity,
    };
  }

  /** What was judged means nothing any more: checks, rules or policies have changed. */
  forget(): void {
    this.#sets.release();
    this.#judged = NO_ATTRIBUTES;
    this.#judgedFor = undefined;
  }

  #judgeSet(set: number, sender: Sender): void {
    const { attributes } = this.#rib;
    sender.policy.consider(attributes, set, true);
    const serial = attributes.serial(set);
    const isJudged =
      set === this.#judged && serial === this.#judgedSerial && sender === this.#judgedFor;
    if (isJudged) return;
    this.#judged = set;
    this.#judgedSerial = serial;
    this.#judgedFor = sender;
    const view = attributes.view(set);
    const said = this.#checks.refusal(view) ?? applyRules(sender.rules, view);
    this.#isRefused = typeof said === 'string';
    this.origins?.consider(view, sender.context.ebgp);
    if (!this.#isRefused) this.#sets.begin(set, typeof said === 'object' ? said : undefined);
  }

  /** Of the set judged, to the prefix. */
  #imported(prefix: number, { policy }: Sender): number {
    if (this.#isRefused || this.origins?.refuses(this.#rib.prefixes, prefix)) return NO_ATTRIBUTES;
    const outcome = policy.outcome(this.#rib.prefixes, prefix);
    return outcome === REJECTED ? NO_ATTRIBUTES : this.#sets.take(outcome, policy);
  }

  #find(): number {
    const { family, w0, w1, w2, w3, length } = this.cursor;
    const { prefixes } = this.#rib;
    return family === 4 ? prefixes.idOf4(w0, length) : prefixes.idOf6(w0, w1, w2, w3, length);
  }

  #intern(): number {
    const { family, w0, w1, w2, w3, length } = this.cursor;
    const { prefixes } = this.#rib;
    return family === 4 ? prefixes.intern4(w0, length) : prefixes.intern6(w0, w1, w2, w3, length);
  }
}
