/** ADD-PATH, RFC 7911: in which directions routes of which families go with path identifiers. */

import { type Capability, SAFI_UNICAST } from 'bgp-parser-ts';
import type { Family } from 'net-ipaddr';
import { AFI } from '../afi.ts';

/** What we are ready to do, in all families. */
export interface AddPathTerms {
  readonly send: boolean;
  readonly receive: boolean;
}

/** The families in which each direction has them. */
export interface AddPath {
  readonly send: readonly Family[];
  readonly receive: readonly Family[];
}

/** None when we are ready for neither direction. */
export function addPathCapability(
  { send, receive }: AddPathTerms,
  families: readonly Family[],
): Capability[] {
  if (!send && !receive) return [];
  const ours = families.map((family) => ({ afi: AFI[family], safi: SAFI_UNICAST, send, receive }));
  return [{ kind: 'add-path', families: ours }];
}

/** §4: one side is ready to send what the other one is ready to receive. */
export function negotiateAddPath(
  ours: AddPathTerms,
  families: readonly Family[],
  capabilities: readonly Capability[],
): AddPath {
  const offers = capabilities
    .filter((capability) => capability.kind === 'add-path')
    .flatMap((capability) => capability.families);
  const theirs = (family: Family) =>
    offers.findLast(({ afi, safi }) => afi === AFI[family] && safi === SAFI_UNICAST);
  return {
    send: families.filter((family) => ours.send && theirs(family)?.receive),
    receive: families.filter((family) => ours.receive && theirs(family)?.send),
  };
}
