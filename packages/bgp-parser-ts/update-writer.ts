/**
 * Packs prefixes into UPDATEs, one family and one kind a message as RFC 7606 §5.1 asks of senders.
 *
 *   announce, IPv4 next hop   header │ 0 │ len │ attributes            │ prefixes …
 *   announce, IPv6 next hop   header │ 0 │ len │ MP_REACH: prefixes …  │ attributes
 *   withdraw, IPv4            header │ len │ prefixes … │ 0
 *   withdraw, IPv6            header │ 0 │ len │ MP_UNREACH: prefixes …
 */

import type { AttributeBlock } from './attribute-block.ts';
import { MP_REACH_HEAD } from './attributes/mp-reach.ts';
import { MP_UNREACH_HEAD } from './attributes/mp-unreach.ts';
import { copyBytes, writeU16, writeU32 } from './bytes.ts';
import {
  AFI_IPV4,
  AFI_IPV6,
  ATTRIBUTE,
  FLAG_EXTENDED_LENGTH,
  FLAG_OPTIONAL,
  HEADER_LENGTH,
  MESSAGE_UPDATE,
  SAFI_UNICAST,
} from './constants.ts';
import { newMessage, writeHeader } from './header.ts';
import { nlriLength, PATH_ID_LENGTH, writeWord } from './nlri.ts';

const NOTHING = 0;
const ANNOUNCE = 1;
const ANNOUNCE_MP = 2;
const WITHDRAW = 3;
const WITHDRAW_MP = 4;

/** Withdrawn Routes Length and Total Path Attribute Length. */
const LENGTHS = 4;
/** Flags, code and a length of two octets; one less is used where the value is short. */
const LONG_HEAD = 4;

export class UpdateWriter {
  readonly #maxMessageLength: number;
  #out: Uint8Array = new Uint8Array(0);
  /** After the last whole message. */
  #done = 0;
  /** Where the next prefix goes; equal to #done: no message is open. */
  #at = 0;
  /** Where the prefixes of the open message must end. */
  #limit = 0;
  #kind = NOTHING;
  #is6 = false;
  #addPath = false;
  /** Octets that follow the prefixes in the message. */
  #tail = 0;
  #block: AttributeBlock | undefined;

  /** @param maxMessageLength MAX_MESSAGE_LENGTH, or MAX_EXTENDED_MESSAGE_LENGTH (RFC 8654). */
  constructor(maxMessageLength: number) {
    this.#maxMessageLength = maxMessageLength;
  }

  /**
   * Writes from `out[at]` on. What was being announced or withdrawn goes on there. With
   * `maxMessageLength` octets of room, at least one prefix always fits.
   */
  begin(out: Uint8Array, at: number): void {
    this.#out = out;
    this.#done = at;
    this.#at = at;
  }

  /**
   * The prefixes added from now on have these attributes. The block is read until the next
   * `announce` or `withdraw`, so it must stay as it is. False: with these attributes there is no
   * room for a prefix in any message; the routes cannot be announced to this peer (RFC 8654 §4).
   *
   * @throws RangeError for IPv6 prefixes with an IPv4 next hop.
   */
  announce(family: 4 | 6, block: AttributeBlock, addPath: boolean): boolean {
    if (family === 6 && !block.isMp) {
      throw new RangeError('IPv6 routes need an IPv6 next hop, the block has an IPv4 one');
    }
    this.#close();
    this.#kind = block.isMp ? ANNOUNCE_MP : ANNOUNCE;
    this.#is6 = family === 6;
    this.#addPath = addPath;
    this.#block = block;
    this.#tail = block.isMp ? block.length : 0;
    const longest = nlriLength(this.#is6 ? 128 : 32, addPath);
    return this.#headLength() + longest + this.#tail <= this.#maxMessageLength;
  }

  /** The prefixes added from now on are withdrawn. */
  withdraw(family: 4 | 6, addPath: boolean): void {
    this.#close();
    this.#kind = family === 4 ? WITHDRAW : WITHDRAW_MP;
    this.#is6 = family === 6;
    this.#addPath = addPath;
    this.#block = undefined;
    // The Total Path Attribute Length of 0 comes behind the withdrawn routes.
    this.#tail = family === 4 ? 2 : 0;
  }

  /**
   * Adds an IPv4 prefix: `address` as 32 bits, signed or not, host bits zero. False: `out` is full and the prefix
   * was not written; `end`, `begin` elsewhere, and add it again.
   */
  add4(address: number, length: number, pathId: number): boolean {
    if (!this.#makeRoom(length)) return false;
    const at = this.#startPrefix(length, pathId);
    this.#at = writeWord(this.#out, at, address, length);
    return true;
  }

  /** As add4, with the address as four words of 32 bits in network order. */
  add6(w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): boolean {
    if (!this.#makeRoom(length)) return false;
    const out = this.#out;
    let at = this.#startPrefix(length, pathId);
    at = writeWord(out, at, w0, length);
    at = writeWord(out, at, w1, length - 32);
    at = writeWord(out, at, w2, length - 64);
    this.#at = writeWord(out, at, w3, length - 96);
    return true;
  }

  /** Finishes the open message. Returns the position after the last one. */
  end(): number {
    this.#close();
    return this.#done;
  }

  /** From the message's first octet to its first prefix. */
  #headLength(): number {
    const block = this.#block;
    switch (this.#kind) {
      case ANNOUNCE:
        return HEADER_LENGTH + LENGTHS + block!.length;
      case ANNOUNCE_MP:
        return HEADER_LENGTH + LENGTHS + LONG_HEAD + MP_REACH_HEAD + block!.nextHopLength + 1;
      case WITHDRAW:
        return HEADER_LENGTH + 2;
      default:
        return HEADER_LENGTH + LENGTHS + LONG_HEAD + MP_UNREACH_HEAD;
    }
  }

  #makeRoom(length: number): boolean {
    const size = nlriLength(length, this.#addPath);
    if (this.#at !== this.#done) {
      if (this.#at + size <= this.#limit) return true;
      this.#close();
    }
    const room = Math.min(this.#maxMessageLength, this.#out.length - this.#done);
    const head = this.#headLength();
    if (head + size + this.#tail > room) return false;
    this.#at = this.#done + head;
    this.#limit = this.#done + room - this.#tail;
    return true;
  }

  #startPrefix(length: number, pathId: number): number {
    let at = this.#at;
    if (this.#addPath) {
      writeU32(this.#out, at, pathId);
      at += PATH_ID_LENGTH;
    }
    this.#out[at] = length;
    return at + 1;
  }

  /** Writes all around the prefixes, now that their length is known. */
  #close(): void {
    if (this.#at === this.#done) return;
    const out = this.#out;
    const start = this.#done;
    const body = start + HEADER_LENGTH;
    let end = this.#at;
    if (this.#kind === WITHDRAW) {
      writeU16(out, body, end - body - 2);
      writeU16(out, end, 0);
      end += 2;
    } else {
      writeU16(out, body, 0);
      let attributesEnd = body + LENGTHS + (this.#block?.length ?? 0);
      if (this.#kind === ANNOUNCE) {
        copyBytes(this.#block!.bytes, 0, this.#block!.length, out, body + LENGTHS);
      } else {
        end = this.#closeMp(body + LENGTHS, end);
        attributesEnd = end;
      }
      writeU16(out, body + 2, attributesEnd - body - LENGTHS);
    }
    writeHeader(out, start, end - start, MESSAGE_UPDATE);
    this.#done = end;
    this.#at = end;
  }

  /** Completes MP_REACH or MP_UNREACH at `head`, whose prefixes end at `end`, and what follows it. */
  #closeMp(head: number, end: number): number {
    const out = this.#out;
    const isReach = this.#kind === ANNOUNCE_MP;
    let value = head + LONG_HEAD;
    const length = end - value;
    out[head + 1] = isReach ? ATTRIBUTE.MP_REACH_NLRI : ATTRIBUTE.MP_UNREACH_NLRI;
    if (length > 255) {
      out[head] = FLAG_OPTIONAL | FLAG_EXTENDED_LENGTH;
      writeU16(out, head + 2, length);
    } else {
      // RFC 4271 §4.3 allows the long form only above 255: move up by the octet that is not needed.
      out[head] = FLAG_OPTIONAL;
      out[head + 2] = length;
      out.copyWithin(value - 1, value, end);
      value--;
      end--;
    }
    writeU16(out, value, this.#is6 ? AFI_IPV6 : AFI_IPV4);
    out[value + 2] = SAFI_UNICAST;
    const block = this.#block;
    if (!isReach || block === undefined) return end;
    out[value + 3] = block.nextHopLength;
    copyBytes(block.nextHop, 0, block.nextHopLength, out, value + MP_REACH_HEAD);
    out[value + MP_REACH_HEAD + block.nextHopLength] = 0;
    copyBytes(block.bytes, 0, block.length, out, end);
    return end + block.length;
  }
}

/** RFC 4724 §2: for IPv4 unicast an UPDATE without anything, else an MP_UNREACH_NLRI without NLRI. */
export function encodeEndOfRib(afi: number, safi: number): Uint8Array {
  if (afi === AFI_IPV4 && safi === SAFI_UNICAST) return newMessage(MESSAGE_UPDATE, LENGTHS);
  const out = newMessage(MESSAGE_UPDATE, LENGTHS + 6);
  const attributes = HEADER_LENGTH + LENGTHS;
  writeU16(out, attributes - 2, 6);
  out[attributes] = FLAG_OPTIONAL;
  out[attributes + 1] = ATTRIBUTE.MP_UNREACH_NLRI;
  out[attributes + 2] = MP_UNREACH_HEAD;
  writeU16(out, attributes + 3, afi);
  out[attributes + 5] = safi;
  return out;
}
