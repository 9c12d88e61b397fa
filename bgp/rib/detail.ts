/** Everything about one prefix, as objects: for people who ask why. */

import { decodeAttributes, type PathAttributes } from 'bgp-parser-ts';
import type { ZonedAddress } from 'net-ipaddr';
import type { Validity } from '../rpki/vrps.ts';
import { NO_ATTRIBUTES } from './attributes.ts';
import { type Candidate, decide } from './decision.ts';
import type { ImportVerdict } from './import.ts';
import { NO_PATH } from './paths.ts';
import type { Rib } from './rib.ts';
import { isLongLivedStaleRank, localPrefOfRank, originOfRank, pathLengthOfRank } from './scores.ts';
import { EXTERNAL, LOCAL } from './sources.ts';

export interface PathDetail {
  /** Peer id, or -1: originated here. */
  readonly peer: number;
  readonly state: 'best' | 'multipath' | 'lost' | 'rejected';
  /** The step that decided for or against it, or why it could not be chosen. */
  readonly reason: string;
  readonly nextHop: ZonedAddress | undefined;
  /** To the next hop (RFC 4271 §9.1.2.2 e); undefined: it cannot be reached. */
  readonly interiorCost: number | undefined;
  /** Its peer is telling all again (RFC 7313), or was away (RFC 4724), and has not come to it yet. */
  readonly isStale: boolean;
  /** RFC 7911, as received; 0 where the peer sends none. */
  readonly pathId: number;
  /** As received. */
  readonly attributes: PathAttributes;
  /** After import, where it changed something; and the policy's rules that did. */
  readonly imported: PathAttributes | undefined;
  readonly changedBy: readonly string[];
  /** RFC 6811, of routes from other ASes; undefined: origins are not validated. */
  readonly validity: Validity | undefined;
}

/**
 * @param verdict what import made of a path; undefined where import has no say
 */
export function pathDetails(
  rib: Rib,
  prefix: number,
  verdict: (path: number) => ImportVerdict | undefined,
): PathDetail[] {
  const usable: number[] = [];
  for (let path = rib.routes.head(prefix); path !== NO_PATH; path = rib.paths.next(path)) {
    if (rib.selection.isUsable(path)) usable.push(path);
  }
  const decision = decide(usable.map((path) => candidateOf(rib, path)));
  const details: PathDetail[] = [];
  for (let path = rib.routes.head(prefix); path !== NO_PATH; path = rib.paths.next(path)) {
    if (!rib.paths.isUsed(path)) continue;
    const { refusal, changedBy = [], validity } = verdict(path) ?? {};
    const describeAs = (state: PathDetail['state'], reason: string) =>
      details.push({ ...describe(rib, path), state, reason, changedBy, validity });
    const index = usable.indexOf(path);
    if (index < 0) describeAs('rejected', refusal ?? whyUnusable(rib, path));
    else if (index === decision.best) describeAs('best', decision.decidedBy ?? 'only path');
    else describeAs(decision.isMultipath[index] ? 'multipath' : 'lost', decision.lostAt[index]!);
  }
  return details;
}

/** What the decision process judges a usable path by. */
export function candidateOf(rib: Rib, path: number): Candidate {
  const { attributes, nextHops, paths, routes, sources } = rib;
  const imported = paths.imported(path);
  const source = paths.source(path);
  const rank = attributes.rank(imported);
  return {
    isLocal: sources.kind(source) === LOCAL,
    isLongLivedStale: isLongLivedStaleRank(rank),
    localPref: localPrefOfRank(rank),
    pathLength: pathLengthOfRank(rank),
    origin: originOfRank(rank),
    neighborAs: attributes.neighborAs(imported),
    med: attributes.med(imported),
    isExternal: sources.kind(source) === EXTERNAL,
    cost: nextHops.cost(attributes.nextHop(imported)),
    isCurrent: routes.best(paths.prefix(path)) === path,
    routerId: attributes.originatorId(imported) || sources.routerId(source),
    clusterListLength: attributes.clusterListLength(imported),
    peerAddress: sources.address(source),
    pathId: paths.pathId(path),
  };
}

function describe(rib: Rib, path: number) {
  const { attributes, nextHops, paths, sources } = rib;
  const received = paths.received(path);
  const imported = paths.imported(path);
  const nextHop = attributes.nextHop(received);
  const isChanged = imported !== NO_ATTRIBUTES && imported !== received;
  return {
    peer: sources.peer(paths.source(path)),
    isStale: rib.isStale(path),
    pathId: paths.pathId(path),
    nextHop: nextHops.address(nextHop),
    interiorCost: nextHops.isReachable(nextHop) ? nextHops.cost(nextHop) : undefined,
    attributes: decodeAttributes(attributes.view(received)),
    imported: isChanged ? decodeAttributes(attributes.view(imported)) : undefined,
  };
}

function whyUnusable(rib: Rib, path: number): string {
  if (!rib.sources.isLive(rib.paths.source(path))) return 'session ended';
  return rib.paths.imported(path) === NO_ATTRIBUTES
    ? 'attributes too long'
    : 'next hop unreachable';
}
