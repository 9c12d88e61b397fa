/** Which objects of a resource a list, a watch or a deletion of many is about. */
import type { AnyObject } from './objects.ts';
import { rangeOf, selectableFields, selectableOf } from './resources.ts';
import type { KeyRange } from './revisions.ts';
import { fieldRequirement, parseFieldSelector, parseLabelSelector } from './selectors.ts';
import type { Served } from './served.ts';
import type { Target } from './target.ts';

export interface Choice {
  /** Nothing beyond the key range is asked of an object: its text need not be read. */
  readonly isAll: boolean;
  /** The only name that is chosen. */
  readonly name: string | undefined;
  includes(served: Served, object: AnyObject): boolean;
}

/** @throws ApiError 400 when a selector cannot be read. */
export function chooseFrom({ served, namespace, name, query }: Target): Choice {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  const terms = parseFieldSelector(query.get('fieldSelector') ?? '', selectableFields(served));
  // The commonest field selector is a key, and a key needs no object to be read.
  const named = terms.filter(({ field, negated }) => field === 'metadata.name' && !negated);
  const hasKey = !served.type.namespaced || namespace !== undefined;
  const isKeyed = hasKey && named.length === 1;
  const others = isKeyed ? terms.filter((term) => term !== named[0]) : terms;
  const requirements = [...labels, ...others.map(fieldRequirement)];
  return {
    isAll: requirements.length === 0,
    name: name ?? (isKeyed ? named[0]!.value : undefined),
    includes(served, object) {
      const selectable = selectableOf(served, object);
      return requirements.every((requirement) => requirement(selectable));
    },
  };
}

export function rangeOfChoice({ served, namespace }: Target, { name }: Choice): KeyRange {
  return rangeOf(served.type, namespace, name);
}
