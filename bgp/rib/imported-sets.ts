/**
 * What import makes of one attribute set, by the outcome of the policy: each made when the first
 * prefix needs it, and held until `release`, so that their ids are good meanwhile.
 */

import type { AttributeEdits } from 'bgp-parser-ts';
import { type CompiledPolicy, UNCHANGED } from '../policy/compile.ts';
import { Editor } from '../policy/editor.ts';
import { mergeEdits } from '../policy/edits.ts';
import { type AttributeStore, NO_ATTRIBUTES } from './attributes.ts';

export class ImportedSets {
  readonly #attributes: AttributeStore;
  readonly #editor = new Editor();
  #received = NO_ATTRIBUTES;
  /** What the peer's rules change, whatever the policy does. */
  #ruled: AttributeEdits | undefined;
  readonly #byOutcome = new Map<number, number>();

  constructor(attributes: AttributeStore) {
    this.#attributes = attributes;
  }

  begin(received: number, ruled: AttributeEdits | undefined): void {
    this.release();
    this.#received = received;
    this.#ruled = ruled;
  }

  /** The set that an accepted route gets; NO_ATTRIBUTES when it would be too long for any message. */
  take(outcome: number, policy: CompiledPolicy): number {
    if (outcome === UNCHANGED && this.#ruled === undefined) return this.#received;
    const known = this.#byOutcome.get(outcome);
    if (known !== undefined) return known;
    const made = this.#make(outcome === UNCHANGED ? {} : policy.edits(outcome));
    this.#byOutcome.set(outcome, made);
    return made;
  }

  release(): void {
    if (this.#byOutcome.size === 0) return;
    for (const set of this.#byOutcome.values()) this.#attributes.release(set);
    this.#byOutcome.clear();
  }

  #make(edits: AttributeEdits): number {
    // The rules come last: what RFCs prescribe is not the policy's to undo.
    const all = this.#ruled === undefined ? edits : mergeEdits(edits, this.#ruled);
    const editor = this.#editor;
    const edited = editor.edit(this.#attributes.view(this.#received), all);
    return edited ? this.#attributes.intern(editor.bytes, 0, editor.length) : NO_ATTRIBUTES;
  }
}
