/** An array of 32-bit words that grows by segments: nothing is ever copied, so that no growth stalls the loop. */

const SEGMENT_BITS = 16;
const SEGMENT_SIZE = 1 << SEGMENT_BITS;
const MASK = SEGMENT_SIZE - 1;

export class Words {
  readonly #segments: Uint32Array[] = [];

  /** For walks over all words: a segment begins where the one before it ends. */
  get segments(): readonly Uint32Array[] {
    return this.#segments;
  }

  /** Makes room for words below `end`; new ones are 0. */
  reach(end: number): void {
    while (this.#segments.length * SEGMENT_SIZE < end) {
      this.#segments.push(new Uint32Array(SEGMENT_SIZE));
    }
  }

  get(at: number): number {
    return this.#segments[at >>> SEGMENT_BITS]![at & MASK]!;
  }

  set(at: number, word: number): void {
    this.#segments[at >>> SEGMENT_BITS]![at & MASK] = word;
  }
}
