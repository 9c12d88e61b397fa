/**
 * The speaker's routes as plain Maps and objects: slow, and as near to the RFCs' words as can be.
 * What Routing does with typed arrays, in slices, must come to the same.
 */

import type { PathAttributes } from 'bgp-parser-ts';
import { compareAddresses, formatAddress, parseAddress, parsePrefix } from 'net-ipaddr';
import { MAX_PATHS } from '../../../bgp/export/add-path-group.ts';
import type { Policy } from '../../../bgp/policy/policy.ts';
import { type Candidate, decide } from '../../../bgp/rib/decision.ts';
import { applyPolicy } from '../policy/plain-policy.ts';
import { attributesText, LOCAL_AS, type Neighbor, OWN4, OWN6, ROUTER_ID } from './neighbor.ts';

const NO_EXPORT = 0xffffff01;
const NO_ADVERTISE = 0xffffff02;
/** What is originated here, as a source. */
const LOCAL = 'local';

interface Path {
  readonly from: Neighbor | typeof LOCAL;
  /** RFC 7911, as the peer gave it; 0 for others. */
  readonly pathId: number;
  readonly attributes: PathAttributes;
}

export class Model {
  /** Prefix → paths by peer and path identifier, as received. */
  readonly #paths = new Map<string, Map<string, Path>>();
  readonly #chosen = new Map<string, Path>();
  readonly unreachable = new Set<string>();

  announce(
    from: Neighbor | typeof LOCAL,
    prefix: string,
    attributes: PathAttributes,
    pathId = 0,
  ): void {
    const paths = this.#paths.get(prefix) ?? new Map();
    this.#paths.set(prefix, paths.set(keyOf(from, pathId), { from, pathId, attributes }));
  }

  withdraw(from: Neighbor | typeof LOCAL, prefix: string, pathId = 0): void {
    this.#paths.get(prefix)?.delete(keyOf(from, pathId));
  }

  down(peer: Neighbor): void {
    for (const paths of this.#paths.values()) {
      for (const [key, { from }] of paths) if (from === peer) paths.delete(key);
    }
  }

  /** Chooses for all prefixes. The choice before counts, see RFC 5004. */
  decide(): void {
    for (const [prefix, paths] of this.#paths) {
      const usable = this.#usable(prefix, paths);
      const current = this.#chosen.get(prefix);
      const { best } = decide(usable.map((path) => candidate(path, isSame(path, current))));
      const chosen = usable[best];
      if (chosen === undefined) this.#chosen.delete(prefix);
      else this.#chosen.set(prefix, chosen);
    }
  }

  /** What onRoutes should have told by now. */
  routes(): Map<string, string> {
    const routes = new Map<string, string>();
    for (const [prefix, chosen] of this.#chosen) {
      const { from } = chosen;
      if (from === LOCAL) {
        routes.set(prefix, LOCAL);
        continue;
      }
      const usable = this.#usable(prefix, this.#paths.get(prefix)!);
      const { isMultipath } = decide(usable.map((path) => candidate(path, isSame(path, chosen))));
      const hops = usable
        .filter((_, index) => isMultipath[index])
        .map(({ attributes }) => attributes.nextHop!.address)
        .sort(compareAddresses)
        .map(formatAddress);
      routes.set(prefix, `${[...new Set(hops)]} of ${from.id}`);
    }
    return routes;
  }

  /** What the peer should hold: prefix and attributes, one pair or, with RFC 7911, several for a prefix. */
  table(peer: Neighbor): [string, string][] {
    const table: [string, string][] = [];
    for (const [prefix, chosen] of this.#chosen) {
      const paths = peer.isSentPaths ? this.#usable(prefix, this.#paths.get(prefix)!) : [chosen];
      if (paths.length > MAX_PATHS)
        throw new Error('the model does not know which of them are sent');
      for (const path of paths) {
        const attributes = this.#exported(peer, prefix, path);
        if (attributes !== undefined) table.push([prefix, attributesText(attributes)]);
      }
    }
    return table;
  }

  #usable(prefix: string, paths: Map<string, Path>): Path[] {
    const usable: Path[] = [];
    for (const path of paths.values()) {
      const { from, attributes } = path;
      if (from === LOCAL) {
        usable.push(path);
        continue;
      }
      const hop = formatAddress(attributes.nextHop!.address);
      const isRefused =
        attributes.asPath!.some(({ as }) => as.includes(LOCAL_AS)) ||
        attributes.originatorId === ROUTER_ID ||
        attributes.clusterList?.includes(ROUTER_ID) === true ||
        hop === OWN4;
      if (isRefused || this.unreachable.has(hop)) continue;
      const imported = applied(from.config.importPolicy, prefix, path);
      if (imported !== undefined) usable.push({ ...path, attributes: imported });
    }
    return usable;
  }

  #exported(peer: Neighbor, prefix: string, chosen: Path): PathAttributes | undefined {
    const { from } = chosen;
    const family = prefix.includes(':') ? 6 : 4;
    if (from === peer || !peer.families.includes(family)) return undefined;
    const toExternal = isExternal(peer);
    const isReflected = from !== LOCAL && !isExternal(from) && !toExternal;
    if (isReflected && !isClient(from) && !isClient(peer)) return undefined;
    const { communities } = chosen.attributes;
    if (communities?.includes(NO_ADVERTISE)) return undefined;
    if (toExternal && communities?.includes(NO_EXPORT)) return undefined;
    const attributes = applied(peer.config.exportPolicy, prefix, chosen);
    if (attributes === undefined) return undefined;

    const mode = peer.config.nextHopMode;
    const isOwnHop = from === LOCAL || mode === 'self' || (mode === 'auto' && toExternal);
    const own = { address: parseAddress(family === 4 ? OWN4 : OWN6) };
    const { localPref, med, originatorId, clusterList, ...rest } = attributes;
    const common = { ...rest, nextHop: isOwnHop ? own : attributes.nextHop! };
    if (toExternal) {
      const first = attributes.asPath![0];
      const asPath =
        first?.type === 'sequence'
          ? [
              { type: 'sequence' as const, as: [LOCAL_AS, ...first.as] },
              ...attributes.asPath!.slice(1),
            ]
          : [{ type: 'sequence' as const, as: [LOCAL_AS] }, ...attributes.asPath!];
      return { ...common, asPath, ...(from === LOCAL && med !== undefined ? { med } : {}) };
    }
    return {
      ...common,
      ...(med === undefined ? {} : { med }),
      localPref: localPref ?? 100,
      ...(isReflected
        ? {
            originatorId: originatorId ?? from.routerId,
            clusterList: [ROUTER_ID, ...(clusterList ?? [])],
          }
        : {}),
    };
  }
}

function isExternal(peer: Neighbor): boolean {
  return peer.config.remoteAs !== LOCAL_AS;
}

function isClient(peer: Neighbor): boolean {
  return peer.config.routeReflectorClient === true;
}

function applied(
  policy: Policy,
  text: string,
  { from, attributes }: Path,
): PathAttributes | undefined {
  const prefix = parsePrefix(text);
  return applyPolicy(policy, { prefix, isLearned: from !== LOCAL, attributes });
}

function keyOf(from: Neighbor | typeof LOCAL, pathId: number): string {
  return `${from === LOCAL ? LOCAL : from.id} ${pathId}`;
}

function isSame(a: Path, b: Path | undefined): boolean {
  return a.from === b?.from && a.pathId === b.pathId;
}

function candidate({ from, pathId, attributes }: Path, isCurrent: boolean): Candidate {
  const asPath = attributes.asPath!;
  return {
    isLocal: from === LOCAL,
    isLongLivedStale: false,
    localPref: attributes.localPref ?? 100,
    pathLength: asPath.reduce((sum, { type, as }) => sum + (type === 'set' ? 1 : as.length), 0),
    origin: ['igp', 'egp', 'incomplete'].indexOf(attributes.origin!),
    neighborAs: asPath[0]?.as[0] ?? 0,
    med: attributes.med ?? 0,
    isExternal: from !== LOCAL && isExternal(from),
    cost: 0,
    isCurrent,
    routerId: attributes.originatorId ?? (from === LOCAL ? 0 : from.routerId),
    clusterListLength: attributes.clusterList?.length ?? 0,
    peerAddress: from === LOCAL ? new Uint8Array(0) : parseAddress(from.address).bytes,
    pathId,
  };
}
