/**
 * JSON as Kubernetes speaks it, without losing numbers: Calico's sequence numbers are near 1.8e18,
 * and JSON.parse would round them to a multiple of 256, silently, on the way to a rewrite.
 *
 * An integer that a double cannot hold becomes a bigint. A decimal that a double cannot hold keeps
 * its text (as JSON.rawJSON gives it); nothing in Kubernetes has such a number today.
 */

interface Codec {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
}
// Both of Node 22 and later; TypeScript's library for ES2025 does not list them.
const { parse: parseRevived, rawJSON } = JSON as typeof JSON & Codec;
const { parse, stringify } = JSON;
const { isArray } = Array;

/**
 * Where a value may stand, text that may be a number that a double loses: 16 characters are the
 * fewest that can have too many digits, three digits the fewest of an exponent that overflows.
 */
const MAY_LOSE = /((?:^|[:,[])\s*)(-?\d[\d.eE+-]{15,}|-?[\d.]+[eE]\+?\d{3,})(?=\s*(?:[,\]}]|$))/;
const EVERY_MAY_LOSE = new RegExp(MAY_LOSE, 'g');

/** A number set aside is a string that begins so. JSON has the character only escaped. */
const MARK = '\0';
const MARK_CODE = 0;
const ESCAPED_MARK = '\\u0000';

const INTEGER = /^-?\d+$/;

/** Decimal digits that a double always keeps. */
const EXACT_DIGITS = 15;

/** @throws SyntaxError when `text` is not JSON. */
export function parseJson(text: string | Buffer): unknown {
  const source = typeof text === 'string' ? text : text.toString('utf8');
  if (!MAY_LOSE.test(source)) return parse(source);
  return parseMarked(source) ?? parseRevived(source, reviveNumber);
}

/**
 * A reviver is called for every value and makes parsing seven times slower: a page of 500 blocks
 * would hold the event loop for 90 ms. So the few long numbers are quoted and marked first, and put
 * back after. Undefined when that cannot be done here, or the text is not JSON.
 *
 * Text inside a string may look like such a number too. Quoting it there ends the string, and the
 * backslash of the mark then stands where none can: a syntax error, never a wrong value.
 */
function parseMarked(source: string): unknown {
  if (source.includes(ESCAPED_MARK)) return undefined;
  const marked = source.replace(EVERY_MAY_LOSE, `$1"${ESCAPED_MARK}$2"`);
  try {
    return unmark(parse(marked));
  } catch {
    return undefined;
  }
}

/** Puts numbers back in place. Deep nesting overflows the stack, which the caller takes for a no. */
function unmark(value: unknown): unknown {
  if (typeof value === 'string')
    return value.charCodeAt(0) === MARK_CODE ? exactNumber(value.slice(MARK.length)) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const member: unknown = value[i];
      if (typeof member === 'object' || typeof member === 'string') value[i] = unmark(member);
    }
    return value;
  }
  const members = value as Record<string, unknown>;
  for (const name in members) {
    const member = members[name];
    if (typeof member !== 'object' && typeof member !== 'string') continue;
    const exact = unmark(member);
    if (exact !== member) members[name] = exact;
  }
  return value;
}

function reviveNumber(_name: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === 'number' && source !== undefined ? exactNumber(source) : value;
}

/** @throws SyntaxError when `source` is no number (the pattern above also lets `1-2` pass). */
function exactNumber(source: string): unknown {
  const value = parse(source) as number;
  if (INTEGER.test(source)) return Number.isSafeInteger(value) ? value : BigInt(source);
  if (String(value) === source) return value;
  const digits = source.replace(/[eE].*$|0+$/, '').replace(/^[-0.]+|\./g, '');
  return Number.isFinite(value) && digits.length <= EXACT_DIGITS ? value : rawJSON(source);
}

/** `indent` spaces a level; none for one line. @throws TypeError when `value` contains itself. */
export function stringifyJson(value: unknown, indent?: number): string {
  try {
    return stringify(value, undefined, indent);
  } catch (error) {
    // JSON.stringify refuses bigint with a TypeError; a cycle's TypeError comes again below.
    if ((error as Error).name !== 'TypeError') throw error;
    return stringify(value, bigintAsRaw, indent);
  }
}

function bigintAsRaw(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? rawJSON(value.toString()) : value;
}
