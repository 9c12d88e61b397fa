/**
 * From UPDATEs to Adj-RIB-In: decodes in place, interns the attributes once a message, and judges
 * them. What was received is kept also where import rejects it, so that a change of policy needs
 * nobody to send anything again.
 */

import { MAX_CANONICAL_LENGTH, type Outcome, UpdateCursor, type WireContext } from 'bgp-parser-ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { ImportChecks } from '../policy/import.ts';
import { NO_ATTRIBUTES } from './attributes.ts';
import type { Rib } from './rib.ts';

/** A session, as import sees it. */
export interface Sender {
  readonly source: number;
  /** The zone of the session's link, for link-local next hops; NO_ZONE: it is on no one link. */
  readonly zone: number;
  readonly context: WireContext;
  readonly policy: CompiledPolicy;
}

export class Import {
  /** The last message: its outcome and errors. */
  readonly cursor = new UpdateCursor();
  readonly #rib: Rib;
  readonly #checks: ImportChecks;
  readonly #canonical = new Uint8Array(MAX_CANONICAL_LENGTH);
  /** The last set judged, and whether it was refused. */
  #judged = NO_ATTRIBUTES;
  #judgedSerial = 0;
  #isRefused = false;

  constructor(rib: Rib, checks: ImportChecks) {
    this.#rib = rib;
    this.#checks = checks;
  }

  /** Takes an UPDATE; unless the outcome is 'session-reset', all of it is in the RIB. */
  take(
    { source, zone, context, policy }: Sender,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Outcome {
    const { cursor } = this;
    const outcome = cursor.reset(bytes, start, end, context);
    if (outcome === 'session-reset') return outcome;
    const { attributes } = this.#rib;
    while (cursor.nextWithdrawn()) {
      const prefix = this.#find();
      if (prefix >= 0) this.#rib.withdraw(prefix, source, cursor.pathId);
    }
    while (cursor.nextSection()) {
      const length = cursor.canonicalAttributes(this.#canonical, 0, zone);
      const received = attributes.intern(this.#canonical, 0, length);
      const isRefused = this.#isRefusedSet(received);
      while (cursor.nextAnnounced()) {
        const prefix = this.#intern();
        const isAccepted = !isRefused && policy.accepts(this.#rib.prefixes, prefix);
        const imported = isAccepted ? received : NO_ATTRIBUTES;
        this.#rib.announce(prefix, source, cursor.pathId, received, imported);
      }
      attributes.release(received);
    }
    return outcome;
  }

  /** What import makes of a path that is there already. */
  judge(path: number, policy: CompiledPolicy): number {
    const received = this.#rib.paths.received(path);
    if (this.#isRefusedSet(received)) return NO_ATTRIBUTES;
    const isAccepted = policy.accepts(this.#rib.prefixes, this.#rib.paths.prefix(path));
    return isAccepted ? received : NO_ATTRIBUTES;
  }

  /** Why the path is rejected, for people. Undefined: it is not. */
  reason(path: number, policy: CompiledPolicy): string | undefined {
    const { attributes, paths, prefixes } = this.#rib;
    const refusal = this.#checks.refusal(attributes.view(paths.received(path)));
    if (refusal !== undefined) return refusal;
    const prefix = paths.prefix(path);
    if (policy.accepts(prefixes, prefix)) return undefined;
    return `import policy: ${policy.rule(prefixes, prefix)?.name ?? 'no rule accepts it'}`;
  }

  /** The checks have changed: what was judged means nothing any more. */
  forget(): void {
    this.#judged = NO_ATTRIBUTES;
  }

  #isRefusedSet(set: number): boolean {
    const { attributes } = this.#rib;
    const serial = attributes.serial(set);
    if (set !== this.#judged || serial !== this.#judgedSerial) {
      this.#isRefused = this.#checks.refusal(attributes.view(set)) !== undefined;
      this.#judged = set;
      this.#judgedSerial = serial;
    }
    return this.#isRefused;
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
