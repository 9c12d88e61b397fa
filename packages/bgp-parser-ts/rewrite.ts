/**
 * From canonical attributes to canonical attributes, with what a policy changes: what a RIB keeps of
 * a route after import, and what an export begins with.
 */

import { writePrepended } from './as-path.ts';
import type { AttributeView } from './attribute-view.ts';
import type { LargeCommunity } from './attributes/large-communities.ts';
import { copyBytes, writeU32 } from './bytes.ts';
import { MAX_CANONICAL_LENGTH, writeAttributeHead } from './canonical.ts';
import { ATTRIBUTE, FLAG_EXTENDED_LENGTH, FLAG_OPTIONAL, FLAG_TRANSITIVE } from './constants.ts';

/** What is changed. A property left out leaves the attribute as it is. */
export interface AttributeEdits {
  /** Put before the AS path, the first of them leftmost. */
  readonly prepend?: readonly number[];
  readonly localPref?: number;
  /** RFC 1997 and RFC 8092: added behind those that the route has, where it has them not. */
  readonly communities?: readonly number[];
  readonly largeCommunities?: readonly LargeCommunity[];
  /** RFC 9234 */
  readonly onlyToCustomer?: number;
}

const OPTIONAL_TRANSITIVE = FLAG_OPTIONAL | FLAG_TRANSITIVE;
const MAX_VALUE_LENGTH = 65535;

/** What edits may change or add, ascending; all else is copied. */
const EDITABLE = [
  ATTRIBUTE.AS_PATH,
  ATTRIBUTE.LOCAL_PREF,
  ATTRIBUTE.COMMUNITIES,
  ATTRIBUTE.LARGE_COMMUNITIES,
  ATTRIBUTE.ONLY_TO_CUSTOMER,
] as const;

/**
 * Writes the edited attributes to `out`, MAX_CANONICAL_LENGTH octets from 0 on. Their length, or -1:
 * no message has room for what comes out.
 */
export function rewriteAttributes(
  view: AttributeView,
  edits: AttributeEdits,
  out: Uint8Array,
): number {
  let at = 0;
  let next = 0;
  for (const code of EDITABLE) {
    for (; next < view.count && view.codes[next]! < code; next++) {
      at = copyAttribute(view, view.codes[next]!, out, at);
    }
    if (next < view.count && view.codes[next] === code) next++;
    at = writeEdited(view, code, edits, out, at);
    if (at < 0) return -1;
  }
  for (; next < view.count; next++) at = copyAttribute(view, view.codes[next]!, out, at);
  return at <= MAX_CANONICAL_LENGTH ? at : -1;
}

function writeEdited(
  view: AttributeView,
  code: (typeof EDITABLE)[number],
  { prepend, localPref, communities, largeCommunities, onlyToCustomer }: AttributeEdits,
  out: Uint8Array,
  at: number,
): number {
  switch (code) {
    case ATTRIBUTE.AS_PATH:
      return prepend === undefined
        ? copyAttribute(view, code, out, at)
        : writePath(view, prepend, out, at);
    case ATTRIBUTE.LOCAL_PREF:
      return writeNumber(view, code, FLAG_TRANSITIVE, localPref, out, at);
    case ATTRIBUTE.ONLY_TO_CUSTOMER:
      return writeNumber(view, code, OPTIONAL_TRANSITIVE, onlyToCustomer, out, at);
    case ATTRIBUTE.COMMUNITIES: {
      const added = communities?.filter((one) => !view.hasCommunity(one)) ?? [];
      const value = extendList(view, code, added.length * 4, out, at);
      if (value < 0) return -1;
      added.forEach((one, index) => {
        writeU32(out, value + index * 4, one);
      });
      return value + added.length * 4;
    }
    default: {
      const added = largeCommunities?.filter((one) => !view.hasLargeCommunity(one)) ?? [];
      const value = extendList(view, code, added.length * 12, out, at);
      if (value < 0) return -1;
      added.forEach(({ global, local1, local2 }, index) => {
        writeU32(out, value + index * 12, global);
        writeU32(out, value + index * 12 + 4, local1);
        writeU32(out, value + index * 12 + 8, local2);
      });
      return value + added.length * 12;
    }
  }
}

/** Writes `value`, or what the route has. */
function writeNumber(
  view: AttributeView,
  code: number,
  flags: number,
  value: number | undefined,
  out: Uint8Array,
  at: number,
): number {
  if (value === undefined) return copyAttribute(view, code, out, at);
  const start = writeAttributeHead(out, at, flags, code, 4);
  writeU32(out, start, value);
  return start + 4;
}

/** Writes what the list has, and makes room for `more` octets: where they go, or -1. */
function extendList(
  view: AttributeView,
  code: number,
  more: number,
  out: Uint8Array,
  at: number,
): number {
  const before = Math.max(view.length(code), 0);
  const length = before + more;
  if (length === 0) return at;
  if (length > MAX_VALUE_LENGTH) return -1;
  const flags = before > 0 ? view.flags(code) & ~FLAG_EXTENDED_LENGTH : OPTIONAL_TRANSITIVE;
  const value = writeAttributeHead(out, at, flags, code, length);
  copyBytes(view.bytes, view.start(code), before, out, value);
  return value + before;
}

function writePath(
  view: AttributeView,
  prepend: readonly number[],
  out: Uint8Array,
  at: number,
): number {
  const { asPathBytes, asPathStart, asPathEnd } = view;
  // The length is known once it is written: room for the longer head, closed up after.
  const value = at + 4;
  const length = writePrepended(asPathBytes, asPathStart, asPathEnd, prepend, out, value) - value;
  if (length > MAX_VALUE_LENGTH) return -1;
  const start = writeAttributeHead(out, at, FLAG_TRANSITIVE, ATTRIBUTE.AS_PATH, length);
  if (start !== value) out.copyWithin(start, value, value + length);
  return start + length;
}

function copyAttribute(view: AttributeView, code: number, out: Uint8Array, at: number): number {
  const length = view.length(code);
  if (length < 0) return at;
  const flags = view.flags(code) & ~FLAG_EXTENDED_LENGTH;
  const value = writeAttributeHead(out, at, flags, code, length);
  copyBytes(view.bytes, view.start(code), length, out, value);
  return value + length;
}
