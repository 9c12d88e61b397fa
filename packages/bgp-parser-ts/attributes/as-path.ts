import { readU32, writeU32 } from '../bytes.ts';
import {
  AS_CONFED_SEQUENCE,
  AS_CONFED_SET,
  AS_SEQUENCE,
  AS_SET,
  ATTRIBUTE,
  FLAG_TRANSITIVE,
} from '../constants.ts';
import { UPDATE_ERROR } from '../wire-error.ts';
import { attribute } from './attribute.ts';

export type AsPathSegmentType = 'set' | 'sequence' | 'confed-sequence' | 'confed-set';

export interface AsPathSegment {
  readonly type: AsPathSegmentType;
  /** 1–255 AS numbers of 4 octets; the first is the nearest. */
  readonly as: readonly number[];
}

const TYPES: readonly (AsPathSegmentType | undefined)[] = [
  undefined,
  'set',
  'sequence',
  'confed-sequence',
  'confed-set',
];

/** RFC 4271 §4.3: a segment's count is one octet. */
export const MAX_SEGMENT = 255;

/** AS_PATH, RFC 4271 §5.1.2. Canonical form: 4-octet AS numbers, AS4_PATH merged in. */
export const asPath = attribute({
  code: ATTRIBUTE.AS_PATH,
  name: 'AS_PATH',
  key: 'asPath',
  flags: FLAG_TRANSITIVE,
  onError: 'treat-as-withdraw',
  clause: 'RFC 7606 §7.2, RFC 7607 §2, RFC 5065 §5',
  expects:
    'whole segments of known type, none empty, no AS 0, no confederation segment from an external peer',
  check(bytes, start, length, context) {
    const size = context.as4 ? 4 : 2;
    return isSegments(bytes, start, start + length, size, !context.ebgp)
      ? 0
      : UPDATE_ERROR.MALFORMED_AS_PATH;
  },
  decode(bytes, start, length): readonly AsPathSegment[] {
    const segments: AsPathSegment[] = [];
    for (let at = start; at < start + length; ) {
      const count = bytes[at + 1]!;
      const as = Array.from({ length: count }, (_, i) => readU32(bytes, at + 2 + i * 4));
      segments.push({ type: TYPES[bytes[at]!]!, as });
      at += 2 + count * 4;
    }
    return segments;
  },
  encode(segments: readonly AsPathSegment[]) {
    const out = new Uint8Array(segments.reduce((sum, { as }) => sum + 2 + as.length * 4, 0));
    let at = 0;
    for (const { type, as } of segments) {
      if (as.length === 0 || as.length > MAX_SEGMENT) {
        throw new RangeError(`AS_PATH: a segment of ${as.length} AS numbers, must be 1–255`);
      }
      out[at] = TYPES.indexOf(type);
      out[at + 1] = as.length;
      at += 2;
      for (const one of as) {
        writeU32(out, at, one);
        at += 4;
      }
    }
    return out;
  },
});

/** Whether `bytes[start, end)` is whole segments of `size`-octet AS numbers; the empty path is. */
export function isSegments(
  bytes: Uint8Array,
  start: number,
  end: number,
  size: 2 | 4,
  allowsConfed: boolean,
): boolean {
  let at = start;
  while (at < end) {
    if (end - at < 2) return false;
    const type = bytes[at]!;
    const count = bytes[at + 1]!;
    const isConfed = type === AS_CONFED_SEQUENCE || type === AS_CONFED_SET;
    if (type !== AS_SEQUENCE && type !== AS_SET && !(isConfed && allowsConfed)) return false;
    at += 2;
    const segmentEnd = at + count * size;
    if (count === 0 || segmentEnd > end) return false;
    for (; at < segmentEnd; at += size) {
      if (bytes[at] !== 0 || bytes[at + 1] !== 0) continue;
      // RFC 7607 §2: AS 0 stands nowhere in a path.
      if (size === 2 || (bytes[at + 2] === 0 && bytes[at + 3] === 0)) return false;
    }
  }
  return true;
}
