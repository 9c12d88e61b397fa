/** Everything about one prefix, as objects: for people who ask why. */

import { decodeAttributes, type PathAttributes } from 'bgp-parser-ts';
import type { ZonedAddress } from 'net-ipaddr';
import { NO_ATTRIBUTES } from './attributes.ts';
import { type Candidate, decide } from './decision.ts';
import { NO_PATH } from './paths.ts';
import type { Rib } from './rib.ts';
import { localPrefOfRank, originOfRank, pathLengthOfRank } from './scores.ts';
import { EXTERNAL, LOCAL } from './sources.ts';

export interface PathDetail {
  /** Peer id, or -1: originated here. */
  readonly peer: number;
  readonly state: 'best' | 'multipath' | 'lost' | 'rejected';
  /** The step that decided for or against it, or why it could not be chosen. */
  readonly reason: string;
  readonly nextHop: ZonedAddress | undefined;
  /** RFC 7313: its peer is telling all again, and has not come to it yet. */
  readonly isStale: boolean;
  /** As received. */
  readonly attributes: PathAttributes;
}

/**
 * @param rejection why import rejected a path; undefined: it did not
 */
export function pathDetails(
  rib: Rib,
  prefix: number,
  rejection: (path: number) => string | undefined,
): PathDetail[] {
  const usable: number[] = [];
  for (let path = rib.routes.head(prefix); path !== NO_PATH; path = rib.paths.next(path)) {
    if (rib.selection.isUsable(path)) usable.push(path);
  }
  const decision = decide(usable.map((path) => candidateOf(rib, path)));
  const details: PathDetail[] = [];
  for (let path = rib.routes.head(prefix); path !== NO_PATH; path = rib.paths.next(path)) {
    const index = usable.indexOf(path);
    if (index < 0) {
      details.push(describe(rib, path, 'rejected', rejection(path) ?? whyUnusable(rib, path)));
    } else if (index === decision.best) {
      details.push(describe(rib, path, 'best', decision.decidedBy ?? 'only path'));
    } else {
      const state = decision.isMultipath[index] ? 'multipath' : 'lost';
      details.push(describe(rib, path, state, decision.lostAt[index]!));
    }
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

function describe(rib: Rib, path: number, state: PathDetail['state'], reason: string): PathDetail {
  const received = rib.paths.received(path);
  return {
    peer: rib.sources.peer(rib.paths.source(path)),
    state,
    reason,
    isStale: rib.isStale(path),
    nextHop: rib.nextHops.address(rib.attributes.nextHop(received)),
    attributes: decodeAttributes(rib.attributes.view(received)),
  };
}

function whyUnusable(rib: Rib, path: number): string {
  if (!rib.sources.isLive(rib.paths.source(path))) return 'session ended';
  return rib.paths.imported(path) === NO_ATTRIBUTES ? 'import' : 'next hop unreachable';
}
