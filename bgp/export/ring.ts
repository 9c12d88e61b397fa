/**
 * What was encoded for a group and not yet taken by all who are in step, oldest first.
 *
 *   number   41        42        43        44 = next
 *          ┌─────────┬─────────┬─────────┐
 *          │ Encoded │ Encoded │ Encoded │       each with the count of readers that still need it
 *          └─────────┴─────────┴─────────┘
 *            ▲ slowest           ▲ another            ▲ who has taken all
 *
 * A chunk goes when its last reader is done with it and all before it are gone. The ring knows its
 * size and leaves it to the group to keep it below a limit.
 */

import type { Encoded } from './batch.ts';

/** What a chunk costs beside its arrays, about. */
const CHUNK_OVERHEAD = 512;

interface Chunk {
  readonly encoded: Encoded;
  readers: number;
}

export class Ring {
  #chunks: (Chunk | undefined)[] = [];
  /** Where the oldest chunk is in `#chunks`. */
  #head = 0;
  #first = 0;
  #size = 0;

  /** The oldest chunk's number; equal to `next` when the ring is empty. */
  get first(): number {
    return this.#first;
  }

  get next(): number {
    return this.#first + this.#chunks.length - this.#head;
  }

  /** Bytes held, about. */
  get size(): number {
    return this.#size;
  }

  at(number: number): Encoded {
    return this.#chunks[this.#head + number - this.#first]!.encoded;
  }

  append(encoded: Encoded, readers: number): void {
    this.#chunks.push({ encoded, readers });
    this.#size += sizeOf(encoded);
  }

  /** One reader needs the chunk no more. */
  done(number: number): void {
    this.#chunks[this.#head + number - this.#first]!.readers--;
    while (this.#head < this.#chunks.length && this.#chunks[this.#head]!.readers === 0) {
      this.#size -= sizeOf(this.#chunks[this.#head]!.encoded);
      this.#chunks[this.#head] = undefined;
      this.#head++;
      this.#first++;
    }
    // Amortized: what is copied was dropped before.
    if (this.#head * 2 >= this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Whether a chunk is meant for this source, or for all but it. */
  mentions(source: number): boolean {
    return this.#chunks.some(
      (chunk) =>
        chunk !== undefined &&
        (chunk.encoded.skip.includes(source) || chunk.encoded.only.includes(source)),
    );
  }
}

function sizeOf({ bytes, nlris }: Encoded): number {
  return bytes.length + nlris.byteLength + CHUNK_OVERHEAD;
}
