/**
 * Cuts a stream into messages. What comes is copied into blocks, which all framers use by turns; a
 * message that lies within a block is read where it lies, and only one that straddles two is copied
 * once more.
 *
 *     block ┌────────┬──────┬──────┐ block ┌────┬───────┬───
 *           │ m1     │ m2   │ m3 … │       │… m3│ m4    │ …
 *           └────────┴──────┴──────┘       └────┴───────┴───
 *                           └── copied ─────────┘
 *
 * Who has read all holds no block: memory is for those who are behind.
 */

import { frameLength, HEADER_LENGTH, MAX_MESSAGE_LENGTH, type WireError } from 'bgp-parser-ts';

const NO_BYTES = new Uint8Array(0);
const BLOCK_SIZE = 65_536;
/** Blocks that nobody has, for whoever needs one next. */
const spareBlocks: Uint8Array[] = [];
const MAX_SPARE_BLOCKS = 32;

export class Framer {
  /** The message that `next` found: `bytes[start, end)`, until the next call of `next`. */
  bytes: Uint8Array = NO_BYTES;
  start = 0;
  end = 0;

  readonly #blocks: Uint8Array[] = [];
  /** How far the first block is read, and how far the last one is written. */
  #at = 0;
  #end = BLOCK_SIZE;
  #unread = 0;
  /** The head of a message whose rest is not here yet. */
  #partial: Uint8Array = NO_BYTES;
  #partialLength = 0;

  /** Octets that `next` has not looked at. */
  get unread(): number {
    return this.#unread;
  }

  push(octets: Uint8Array): void {
    for (let from = 0; from < octets.length; ) {
      if (this.#end === BLOCK_SIZE) this.#addBlock();
      const count = Math.min(BLOCK_SIZE - this.#end, octets.length - from);
      this.#blocks.at(-1)!.set(octets.subarray(from, from + count), this.#end);
      this.#end += count;
      from += count;
    }
    this.#unread += octets.length;
  }

  /**
   * True: the next whole message lies in `bytes`. False: there is none yet, and nothing is unread.
   * An error is to be answered with its NOTIFICATION; nothing after it can be read.
   */
  next(maxLength: number): boolean | WireError {
    this.#dropRead();
    while (this.#unread > 0) {
      const found = this.#partialLength > 0 ? this.#complete(maxLength) : this.#find(maxLength);
      if (found !== false) return found;
    }
    return false;
  }

  /** A message from where the first block is read to; what is only part of one is put aside. */
  #find(maxLength: number): boolean | WireError {
    const block = this.#blocks[0]!;
    const start = this.#at;
    const end = this.#firstEnd();
    const length = frameLength(block, start, end, maxLength);
    if (typeof length === 'object') return length;
    if (length === 0 || length > end - start) {
      this.#take(end - start, Math.max(length, MAX_MESSAGE_LENGTH));
      return false;
    }
    this.#advance(length);
    return this.#found(block, start, start + length);
  }

  /** Adds to the message put aside: up to the end of its header, then up to its own end. */
  #complete(maxLength: number): boolean | WireError {
    const known = frameLength(this.#partial, 0, this.#partialLength, maxLength);
    if (typeof known === 'object') return known;
    const wanted = (known || HEADER_LENGTH) - this.#partialLength;
    this.#take(Math.min(wanted, this.#firstEnd() - this.#at), known);
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

  /** Moves `count` octets of the first block to the message put aside, which needs `room` in all. */
  #take(count: number, room: number): void {
    if (this.#partial.length < room) {
      const larger = new Uint8Array(room);
      larger.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = larger;
    }
    const from = this.#blocks[0]!.subarray(this.#at, this.#at + count);
    this.#partial.set(from, this.#partialLength);
    this.#partialLength += count;
    this.#advance(count);
    this.#dropRead();
  }

  #advance(count: number): void {
    this.#at += count;
    this.#unread -= count;
  }

  #firstEnd(): number {
    return this.#blocks.length === 1 ? this.#end : BLOCK_SIZE;
  }

  #addBlock(): void {
    this.#blocks.push(spareBlocks.pop() ?? new Uint8Array(BLOCK_SIZE));
    this.#end = 0;
  }

  /** Gives up a first block that is read to its end. Not while the message found last lies in it. */
  #dropRead(): void {
    if (this.#blocks.length === 0 || this.#at < this.#firstEnd()) return;
    const block = this.#blocks.shift()!;
    if (spareBlocks.length < MAX_SPARE_BLOCKS) spareBlocks.push(block);
    this.#at = 0;
    if (this.#blocks.length === 0) this.#end = BLOCK_SIZE;
  }
}
