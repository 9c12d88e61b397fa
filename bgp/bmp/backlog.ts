/** Octets on their way to a collector: copied in, handed out in pieces that never change again. */

const CHUNK_BYTES = 65_536;

export class Backlog {
  readonly #full: Uint8Array[] = [];
  #chunk = new Uint8Array(CHUNK_BYTES);
  /** Of the chunk that is being filled: handed out up to here, and written up to there. */
  #taken = 0;
  #end = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; ) {
      if (this.#end === this.#chunk.length) this.#nextChunk();
      const count = Math.min(end - at, this.#chunk.length - this.#end);
      this.#chunk.set(bytes.subarray(at, at + count), this.#end);
      this.#end += count;
      at += count;
    }
    this.#size += end - start;
  }

  /** The oldest, at most 64 kB of them; undefined: there are none. */
  take(): Uint8Array | undefined {
    const full = this.#full.shift();
    const piece = full ?? this.#chunk.subarray(this.#taken, this.#end);
    if (full === undefined) this.#taken = this.#end;
    this.#size -= piece.length;
    return piece.length === 0 ? undefined : piece;
  }

  #nextChunk(): void {
    if (this.#taken < this.#end) this.#full.push(this.#chunk.subarray(this.#taken, this.#end));
    this.#chunk = new Uint8Array(CHUNK_BYTES);
    this.#taken = 0;
    this.#end = 0;
  }
}
