/**
 * One batch of changes on its way to bytes: entries are sorted into buckets of equal attributes and
 * equal audience, then each bucket is packed into as few UPDATEs as it takes.
 *
 *   entries   NLRI │ next entry of the bucket             8,192 at most
 *   buckets   block │ skip │ only │ first and last entry │ room left in the message it is in
 *   slots     hash of (block, skip, only) → bucket + 1, open addressing
 *
 * The audience is everybody, all but the peer with source `skip`, or `only` the one with that source;
 * 0 says neither. What is announced or withdrawn, an NLRI, is a prefix by its id; or, to peers that
 * take several paths of a prefix, a path by its number, which is also its path identifier (RFC 7911).
 *
 * The size in bytes is known before anything is written, which bounds a batch.
 */

import { MAX_EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH, UpdateWriter } from 'bgp-parser-ts';
import type { Family, PrefixTable } from 'net-ipaddr';
import type { Paths } from '../rib/paths.ts';
import { type Blocks, messageOverhead, NO_BLOCK } from './blocks.ts';

const { imul } = Math;

const CAPACITY = 8192;
/** Entries that one prefix adds at most: see AddPathGroup. */
const MOST_AT_ONCE = 64;
const FULL = CAPACITY - MOST_AT_ONCE;
const PATH_ID_LENGTH = 4;
const SLOTS = 2 * CAPACITY;
const SLOT_MASK = SLOTS - 1;

/** In an audience: no peer in particular. Source 0 is what is originated here. */
export const ANYBODY = 0;

/** UPDATEs ready to be sent: `bytes` is shared and never written to again. */
export interface Encoded {
  readonly bytes: Uint8Array;
  /** What is in it. */
  readonly nlris: Uint32Array;
  /** Spans of `bytes` one after the other: where each ends, and its audience. */
  readonly ends: Uint32Array;
  readonly skip: Uint16Array;
  readonly only: Uint16Array;
}

export class Batch {
  readonly #prefixes: PrefixTable;
  readonly #blocks: Blocks;
  readonly #writers = new Map(
    [MAX_MESSAGE_LENGTH, MAX_EXTENDED_MESSAGE_LENGTH].map((max) => [max, new UpdateWriter(max)]),
  );
  #family: Family = 4;
  #maxMessage = MAX_MESSAGE_LENGTH;
  /** An NLRI is a number of these; undefined: a prefix id. */
  #paths: Paths | undefined;
  #entries = 0;
  #buckets = 0;
  #size = 0;
  readonly #nlri = new Uint32Array(CAPACITY);
  readonly #next = new Uint16Array(CAPACITY);
  readonly #block = new Uint32Array(CAPACITY);
  readonly #skip = new Uint16Array(CAPACITY);
  readonly #only = new Uint16Array(CAPACITY);
  readonly #first = new Uint16Array(CAPACITY);
  readonly #last = new Uint16Array(CAPACITY);
  readonly #room = new Int32Array(CAPACITY);
  readonly #overhead = new Uint32Array(CAPACITY);
  readonly #slots = new Uint16Array(SLOTS);
  #out = new Uint8Array(1 << 18);

  constructor(prefixes: PrefixTable, blocks: Blocks) {
    this.#prefixes = prefixes;
    this.#blocks = blocks;
  }

  get isEmpty(): boolean {
    return this.#entries === 0;
  }

  get isFull(): boolean {
    return this.#entries >= FULL;
  }

  /** Bytes that `encode` will write, at most. */
  get size(): number {
    return this.#size;
  }

  /** @param paths what NLRIs are numbers of; undefined: they are prefixes */
  begin(family: Family, maxMessageLength: number, paths: Paths | undefined): void {
    this.#family = family;
    this.#maxMessage = maxMessageLength;
    this.#paths = paths;
    this.#slots.fill(0);
    this.#entries = 0;
    this.#buckets = 0;
    this.#size = 0;
  }

  /** @param block what is announced; NO_BLOCK: the NLRI is withdrawn */
  add(nlri: number, block: number, skip: number, only: number): void {
    const bucket = this.#bucketOf(block, skip, only);
    const entry = this.#entries++;
    this.#nlri[entry] = nlri;
    if (this.#room[bucket]! < 0) this.#first[bucket] = entry;
    else this.#next[this.#last[bucket]!] = entry;
    this.#last[bucket] = entry;
    const octets = this.#octets(nlri);
    if (this.#room[bucket]! < octets) {
      const overhead = this.#overhead[bucket]!;
      this.#size += overhead;
      this.#room[bucket] = this.#maxMessage - overhead;
    }
    this.#room[bucket]! -= octets;
    this.#size += octets;
  }

  /** Packs what was added since `begin`. */
  encode(): Encoded {
    if (this.#out.length < this.#size) this.#out = new Uint8Array(this.#size);
    const writer = this.#writers.get(this.#maxMessage)!;
    writer.begin(this.#out, 0);
    const ends: number[] = [];
    const skips: number[] = [];
    const onlys: number[] = [];
    for (let bucket = 0; bucket < this.#buckets; bucket++) {
      this.#write(writer, bucket);
      const skip = this.#skip[bucket]!;
      const only = this.#only[bucket]!;
      const isSame = bucket > 0 && skip === skips.at(-1) && only === onlys.at(-1);
      if (isSame) {
        ends[ends.length - 1] = writer.end();
      } else {
        ends.push(writer.end());
        skips.push(skip);
        onlys.push(only);
      }
    }
    return {
      bytes: this.#out.slice(0, writer.end()),
      nlris: this.#nlri.slice(0, this.#entries),
      ends: Uint32Array.from(ends),
      skip: Uint16Array.from(skips),
      only: Uint16Array.from(onlys),
    };
  }

  #write(writer: UpdateWriter, bucket: number): void {
    const block = this.#block[bucket]!;
    const paths = this.#paths;
    const hasPathIds = paths !== undefined;
    if (block === NO_BLOCK) writer.withdraw(this.#family, hasPathIds);
    else writer.announce(this.#family, this.#blocks.load(block), hasPathIds);
    const last = this.#last[bucket]!;
    for (let entry = this.#first[bucket]!; ; entry = this.#next[entry]!) {
      const nlri = this.#nlri[entry]!;
      const pathId = hasPathIds ? nlri : 0;
      const prefix = hasPathIds ? paths.prefix(nlri) : nlri;
      const length = this.#prefixes.length(prefix);
      const word = this.#prefixes.word(prefix, 0);
      if (this.#family === 4) {
        writer.add4(word, length, pathId);
      } else {
        const w1 = this.#prefixes.word(prefix, 1);
        const w2 = this.#prefixes.word(prefix, 2);
        const w3 = this.#prefixes.word(prefix, 3);
        writer.add6(word, w1, w2, w3, length, pathId);
      }
      if (entry === last) break;
    }
    // The block is read until the message is complete, and the next bucket loads another one.
    writer.end();
  }

  #octets(nlri: number): number {
    const paths = this.#paths;
    if (paths === undefined) return 1 + ((this.#prefixes.length(nlri) + 7) >>> 3);
    return PATH_ID_LENGTH + 1 + ((this.#prefixes.length(paths.prefix(nlri)) + 7) >>> 3);
  }

  #bucketOf(block: number, skip: number, only: number): number {
    let slot =
      (imul(block ^ imul(skip, 0x9e3779b1) ^ imul(only, 0x85ebca6b), 0xc2b2ae35) >>> 16) &
      SLOT_MASK;
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & SLOT_MASK) {
      const bucket = this.#slots[slot]! - 1;
      const isIt =
        this.#block[bucket] === block && this.#skip[bucket] === skip && this.#only[bucket] === only;
      if (isIt) return bucket;
    }
    const bucket = this.#buckets++;
    this.#slots[slot] = bucket + 1;
    this.#block[bucket] = block;
    this.#skip[bucket] = skip;
    this.#only[bucket] = only;
    this.#room[bucket] = -1;
    this.#overhead[bucket] =
      block === NO_BLOCK
        ? messageOverhead(this.#family === 4 ? 0 : 1, 0)
        : this.#blocks.overhead(block);
    return bucket;
  }
}
