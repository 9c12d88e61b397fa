/** Several changes of one route as one. */

import type { AttributeEdits } from 'bgp-parser-ts';

/** What both together change: `first`, then `second`. */
export function mergeEdits(first: AttributeEdits, second: AttributeEdits): AttributeEdits {
  const localPref = second.localPref ?? first.localPref;
  const onlyToCustomer = second.onlyToCustomer ?? first.onlyToCustomer;
  const prepend = joined(second.prepend, first.prepend);
  const communities = distinct(joined(first.communities, second.communities), String);
  const largeCommunities = distinct(
    joined(first.largeCommunities, second.largeCommunities),
    ({ global, local1, local2 }) => `${global}:${local1}:${local2}`,
  );
  return {
    ...(localPref !== undefined && { localPref }),
    ...(prepend && { prepend }),
    ...(communities && { communities }),
    ...(largeCommunities && { largeCommunities }),
    ...(onlyToCustomer !== undefined && { onlyToCustomer }),
  };
}

function joined<T>(
  a: readonly T[] | undefined,
  b: readonly T[] | undefined,
): readonly T[] | undefined {
  return a === undefined || b === undefined ? (a ?? b) : [...a, ...b];
}

function distinct<T>(list: readonly T[] | undefined, key: (one: T) => string): T[] | undefined {
  return list && [...new Map(list.map((one) => [key(one), one])).values()];
}
