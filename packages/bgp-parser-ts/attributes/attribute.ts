/** What one path attribute is: how the wire has it, and what RFC 7606 does with a broken one. */

import type { WireContext } from '../context.ts';

/**
 * RFC 7606 §2, weakest first. AFI/SAFI disable, where the RFC leaves the choice, is session-reset
 * here: a peer that breaks one family's NLRI is not trusted with the other's.
 */
export type Fate = 'attribute-discard' | 'treat-as-withdraw' | 'session-reset';

/** What the cursor needs to judge an attribute. */
export interface AttributeRule {
  /** Attribute Type Code. */
  readonly code: number;
  /** As in the IANA registry. */
  readonly name: string;
  /** FLAG_OPTIONAL and FLAG_TRANSITIVE as the attribute's specification sets them. */
  readonly flags: number;
  readonly onError: Fate;
  /** Where `onError` comes from. */
  readonly clause: string;
  /** What a well-formed value looks like, for error texts. */
  readonly expects: string;
  /** From an external peer it is discarded unread. */
  readonly internalOnly?: true;
  /** Only for peers without 4-octet AS numbers; from others it is discarded unread (RFC 6793 §3). */
  readonly twoOctetOnly?: true;
  /**
   * 0 when `bytes[start, start + length)` is well-formed, else the subcode of the UPDATE Message
   * Error. Runs for every attribute of every UPDATE: allocates nothing.
   */
  check(bytes: Uint8Array, start: number, length: number, context: WireContext): number;
}

/** An attribute that message objects show. Values are read from and written in canonical form. */
export interface AttributeCodec<K extends string, V> extends AttributeRule {
  /** Its name in PathAttributes. */
  readonly key: K;
  /** `bytes[start, start + length)` has passed `check`. The result does not point into it. */
  decode(bytes: Uint8Array, start: number, length: number): V;
  /** The value's octets, without flags, code and length. @throws RangeError when it has no form on the wire. */
  encode(value: V): Uint8Array;
}

export function attribute<const K extends string, V>(
  codec: AttributeCodec<K, V>,
): AttributeCodec<K, V> {
  return codec;
}
