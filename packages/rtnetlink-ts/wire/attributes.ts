/**
 * Reading a message's attributes (struct nlattr): | length 2 | type 2 | value, padded to 4 |
 */
import type { Address } from 'net-ipaddr';
import { align4, type Words } from './words.ts';

/** The two high bits of a type say "nested" and "network order". */
const TYPE_MASK = 0x3fff;

/** A walk over attributes. The kernel wrote them, or we did: a bad length ends the walk. */
export class AttributeCursor {
  type = 0;
  /** Where the value is. */
  start = 0;
  length = 0;
  readonly words: Words;
  #next = 0;
  #end = 0;

  constructor(words: Words) {
    this.words = words;
  }

  reset(start: number, end: number): this {
    this.#next = start;
    this.#end = end;
    return this;
  }

  next(): boolean {
    const at = this.#next;
    if (at + 4 > this.#end) return false;
    const length = this.words.u16[at >> 1]!;
    if (length < 4 || at + length > this.#end) return false;
    this.type = this.words.u16[(at >> 1) + 1]! & TYPE_MASK;
    this.start = at + 4;
    this.length = length - 4;
    this.#next = at + align4(length);
    return true;
  }

  nested(): AttributeCursor {
    return new AttributeCursor(this.words).reset(this.start, this.start + this.length);
  }

  byte(): number {
    return this.words.u8[this.start]!;
  }

  u16(): number {
    return this.words.u16[this.start >> 1]!;
  }

  /** A port: in network order. */
  u16be(): number {
    return this.words.u8.readUInt16BE(this.start);
  }

  /** As netfilter has all numbers: in network order. */
  u32be(): number {
    return this.words.u8.readUInt32BE(this.start);
  }

  u32(): number {
    return this.words.u32[this.start >> 2]!;
  }

  i32(): number {
    return this.words.i32[this.start >> 2]!;
  }

  text(): string {
    const { u8 } = this.words;
    let end = this.start;
    while (end < this.start + this.length && u8[end] !== 0) end++;
    return u8.toString('utf8', this.start, end);
  }

  /** A copy: the buffer is used again. */
  address(): Address {
    return addressAt(this.words, this.start, this.length);
  }
}

export function addressAt(words: Words, start: number, length: number): Address {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = words.u8[start + i]!;
  return { family: length === 4 ? 4 : 6, bytes };
}
