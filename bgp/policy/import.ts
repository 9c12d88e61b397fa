/**
 * What import refuses whatever the policy says: routes that loop, and next hops that are
 * ourselves. Judged once for each attribute set of an UPDATE, as none of it depends on the prefix.
 */

import { type AttributeView, isLinkLocal, NO_ZONE, zoneOf } from 'bgp-parser-ts';
import { type Address, formatAddress } from 'net-ipaddr';
import { resolvedHop } from '../resolved-hop.ts';
import type { Role } from '../role.ts';
import { shutdownImportRule } from './graceful-shutdown.ts';
import { roleImportRule } from './roles.ts';
import type { RouteRule } from './route-rule.ts';

/** What depends on the peer. */
export interface ImportSettings {
  /** The speaker's AS, and what it is to the peer (RFC 7705). */
  readonly ownAs: ReadonlySet<number>;
  /** How often an own AS may stand in the AS path. */
  readonly allowedLocalAs: number;
  readonly remoteAs: number;
  /** RFC 9234: what we are to the peer. */
  readonly role?: Role | undefined;
}

/** The rules for what one peer sends. */
export function importRules(settings: ImportSettings): RouteRule[] {
  const { ownAs, allowedLocalAs, remoteAs, role } = settings;
  // RFC 4271 §9.1.2: the path must not hold our own AS.
  const noLoops = [...ownAs].map(
    (as): RouteRule =>
      (view) =>
        view.countAs(as) > allowedLocalAs ? 'own AS in the AS path' : undefined,
  );
  const always = [...noLoops, shutdownImportRule];
  return role === undefined ? always : [...always, roleImportRule(role, remoteAs)];
}

export interface ImportIdentity {
  readonly routerId: number;
  readonly clusterId: number;
}

/** The rules for what any peer sends. */
export class ImportChecks {
  readonly #identity: ImportIdentity;
  #own = new Map<string, Uint8Array>();

  constructor(identity: ImportIdentity) {
    this.#identity = identity;
  }

  /** True when these are not the addresses known until now. Link-local ones have their zone in them. */
  setLocalAddresses(addresses: readonly Address[]): boolean {
    const before = new Set(this.#own.keys());
    this.#own = new Map(addresses.map((address) => [formatAddress(address), address.bytes]));
    return before.symmetricDifference(new Set(this.#own.keys())).size > 0;
  }

  /** Why a route with these attributes is refused; undefined: it is not. */
  refusal(view: AttributeView): string | undefined {
    const { routerId, clusterId } = this.#identity;
    // RFC 4456 §8. The cursor has dropped both attributes where an external peer sent them.
    if (view.hasOriginatorId && view.originatorId === routerId)
      return 'own router id as originator';
    if (view.clusterListContains(clusterId)) return 'own cluster id in the cluster list';
    return this.#nextHopRefusal(view);
  }

  #nextHopRefusal(view: AttributeView): string | undefined {
    if (view.nextHopLength < 0) return undefined;
    const at = resolvedHop(view);
    const length = view.nextHopLength === 4 ? 4 : 16;
    // RFC 4007 §6: without its zone it could be anybody's.
    const isLost =
      length === 16 && isLinkLocal(view.bytes, at) && zoneOf(view.bytes, at) === NO_ZONE;
    if (isLost) return 'link-local next hop from a peer that is on no link of its own';
    // RFC 4271 §6.3: not the receiver's own address.
    for (const own of this.#own.values()) {
      if (own.length === length && holds(view.bytes, at, own)) return 'next hop is an own address';
    }
    return undefined;
  }
}

function holds(bytes: Uint8Array, at: number, value: Uint8Array): boolean {
  for (let i = 0; i < value.length; i++) if (bytes[at + i] !== value[i]) return false;
  return true;
}
