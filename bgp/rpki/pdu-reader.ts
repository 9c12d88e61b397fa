/** Cuts what comes from a cache into PDUs, in one buffer that is used again and again. */

import { decodePdu, type Pdu, type PduError, pduLength } from './pdu.ts';

export class PduReader {
  #buffer = new Uint8Array(65_536);
  #start = 0;
  #end = 0;
  /** The last PDU that `next` found, or the octets that it failed at: good until the next `push`. */
  bytes: Uint8Array = this.#buffer.subarray(0, 0);

  get unread(): number {
    return this.#end - this.#start;
  }

  push(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#buffer.length) this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Undefined: no whole PDU is there. After an error nothing more can be read. */
  next(): Pdu | PduError | undefined {
    const start = this.#start;
    const length = pduLength(this.#buffer, start, this.#end);
    if (length === 0) return undefined;
    if (typeof length === 'object') {
      this.bytes = this.#buffer.subarray(start, this.#end);
      return length;
    }
    if (length > this.unread) return undefined;
    this.#start += length;
    this.bytes = this.#buffer.subarray(start, this.#start);
    return decodePdu(this.#buffer, start, this.#start);
  }

  #makeRoom(length: number): void {
    const unread = this.#buffer.subarray(this.#start, this.#end);
    const needed = unread.length + length;
    if (needed > this.#buffer.length) {
      this.#buffer = new Uint8Array(2 ** Math.ceil(Math.log2(needed)));
      this.#buffer.set(unread);
    } else this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#start = 0;
    this.#end = unread.length;
  }
}
