/** Writing requests one after another into one buffer, which is used again and grows when it must. */
import { HEADER_LENGTH, NLM_F_REQUEST } from './message.ts';
import { align4, allocateWords, type Words } from './words.ts';

export class MessageWriter {
  words: Words;
  /** Bytes written. */
  length = 0;
  #message = 0;

  constructor(capacity: number) {
    this.words = allocateWords(capacity);
  }

  clear(): void {
    this.length = 0;
  }

  /** @returns where the message begins. */
  begin(type: number, flags: number, sequence: number): number {
    this.#reserve(HEADER_LENGTH);
    const at = this.length;
    this.#message = at;
    this.words.u16[(at >> 1) + 2] = type;
    this.words.u16[(at >> 1) + 3] = flags | NLM_F_REQUEST;
    this.words.u32[(at >> 2) + 2] = sequence;
    this.words.u32[(at >> 2) + 3] = 0;
    this.length = at + HEADER_LENGTH;
    return at;
  }

  /** Everything in a message leaves `length` aligned, and so the next message begins aligned. */
  end(): void {
    this.words.u32[this.#message >> 2] = this.length - this.#message;
  }

  /** Takes back a message that could not be finished. */
  abandon(at: number): void {
    this.length = at;
  }

  /** Eight bits of a family's fixed header. */
  byte(value: number): void {
    this.#reserve(1);
    this.words.u8[this.length++] = value;
  }

  /** Sixteen bits of a family's fixed header. */
  half(value: number): void {
    this.#reserve(2);
    this.words.u16[this.length >> 1] = value;
    this.length += 2;
  }

  /** 32 bits of a family's fixed header. */
  word(value: number): void {
    this.#reserve(4);
    this.words.u32[this.length >> 2] = value;
    this.length += 4;
  }

  attributeByte(type: number, value: number): void {
    const at = this.#attribute(type, 1);
    this.words.u8[at] = value;
  }

  attributeU16(type: number, value: number): void {
    const at = this.#attribute(type, 2);
    this.words.u16[at >> 1] = value;
  }

  /** A port: in network order. */
  attributeU16be(type: number, value: number): void {
    const at = this.#attribute(type, 2);
    this.words.u8[at] = value >>> 8;
    this.words.u8[at + 1] = value;
  }

  attributeU32(type: number, value: number): void {
    const at = this.#attribute(type, 4);
    this.words.u32[at >> 2] = value;
  }

  attributeBytes(type: number, value: Uint8Array): void {
    const at = this.#attribute(type, value.length);
    // Of 4, 6 or 16 bytes: `set` costs more than the loop.
    for (let i = 0; i < value.length; i++) this.words.u8[at + i] = value[i]!;
  }

  /** RTA_VIA: an address of another family than the route's. */
  attributeVia(type: number, family: number, address: Uint8Array): void {
    const at = this.#attribute(type, 2 + address.length);
    this.words.u16[at >> 1] = family;
    for (let i = 0; i < address.length; i++) this.words.u8[at + 2 + i] = address[i]!;
  }

  attributeText(type: number, text: string): void {
    const length = Buffer.byteLength(text);
    const at = this.#attribute(type, length + 1);
    this.words.u8.write(text, at);
    this.words.u8[at + length] = 0;
  }

  /** @returns what `endNested` takes. rtnetlink wants no NLA_F_NESTED in what we nest. */
  beginNested(type: number): number {
    const at = this.length;
    this.#attribute(type, 0);
    return at;
  }

  endNested(at: number): void {
    this.words.u16[at >> 1] = this.length - at;
  }

  /** @returns where the value goes, in `words` as they are after this call. */
  #attribute(type: number, valueLength: number): number {
    const padded = align4(valueLength);
    this.#reserve(4 + padded);
    const at = this.length;
    this.words.u16[at >> 1] = 4 + valueLength;
    this.words.u16[(at >> 1) + 1] = type;
    // The padding: the buffer has been used before.
    if (padded > 0) this.words.u32[(at + padded) >> 2] = 0;
    this.length = at + 4 + padded;
    return at + 4;
  }

  #reserve(bytes: number): void {
    const { u8 } = this.words;
    if (this.length + bytes <= u8.length) return;
    const larger = allocateWords(2 * align4(this.length + bytes));
    larger.u8.set(u8);
    this.words = larger;
  }
}
