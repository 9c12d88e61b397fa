/** Changes attribute sets, one at a time, in memory of its own: have few of it. */

import {
  type AttributeEdits,
  AttributeView,
  MAX_CANONICAL_LENGTH,
  rewriteAttributes,
} from 'bgp-parser-ts';

export class Editor {
  /** The set last edited: `bytes[0, length)`, canonical. */
  readonly bytes = new Uint8Array(MAX_CANONICAL_LENGTH);
  length = 0;
  readonly #view = new AttributeView();

  /** The set with the edits, good until the next call; undefined: too long for any message. */
  edit(view: AttributeView, edits: AttributeEdits): AttributeView | undefined {
    this.length = Math.max(0, rewriteAttributes(view, edits, this.bytes));
    if (this.length === 0) return undefined;
    this.#view.load(this.bytes, 0, this.length);
    return this.#view;
  }
}
