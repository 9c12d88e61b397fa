/**
 * What RFCs prescribe of routes from or to a peer whatever their prefix and whatever the policy: a
 * rule reads the attributes, and refuses the route, or changes it, or neither.
 */

import type { AttributeEdits, AttributeView } from 'bgp-parser-ts';
import { mergeEdits } from './edits.ts';

/** Text: why the route is refused. Edits: what is changed. Undefined: nothing. */
export type RouteRule = (view: AttributeView) => string | AttributeEdits | undefined;

/** What all rules together say. All of them read the attributes as they are: none sees another's edits. */
export function applyRules(
  rules: readonly RouteRule[],
  view: AttributeView,
): string | AttributeEdits | undefined {
  let all: AttributeEdits | undefined;
  for (const rule of rules) {
    const said = rule(view);
    if (typeof said === 'string') return said;
    if (said !== undefined) all = all === undefined ? said : mergeEdits(all, said);
  }
  return all;
}
