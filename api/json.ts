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

/** 16 digits are the fewest that can lose any, and three of an exponent the fewest that overflow. */
const MAY_LOSE = /[\d.]{16}|[eE][+]?\d{3}/;

const INTEGER = /^-?\d+$/;

/** Decimal digits that a double always keeps. */
const EXACT_DIGITS = 15;

/**
 * @throws SyntaxError when `text` is not JSON.
 */
export function parseJson(text: string | Buffer): unknown {
  const source = typeof text === 'string' ? text : text.toString('utf8');
  // A reviver is called for every value, so only bodies that need one pay for it.
  return MAY_LOSE.test(source) ? parseRevived(source, exactNumber) : parse(source);
}

export function stringifyJson(value: unknown, indent?: number): string {
  try {
    return stringify(value, undefined, indent);
  } catch (error) {
    // JSON.stringify refuses bigint with a TypeError; a cycle's TypeError comes again below.
    if ((error as Error).name !== 'TypeError') throw error;
    return stringify(value, bigintAsRaw, indent);
  }
}

function exactNumber(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== 'number' || source === undefined || String(value) === source) return value;
  if (INTEGER.test(source)) return Number.isSafeInteger(value) ? value : BigInt(source);
  const digits = source.replace(/[eE].*$/, '').replace(/^[-0.]+|\./g, '');
  return Number.isFinite(value) && digits.length <= EXACT_DIGITS ? value : rawJSON(source);
}

function bigintAsRaw(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? rawJSON(value.toString()) : value;
}
