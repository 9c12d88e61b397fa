/** Prefixes as sets of addresses: what contains what, what is left, and how to count inside one. */

import { type Address, compareAddresses, familyBits } from './address.ts';
import { checkLength, comparePrefixes, type Prefix, prefixOf } from './prefix.ts';

/** How many leading bits `a` and `b`, of one family, share; at most `limit`. */
export function commonBits(a: Uint8Array, b: Uint8Array, limit: number): number {
  for (let i = 0; i << 3 < limit; i++) {
    const difference = a[i]! ^ b[i]!;
    if (difference !== 0) return Math.min(limit, (i << 3) + Math.clz32(difference) - 24);
  }
  return limit;
}

export function containsAddress(prefix: Prefix, address: Address): boolean {
  return (
    prefix.address.family === address.family &&
    commonBits(prefix.address.bytes, address.bytes, prefix.length) === prefix.length
  );
}

/** True also when both are the same prefix. */
export function containsPrefix(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && containsAddress(outer, inner.address);
}

/** Two prefixes share an address only if one contains the other. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  return containsPrefix(a, b) || containsPrefix(b, a);
}

/** How many addresses the prefix holds, the first and the last included. */
export function prefixSize(prefix: Prefix): bigint {
  return 1n << BigInt(familyBits(prefix.address.family) - prefix.length);
}

/**
 * The address `offset` places after the prefix's first.
 * @throws RangeError when the prefix ends before it.
 */
export function addressAt(prefix: Prefix, offset: number | bigint): Address {
  let rest = BigInt(offset);
  if (rest < 0n || rest >= prefixSize(prefix)) {
    throw new RangeError(
      `a /${prefix.length} of IPv${prefix.address.family} has no offset ${rest}`,
    );
  }
  const bytes = prefix.address.bytes.slice();
  // The host bits are zero, so the offset's bits can be set without a carry.
  for (let i = bytes.length - 1; rest > 0n; i--, rest >>= 8n) bytes[i]! |= Number(rest & 0xffn);
  return { family: prefix.address.family, bytes };
}

/**
 * The inverse of `addressAt`.
 * @throws RangeError when the address is not in the prefix.
 */
export function offsetIn(prefix: Prefix, address: Address): bigint {
  if (!containsAddress(prefix, address)) throw new RangeError('the address is not in the prefix');
  let offset = 0n;
  for (const byte of address.bytes) offset = (offset << 8n) | BigInt(byte);
  return offset & (prefixSize(prefix) - 1n);
}

/** What is left of `outer` without `inner`, in ascending order: the fewest prefixes that do. */
export function subtractPrefix(outer: Prefix, inner: Prefix): Prefix[] {
  if (containsPrefix(inner, outer)) return [];
  if (!containsPrefix(outer, inner)) return [outer];
  const rest: Prefix[] = [];
  for (let length = outer.length + 1; length <= inner.length; length++) {
    rest.push(sibling(prefixOf(inner.address, length)));
  }
  return rest.sort(comparePrefixes);
}

/** The fewest prefixes that hold exactly the same addresses, in ascending order. */
export function aggregate(prefixes: Iterable<Prefix>): Prefix[] {
  const merged: Prefix[] = [];
  for (const prefix of [...prefixes].sort(comparePrefixes)) {
    const last = merged.at(-1);
    // Sorted, so a prefix that holds this one can only be the last that was kept.
    if (last !== undefined && containsPrefix(last, prefix)) continue;
    merged.push(prefix);
    while (merged.length >= 2 && areHalves(merged.at(-2)!, merged.at(-1)!)) {
      merged.pop();
      const half = merged.pop()!;
      merged.push({ address: half.address, length: half.length - 1 });
    }
  }
  return merged;
}

/**
 * The prefixes of this length inside `prefix`, ascending. Lazy: an IPv6 prefix may hold 2^64 of them.
 * @throws RangeError when `length` is shorter than the prefix's own, or beyond the family's.
 */
export function* subnets(prefix: Prefix, length: number): Generator<Prefix, void, undefined> {
  checkLength(prefix.address.family, length);
  if (length < prefix.length) throw new RangeError(`a /${prefix.length} holds no /${length}`);
  const step = BigInt(familyBits(prefix.address.family) - length);
  const count = 1n << BigInt(length - prefix.length);
  for (let i = 0n; i < count; i++) yield { address: addressAt(prefix, i << step), length };
}

/** Whether `low` and `high` are the two halves, in order, of one prefix. */
function areHalves(low: Prefix, high: Prefix): boolean {
  return (
    low.length === high.length &&
    low.length > 0 &&
    low.address.family === high.address.family &&
    !isUpperHalf(low) &&
    compareAddresses(sibling(low).address, high.address) === 0
  );
}

function isUpperHalf(prefix: Prefix): boolean {
  const bit = prefix.length - 1;
  return (prefix.address.bytes[bit >> 3]! & (0x80 >> (bit & 7))) !== 0;
}

/** The prefix that differs in the last bit alone. */
function sibling(prefix: Prefix): Prefix {
  const bytes = prefix.address.bytes.slice();
  const bit = prefix.length - 1;
  bytes[bit >> 3]! ^= 0x80 >> (bit & 7);
  return { address: { family: prefix.address.family, bytes }, length: prefix.length };
}
