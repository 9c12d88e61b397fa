/**
 * Cuts a stream of chunks into messages without joining chunks: a message that lies within a chunk
 * is read where it lies, and only one that straddles chunks is copied, into one buffer that is used
 * again and again.
 *
 *     chunk ┌────────┬──────┬──────┐ chunk ┌────┬───────┬───
 *           │ m1     │ m2   │ m3 … │       │… m3│ m4    │ …
 *           └────────┴──────┴──────┘       └────┴───────┴───
 *                           └── copied ─────────┘
 */

import { frameLength, HEADER_LENGTH, MAX_MESSAGE_LENGTH, type WireError } from 'bgp-parser-ts';

const NO_BYTES = new Uint8Array(0);

export class Framer {
  /** The message that `next` found: `bytes[start, end)`, until the next call of `next`. */
  bytes: Uint8Array = NO_BYTES;
  start = 0;
  end = 0;

  readonly #chunks: Uint8Array[] = [];
  /** How far the first chunk is read. */
  #at = 0;
  #unread = 0;
  /** The head of a message whose rest is not here yet. */
  #partial: Uint8Array = NO_BYTES;
  #partialLength = 0;

  /** Octets that `next` has not looked at. */
  get unread(): number {
    return this.#unread;
  }

  /** The chunk is read in place: nobody may write to it. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#unread += chunk.length;
  }

  /**
   * True: the next whole message lies in `bytes`. False: there is none yet, and nothing is unread.
   * An error is to be answered with its NOTIFICATION; nothing after it can be read.
   */
  next(maxLength: number): boolean | WireError {
    while (this.#unread > 0) {
      const found = this.#partialLength > 0 ? this.#complete(maxLength) : this.#find(maxLength);
      if (found !== false) return found;
    }
    return false;
  }

  /** A message from where the first chunk is read to; what is only part of one is put aside. */
  #find(maxLength: number): boolean | WireError {
    const chunk = this.#chunks[0]!;
    const start = this.#at;
    const length = frameLength(chunk, start, chunk.length, maxLength);
    if (typeof length === 'object') return length;
    if (length === 0 || length > chunk.length - start) {
      this.#take(chunk.length - start, Math.max(length, MAX_MESSAGE_LENGTH));
      return false;
    }
    this.#advance(length);
    return this.#found(chunk, start, start + length);
  }

  /** Adds to the message put aside: up to the end of its header, then up to its own end. */
  #complete(maxLength: number): boolean | WireError {
    const known = frameLength(this.#partial, 0, this.#partialLength, maxLength);
    if (typeof known === 'object') return known;
    const wanted = (known || HEADER_LENGTH) - this.#partialLength;
    this.#take(Math.min(wanted, this.#chunks[0]!.length - this.#at), known);
    const length = frameLength(this.#partial, 0, this.#partialLength, maxLength);
    if (typeof length === 'object') return length;
    if (length === 0 || length > this.#partialLength) return false;
    this.#partialLength = 0;
    return this.#found(this.#partial, 0, length);
  }

  #found(bytes: Uint8Array, start: number, end: number): true {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    return true;
  }

  /** Moves `count` octets of the first chunk to the message put aside, which needs `room` in all. */
  #take(count: number, room: number): void {
    if (this.#partial.length < room) {
      const larger = new Uint8Array(room);
      larger.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = larger;
    }
    const from = this.#chunks[0]!.subarray(this.#at, this.#at + count);
    this.#partial.set(from, this.#partialLength);
    this.#partialLength += count;
    this.#advance(count);
  }

  #advance(count: number): void {
    this.#at += count;
    this.#unread -= count;
    if (this.#at === this.#chunks[0]!.length) {
      this.#chunks.shift();
      this.#at = 0;
    }
  }
}
