/** Splits a byte stream into lines, however its chunks fall, and bounds how long a line may be. */

const NEWLINE = 0x0a;

export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * The lines that `chunk` completes, without their newlines; empty lines are left out.
   * @throws Error when a line is longer than the bound.
   */
  *push(chunk: Buffer): Generator<string, void, undefined> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      const part = chunk.subarray(start, end < 0 ? undefined : end);
      this.#bytes += part.length;
      if (this.#bytes > this.#maxBytes)
        throw new Error(`a line is longer than ${this.#maxBytes} bytes`);
      if (end < 0) {
        // Copied by concat when the line is whole; until then a view of the chunk will do.
        if (part.length > 0) this.#parts.push(part);
        return;
      }
      const line =
        this.#parts.length === 0
          ? part.toString('utf8')
          : Buffer.concat([...this.#parts, part]).toString('utf8');
      this.#parts = [];
      this.#bytes = 0;
      start = end + 1;
      if (line !== '') yield line;
    }
  }
}
