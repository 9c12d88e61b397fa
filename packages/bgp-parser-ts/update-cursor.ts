/**
 * Walks one UPDATE in place: the only decoder of UPDATEs there is.
 *
 *   ┌────────┬─────┬───────────┬─────┬─────────────────────────────────────────┬──────────────┐
 *   │ header │ len │ withdrawn │ len │ path attributes … MP_REACH … MP_UNREACH │ NLRI         │
 *   └────────┴─────┴───────────┴─────┴─────────────────────────────────────────┴──────────────┘
 *   fields:         WITHDRAWN                         REACH      UNREACH         NLRI
 *
 * `reset` judges the whole message first (RFC 7606: nothing of it counts before that), then the
 * iterators read from the four fields. A well-formed UPDATE allocates nothing; an error makes its
 * texts. Every position is into the bytes given to `reset` and good as long as those are.
 */

import { MAX_VALUE_LENGTH, mergeAs4, TOO_LONG } from './as4.ts';
import { AttributeView } from './attribute-view.ts';
import type { AttributeRule } from './attributes/attribute.ts';
import { RULES } from './attributes/list.ts';
import { acceptedFamily, MP_REACH_HEAD } from './attributes/mp-reach.ts';
import { MP_UNREACH_HEAD } from './attributes/mp-unreach.ts';
import { isHostAddress } from './attributes/next-hop.ts';
import { readU16 } from './bytes.ts';
import { writeCanonical } from './canonical.ts';
import {
  AFI_IPV4,
  ATTRIBUTE,
  FLAG_EXTENDED_LENGTH,
  FLAG_OPTIONAL,
  FLAG_TRANSITIVE,
  HEADER_LENGTH,
  SAFI_UNICAST,
} from './constants.ts';
import type { FamilyContext, WireContext } from './context.ts';
import { conflictingFlags, misplaced, missing, overrun, repeated, unrecognized } from './faults.ts';
import { isNlriField } from './nlri.ts';
import { NLRI, NlriCursor, REACH, UNREACH, WITHDRAWN } from './nlri-cursor.ts';
import { type AttributeError, type Outcome, Verdict } from './verdict.ts';
import { UPDATE_ERROR, type WireError } from './wire-error.ts';
import { isLinkLocal, NO_ZONE } from './zone.ts';

const NO_BYTES = new Uint8Array(0);
const KNOWN_BITS = FLAG_OPTIONAL | FLAG_TRANSITIVE;

export class UpdateCursor extends NlriCursor {
  /** What to do with the message. On 'session-reset' nothing of it may be used but `notification`. */
  get outcome(): Outcome {
    return this.#verdict.outcome;
  }

  /** What to close the session with, when `outcome` says so. */
  get notification(): WireError | undefined {
    return this.#verdict.notification;
  }

  /** What was wrong, in the order found; at most 16 of `errorCount`. Emptied by the next `reset`. */
  get errors(): readonly AttributeError[] {
    return this.#verdict.errors;
  }

  get errorCount(): number {
    return this.#verdict.count;
  }

  /** The attributes as received, without those discarded. Empty of sense after 'treat-as-withdraw'. */
  readonly attributes = new AttributeView();
  /** The path attributes field: `bytes[attributesStart, attributesEnd)`. */
  attributesStart = 0;
  attributesEnd = 0;

  /** RFC 4724 §2: the message is the End-of-RIB mark of this family; AFI 0: it is none. */
  endOfRibAfi = 0;
  endOfRibSafi = 0;
  /** Routes of a family that was not negotiated were left out. */
  ignoredFamily = false;

  /**
   * The next hop of the section that nextSection came to: 4, 16 or 32 octets at `nextHopStart`; of 32
   * the second half is the link-local address.
   */
  nextHopStart = 0;
  nextHopLength = 0;

  readonly #verdict = new Verdict();
  #mpHopStart = 0;
  #mpHopLength = 0;
  /** Which message an attribute code was last seen in. A double never wraps. */
  readonly #seenIn = new Float64Array(256);
  #message = 0;
  #as4 = true;
  /** The message has reachable NLRI, be it of a family that is ignored. */
  #reaches = false;
  /** NEXT_HOP's error, if it has one: what that means depends on the rest. */
  #hopSubcode = 0;
  #hopAt = 0;
  #hopEnd = 0;
  /** The 4-octet path of a 2-octet peer; made when the first one comes. */
  #widePath: Uint8Array = NO_BYTES;

  /**
   * Takes the UPDATE `bytes[start, end)`, header included and checked by frameLength, and returns
   * `outcome`. Never throws, never reads outside of the message. The bytes must stay as they are
   * while the cursor is used.
   */
  reset(bytes: Uint8Array, start: number, end: number, context: WireContext): Outcome {
    this.#clear(bytes);
    const withdrawn = start + HEADER_LENGTH + 2;
    if (withdrawn + 2 > end) {
      return this.#malformedList(`an UPDATE of ${end - start} octets is too short`);
    }
    const withdrawnEnd = withdrawn + readU16(bytes, withdrawn - 2);
    if (withdrawnEnd + 2 > end) {
      return this.#malformedList('the withdrawn routes exceed the message');
    }
    const attributes = withdrawnEnd + 2;
    const attributesEnd = attributes + readU16(bytes, withdrawnEnd);
    if (attributesEnd > end) return this.#malformedList('the path attributes exceed the message');
    this.attributesStart = attributes;
    this.attributesEnd = attributesEnd;
    this.#as4 = context.as4;

    this.#takeClassicField(WITHDRAWN, withdrawn, withdrawnEnd, context.ipv4);
    this.#takeClassicField(NLRI, attributesEnd, end, context.ipv4);
    this.#reaches = attributesEnd < end;
    this.#walkAttributes(attributes, attributesEnd, context);
    if (this.outcome !== 'session-reset') this.#judgeWhole();
    if (withdrawnEnd === withdrawn && attributesEnd === end) this.#lookForEndOfRib();
    return this.#conclude();
  }

  /**
   * Goes to the next group of announced prefixes: at most MP_REACH_NLRI, then the NLRI field, each
   * with a next hop of its own. False: no more. After that, `nextAnnounced` reads the group's
   * prefixes, and `canonicalAttributes` writes what they share.
   */
  nextSection(): boolean {
    const section = this.enterSection();
    if (section < 0) return false;
    const isMp = section === REACH;
    this.nextHopStart = isMp ? this.#mpHopStart : this.attributes.start(ATTRIBUTE.NEXT_HOP);
    this.nextHopLength = isMp ? this.#mpHopLength : 4;
    return true;
  }

  /**
   * Writes the section's attributes in canonical form, from `out[at]` on: equal routes give equal
   * bytes, whatever the peer's taste. `canonical.ts` describes the form. Needs
   * MAX_CANONICAL_LENGTH octets of room. Returns the position after.
   *
   * @param zone What link-local next hops get as their zone; NO_ZONE by default.
   */
  canonicalAttributes(out: Uint8Array, at: number, zone: number = NO_ZONE): number {
    const { attributes, nextHopStart, nextHopLength } = this;
    return writeCanonical(attributes, this.#as4, nextHopStart, nextHopLength, zone, out, at);
  }

  #clear(bytes: Uint8Array): void {
    this.clearNlri(bytes);
    this.#verdict.clear();
    this.attributes.clear(bytes);
    this.attributesStart = 0;
    this.attributesEnd = 0;
    this.endOfRibAfi = 0;
    this.endOfRibSafi = 0;
    this.ignoredFamily = false;
    this.#reaches = false;
    this.#hopSubcode = 0;
    this.#message++;
  }

  /** The fields of RFC 4271, which are IPv4's. */
  #takeClassicField(
    field: number,
    start: number,
    end: number,
    ipv4: FamilyContext | undefined,
  ): void {
    if (start === end) return;
    if (ipv4 === undefined) {
      this.ignoredFamily = true;
    } else if (isNlriField(this.bytes, start, end, 32, ipv4.addPath)) {
      this.setField(field, start, end, 4, ipv4.addPath);
    } else {
      const name = field === NLRI ? 'NLRI' : 'Withdrawn Routes';
      this.#verdict.add(
        0,
        'session-reset',
        UPDATE_ERROR.INVALID_NETWORK_FIELD,
        `${name}: a prefix is longer than 32 bits or than the field (RFC 7606 §5.3)`,
        end,
        end,
      );
    }
  }

  #walkAttributes(start: number, end: number, context: WireContext): void {
    const bytes = this.bytes;
    for (let at = start; at < end; ) {
      const flags = bytes[at]!;
      const head = (flags & FLAG_EXTENDED_LENGTH) !== 0 ? 4 : 3;
      const value = at + head;
      const length = value <= end ? (head === 4 ? readU16(bytes, at + 2) : bytes[at + 2]!) : 0;
      if (value + length > end) {
        const code = at + 1 < end ? bytes[at + 1]! : 0;
        overrun(this.#verdict, code, at, value, end);
        return;
      }
      this.#takeAttribute(bytes[at + 1]!, flags, at, value, length, context);
      if (this.outcome === 'session-reset') return;
      at = value + length;
    }
  }

  #takeAttribute(
    code: number,
    flags: number,
    at: number,
    value: number,
    length: number,
    context: WireContext,
  ): void {
    const verdict = this.#verdict;
    const end = value + length;
    const rule = RULES[code];
    const isRepeated = this.#seenIn[code] === this.#message;
    this.#seenIn[code] = this.#message;
    if (isRepeated) {
      repeated(verdict, code, at, end);
    } else if (rule === undefined) {
      if ((flags & FLAG_OPTIONAL) === 0) unrecognized(verdict, code, at, end);
      else if ((flags & FLAG_TRANSITIVE) !== 0) this.attributes.add(code, flags, value, length);
    } else if (rule.internalOnly && context.ebgp) {
      misplaced(verdict, code, `comes from an external peer (${rule.clause})`, at, end);
    } else if (rule.twoOctetOnly && context.as4) {
      const reason = 'comes from a peer with 4-octet AS numbers (RFC 6793 §4.1)';
      misplaced(verdict, code, reason, at, end);
    } else if (((flags ^ rule.flags) & KNOWN_BITS) !== 0) {
      conflictingFlags(verdict, rule, flags, at, end);
    } else {
      this.#takeValue(rule, flags, at, value, length, context);
    }
  }

  #takeValue(
    rule: AttributeRule,
    flags: number,
    at: number,
    value: number,
    length: number,
    context: WireContext,
  ): void {
    const { code } = rule;
    const end = value + length;
    const subcode = rule.check(this.bytes, value, length, context);
    if (subcode !== 0) {
      if (code === ATTRIBUTE.NEXT_HOP) {
        this.#hopSubcode = subcode;
        this.#hopAt = at;
        this.#hopEnd = end;
        return;
      }
      const text = `must be ${rule.expects} (${rule.clause}); got ${length} octets`;
      this.#verdict.add(code, rule.onError, subcode, text, at, end);
      return;
    }
    this.attributes.add(code, flags, value, length);
    if (code === ATTRIBUTE.MP_REACH_NLRI) this.#takeReach(value, end, context);
    else if (code === ATTRIBUTE.MP_UNREACH_NLRI) this.#takeUnreach(value, end, context);
  }

  /** MP_REACH_NLRI, which has passed its check. */
  #takeReach(value: number, end: number, context: WireContext): void {
    const bytes = this.bytes;
    const hop = value + MP_REACH_HEAD;
    const hopLength = bytes[value + 3]!;
    // One reserved octet stands between next hop and NLRI, RFC 4760 §3.
    const nlri = hop + hopLength + 1;
    if (nlri < end) this.#reaches = true;
    const afi = readU16(bytes, value);
    const family = acceptedFamily(context, afi, bytes[value + 2]!);
    if (family === undefined) {
      this.ignoredFamily = true;
      return;
    }
    this.setField(REACH, nlri, end, afi === AFI_IPV4 ? 4 : 6, family.addPath);
    this.#placeMpHop(hop, hopLength);
    if (nlri < end && !isHostAddress(bytes, this.#mpHopStart, hopLength === 4 ? 4 : 16)) {
      // The NLRI is found all right, so that RFC 7606 §3.e can be followed as for NEXT_HOP.
      const subcode = UPDATE_ERROR.INVALID_NEXT_HOP;
      const text = "the next hop is not a host's address (RFC 4271 §6.3)";
      this.#verdict.add(ATTRIBUTE.MP_REACH_NLRI, 'treat-as-withdraw', subcode, text, value, end);
    }
  }

  /**
   * RFC 2545 §3 has a global address, which a link-local one may follow. Speakers that lack one of
   * the two send zeros for it, or their link-local address twice: what is left is 16 octets.
   */
  #placeMpHop(hop: number, length: number): void {
    const { bytes } = this;
    this.#mpHopStart = hop;
    this.#mpHopLength = length;
    if (length !== 32) return;
    const hasGlobal = isHostAddress(bytes, hop, 16) && !isLinkLocal(bytes, hop);
    if (!hasGlobal && isLinkLocal(bytes, hop + 16)) this.#mpHopStart = hop + 16;
    else if (isHostAddress(bytes, hop + 16, 16)) return;
    this.#mpHopLength = 16;
  }

  #takeUnreach(value: number, end: number, context: WireContext): void {
    const afi = readU16(this.bytes, value);
    const family = acceptedFamily(context, afi, this.bytes[value + 2]!);
    if (family === undefined) {
      this.ignoredFamily = true;
      return;
    }
    this.setField(UNREACH, value + MP_UNREACH_HEAD, end, afi === AFI_IPV4 ? 4 : 6, family.addPath);
  }

  /** What can only be said once all attributes are known. */
  #judgeWhole(): void {
    const announcesMp = this.hasNlri(REACH);
    const announcesNlri = this.hasNlri(NLRI);
    if (this.#hopSubcode !== 0) {
      // RFC 4760 §3: NEXT_HOP is to be ignored where all routes are in MP_REACH_NLRI.
      const fate = announcesMp && !announcesNlri ? 'attribute-discard' : 'treat-as-withdraw';
      const text = 'must be 4 octets, the address of a host (RFC 7606 §7.3)';
      const { NEXT_HOP } = ATTRIBUTE;
      this.#verdict.add(NEXT_HOP, fate, this.#hopSubcode, text, this.#hopAt, this.#hopEnd);
    }
    if (announcesMp || announcesNlri) {
      this.#requireAttribute(ATTRIBUTE.ORIGIN);
      this.#requireAttribute(ATTRIBUTE.AS_PATH);
      if (announcesNlri) this.#requireAttribute(ATTRIBUTE.NEXT_HOP);
    }
    if (this.attributes.has(ATTRIBUTE.AS_PATH) && this.outcome !== 'treat-as-withdraw') {
      this.#placeAsPath();
    }
  }

  #requireAttribute(code: number): void {
    if (this.#seenIn[code] !== this.#message) missing(this.#verdict, code);
  }

  /** Points the view at the AS path in 4-octet form. */
  #placeAsPath(): void {
    const view = this.attributes;
    const start = view.start(ATTRIBUTE.AS_PATH);
    const length = view.length(ATTRIBUTE.AS_PATH);
    if (this.#as4) {
      view.setAsPath(this.bytes, start, length);
      return;
    }
    if (this.#widePath.length === 0) this.#widePath = new Uint8Array(MAX_VALUE_LENGTH);
    const wideLength = mergeAs4(view, this.#widePath);
    if (wideLength === TOO_LONG) {
      const text = 'exceeds 65535 octets with 4-octet AS numbers, so nobody could be told of it';
      const subcode = UPDATE_ERROR.MALFORMED_AS_PATH;
      const end = start + length;
      this.#verdict.add(ATTRIBUTE.AS_PATH, 'treat-as-withdraw', subcode, text, start, end);
    } else {
      view.setAsPath(this.#widePath, 0, wideLength);
    }
  }

  /** In a message without withdrawn routes and NLRI fields. */
  #lookForEndOfRib(): void {
    if (this.outcome !== 'ok') return;
    const view = this.attributes;
    const start = view.start(ATTRIBUTE.MP_UNREACH_NLRI);
    if (this.attributesStart === this.attributesEnd) {
      this.endOfRibAfi = AFI_IPV4;
      this.endOfRibSafi = SAFI_UNICAST;
    } else if (
      // The only attribute: no other fits before it or after it.
      view.length(ATTRIBUTE.MP_UNREACH_NLRI) === MP_UNREACH_HEAD &&
      start - this.attributesStart <= 4 &&
      start + MP_UNREACH_HEAD === this.attributesEnd
    ) {
      this.endOfRibAfi = readU16(this.bytes, start);
      this.endOfRibSafi = this.bytes[start + 2]!;
    }
  }

  #malformedList(text: string): Outcome {
    this.#verdict.add(0, 'session-reset', UPDATE_ERROR.MALFORMED_ATTRIBUTE_LIST, text, 0, 0);
    return this.#conclude();
  }

  #conclude(): Outcome {
    const outcome = this.#verdict.conclude(this.bytes, this.#reaches);
    if (outcome === 'session-reset') this.clearNlri(this.bytes);
    else this.openNlri(outcome === 'treat-as-withdraw');
    return outcome;
  }
}
