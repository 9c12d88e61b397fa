/**
 * Attributes as they go out, interned: what Adj-RIB-Out refers to. A record is
 *
 *   octets of the next hop in MP_REACH_NLRI, 0 if it is in NEXT_HOP │ that next hop │ the attributes
 */

import { AttributeBlock } from 'bgp-parser-ts';
import { ByteStore } from '../rib/byte-store.ts';
import type { HashKey } from '../rib/hash.ts';

/** No block: nothing is announced. */
export const NO_BLOCK = 0;

const MAX_RECORD = 1 + 32 + 65535;

export class Blocks extends ByteStore {
  readonly #record = new Uint8Array(MAX_RECORD);
  readonly #loaded = new AttributeBlock();
  /** What this batch of work made; held until its end, so that ids are good meanwhile. */
  readonly #pinned: number[] = [];

  constructor(key: HashKey) {
    super(key);
  }

  /** The id of the block, good until `unpin` and as long as it is retained. */
  internPinned(block: AttributeBlock): number {
    const record = this.#record;
    const hop = block.isMp ? block.nextHopLength : 0;
    record[0] = hop;
    for (let i = 0; i < hop; i++) record[1 + i] = block.nextHop[i]!;
    const { bytes, length } = block;
    for (let i = 0, at = 1 + hop; i < length; i++, at++) record[at] = bytes[i]!;
    const id = this.intern(record, 0, 1 + hop + length);
    this.#pinned.push(id);
    return id;
  }

  /** Holds the block until `unpin`. */
  pin(id: number): void {
    this.retain(id);
    this.#pinned.push(id);
  }

  unpin(): void {
    for (const id of this.#pinned) this.release(id);
    this.#pinned.length = 0;
  }

  /** The block for an UpdateWriter, good until the next `load`. */
  load(id: number): AttributeBlock {
    const from = this.bytes(id);
    const start = this.start(id);
    const end = start + this.length(id);
    const block = this.#loaded;
    const hop = from[start]!;
    block.nextHopLength = hop === 0 ? 4 : hop;
    for (let i = 0; i < hop; i++) block.nextHop[i] = from[start + 1 + i]!;
    block.length = end - start - 1 - hop;
    for (let i = 0, at = start + 1 + hop; at < end; i++, at++) block.bytes[i] = from[at]!;
    return block;
  }

  /** Octets of a message with this block around its prefixes, at most. */
  overhead(id: number): number {
    return messageOverhead(this.bytes(id)[this.start(id)]!, this.length(id) - 1);
  }
}

/** Header, the two lengths, MP_REACH_NLRI's own octets; `length` is next hop and attributes. */
export function messageOverhead(multiprotocolHopLength: number, length: number): number {
  return 19 + 4 + (multiprotocolHopLength > 0 ? 4 + 5 : 0) + length;
}
