/**
 * Interned byte strings: one copy of each, with a small id and a reference count.
 *
 *   id ──▶ page (4096 ids)          ──▶ chunk (256 kB)
 *          hash      uint32              ┌────┬────────┬─────────┐
 *          location  uint32 ───────────▶ │ id │ length │ bytes … │ next record …
 *          length    uint32              └────┴────────┴─────────┘
 *          refs      uint32               4 B    4 B
 *          serial    uint32   never the same for two strings that had one id one after the other
 *
 * A string lives while it has references. A chunk that is less than half alive is emptied into the
 * newest one, some bytes a turn, and dropped: ids stay, locations change.
 * Free ids are chained through `location`. Id 0 is none.
 */

import { HashIndex } from 'net-ipaddr';
import { type HashKey, hashBytes } from './hash.ts';

export const PAGE_BITS = 12;
export const PAGE_SIZE = 1 << PAGE_BITS;
export const PAGE_MASK = PAGE_SIZE - 1;

const CHUNK_BITS = 18;
const CHUNK_SIZE = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_SIZE - 1;
const MAX_CHUNKS = 1 << (32 - CHUNK_BITS);
const RECORD_HEAD = 8;
/** The longest string: canonical attributes may take 131,072 octets. */
export const MAX_STRING_LENGTH = CHUNK_SIZE - RECORD_HEAD;

interface Page {
  readonly hash: Uint32Array;
  readonly location: Uint32Array;
  readonly length: Uint32Array;
  readonly refs: Uint32Array;
  readonly serial: Uint32Array;
}

interface Chunk {
  readonly bytes: Uint8Array;
  used: number;
  /** Bytes of records whose strings live. */
  alive: number;
  isQueued: boolean;
}

export class ByteStore {
  readonly #key: HashKey;
  readonly #pages: Page[] = [];
  readonly #index = new HashIndex((id) => this.#pages[id >>> PAGE_BITS]!.hash[id & PAGE_MASK]!);
  #nextId = 1;
  #freeHead = 0;
  #size = 0;
  #serial = 0;

  readonly #chunks: (Chunk | undefined)[] = [];
  readonly #freeChunks: number[] = [];
  #current = -1;
  /** Chunks to be emptied, and how far the first of them is. */
  readonly #sparse: number[] = [];
  #emptiedTo = 0;

  constructor(key: HashKey) {
    this.#key = key;
  }

  /** Strings that live. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of the chunks, whatever part of them lives. */
  get arenaBytes(): number {
    return (this.#chunks.length - this.#freeChunks.length) * CHUNK_SIZE;
  }

  /** The id of the string `bytes[start, end)`, with a reference for the caller. At most MAX_STRING_LENGTH. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(this.#key, bytes, start, end) >>> 0;
    const length = end - start;
    for (let id = this.#index.first(hash); id >= 0; id = this.#index.next()) {
      const page = this.#pages[id >>> PAGE_BITS]!;
      const at = id & PAGE_MASK;
      if (page.hash[at] !== hash || page.length[at] !== length) continue;
      if (!this.#holds(page.location[at]!, bytes, start, length)) continue;
      page.refs[at]!++;
      return id;
    }
    return this.#insert(hash, bytes, start, length);
  }

  retain(id: number): void {
    this.#pages[id >>> PAGE_BITS]!.refs[id & PAGE_MASK]!++;
  }

  /** Does nothing for id 0. */
  release(id: number): void {
    if (id === 0) return;
    const page = this.#pages[id >>> PAGE_BITS]!;
    if (--page.refs[id & PAGE_MASK]! === 0) this.#free(id, page, id & PAGE_MASK);
  }

  /** Tells this string from others that have had its id; 0 for an id that is not in use. */
  serial(id: number): number {
    return this.#pages[id >>> PAGE_BITS]!.serial[id & PAGE_MASK]!;
  }

  /** The array that holds the string, from `start(id)` on, until the next `intern` or `compact`. */
  bytes(id: number): Uint8Array {
    return this.#chunks[this.#location(id) >>> CHUNK_BITS]!.bytes;
  }

  start(id: number): number {
    return (this.#location(id) & CHUNK_MASK) + RECORD_HEAD;
  }

  length(id: number): number {
    return this.#pages[id >>> PAGE_BITS]!.length[id & PAGE_MASK]!;
  }

  /** Moves up to about `maxBytes` out of chunks that are mostly dead. True while there is more. */
  compact(maxBytes: number): boolean {
    let moved = 0;
    while (this.#sparse.length > 0 && moved < maxBytes) {
      const index = this.#sparse[0]!;
      const chunk = this.#chunks[index]!;
      while (this.#emptiedTo < chunk.used && moved < maxBytes) {
        moved += this.#moveRecord(index, chunk);
      }
      if (this.#emptiedTo < chunk.used) break;
      this.#chunks[index] = undefined;
      this.#freeChunks.push(index);
      this.#sparse.shift();
      this.#emptiedTo = 0;
    }
    return this.#sparse.length > 0;
  }

  /** A subclass that keeps more by id: called before the id is free. */
  protected onFree(_id: number): void {}

  /** A subclass that keeps more by id: called when a new id is in use. */
  protected onInsert(_id: number): void {}

  /** Moves the next record of the chunk, if its string lives. How many bytes that took. */
  #moveRecord(index: number, chunk: Chunk): number {
    const { bytes } = chunk;
    const at = this.#emptiedTo;
    const id = readU32(bytes, at);
    const length = readU32(bytes, at + 4);
    this.#emptiedTo = at + RECORD_HEAD + length;
    const page = this.#pages[id >>> PAGE_BITS]!;
    const isAlive =
      page.refs[id & PAGE_MASK] !== 0 && page.location[id & PAGE_MASK] === index * CHUNK_SIZE + at;
    if (!isAlive) return RECORD_HEAD;
    page.location[id & PAGE_MASK] = this.#write(id, bytes, at + RECORD_HEAD, length);
    return RECORD_HEAD + length;
  }

  #location(id: number): number {
    return this.#pages[id >>> PAGE_BITS]!.location[id & PAGE_MASK]!;
  }

  #holds(location: number, bytes: Uint8Array, start: number, length: number): boolean {
    const held = this.#chunks[location >>> CHUNK_BITS]!.bytes;
    const at = (location & CHUNK_MASK) + RECORD_HEAD;
    for (let i = 0; i < length; i++) if (held[at + i] !== bytes[start + i]) return false;
    return true;
  }

  #insert(hash: number, bytes: Uint8Array, start: number, length: number): number {
    const id = this.#takeId();
    const page = this.#pages[id >>> PAGE_BITS]!;
    const at = id & PAGE_MASK;
    page.location[at] = this.#write(id, bytes, start, length);
    page.hash[at] = hash;
    page.length[at] = length;
    page.refs[at] = 1;
    this.#serial = (this.#serial + 1) >>> 0 || 1;
    page.serial[at] = this.#serial;
    this.#index.add(hash, id);
    this.#size++;
    this.onInsert(id);
    return id;
  }

  #takeId(): number {
    if (this.#freeHead !== 0) {
      const id = this.#freeHead;
      this.#freeHead = this.#location(id);
      return id;
    }
    if (this.#nextId >= this.#pages.length * PAGE_SIZE) this.#pages.push(newPage());
    return this.#nextId++;
  }

  #free(id: number, page: Page, at: number): void {
    this.onFree(id);
    this.#index.remove(page.hash[at]!, id);
    const index = page.location[at]! >>> CHUNK_BITS;
    const chunk = this.#chunks[index]!;
    chunk.alive -= RECORD_HEAD + page.length[at]!;
    if (index !== this.#current) this.#queueIfSparse(index, chunk);
    page.serial[at] = 0;
    page.location[at] = this.#freeHead;
    this.#freeHead = id;
    this.#size--;
  }

  #queueIfSparse(index: number, chunk: Chunk): void {
    if (chunk.isQueued || chunk.alive * 2 >= chunk.used) return;
    chunk.isQueued = true;
    this.#sparse.push(index);
  }

  /** Appends a record; its location. */
  #write(id: number, from: Uint8Array, start: number, length: number): number {
    let chunk = this.#chunks[this.#current];
    if (chunk === undefined || chunk.used + RECORD_HEAD + length > CHUNK_SIZE) {
      const full = this.#current;
      chunk = this.#newChunk();
      const filled = this.#chunks[full];
      if (filled !== undefined) this.#queueIfSparse(full, filled);
    }
    const { bytes } = chunk;
    const at = chunk.used;
    writeU32(bytes, at, id);
    writeU32(bytes, at + 4, length);
    for (let i = 0; i < length; i++) bytes[at + RECORD_HEAD + i] = from[start + i]!;
    chunk.used += RECORD_HEAD + length;
    chunk.alive += RECORD_HEAD + length;
    return this.#current * CHUNK_SIZE + at;
  }

  #newChunk(): Chunk {
    const index = this.#freeChunks.pop() ?? this.#chunks.length;
    if (index === MAX_CHUNKS) throw new RangeError('an arena of 4 GiB is full');
    const chunk = { bytes: new Uint8Array(CHUNK_SIZE), used: 0, alive: 0, isQueued: false };
    this.#chunks[index] = chunk;
    this.#current = index;
    return chunk;
  }
}

function newPage(): Page {
  return {
    hash: new Uint32Array(PAGE_SIZE),
    location: new Uint32Array(PAGE_SIZE),
    length: new Uint32Array(PAGE_SIZE),
    refs: new Uint32Array(PAGE_SIZE),
    serial: new Uint32Array(PAGE_SIZE),
  };
}

function readU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
