/** One peer as Routing knows it: its settings, and while its session is up, what belongs to that. */

import {
  type AttributeError,
  type FamilyContext,
  isLinkLocal,
  NO_ZONE,
  type Outcome,
  type WireContext,
} from 'bgp-parser-ts';
import type { Address, Family, ZonedAddress } from 'net-ipaddr';
import type { Log } from '../ports.ts';
import type { GroupConfig } from './export/exporter.ts';
import type { Membership } from './export/groups.ts';
import { type CompiledPolicy, compilePolicy } from './policy/compile.ts';
import { importRules } from './policy/import.ts';
import { longLivedStaleRule } from './policy/long-lived-stale.ts';
import type { RouteRule } from './policy/route-rule.ts';
import type { Sender } from './rib/import.ts';
import { CLIENT, EXTERNAL, INTERNAL } from './rib/sources.ts';
import type { Negotiated, RoutingPeer } from './routing-types.ts';

/** What another configuration has an effect on. */
export interface PeerChange {
  readonly imports: boolean;
  readonly exports: boolean;
  readonly kind: boolean;
}

export class RoutedPeer implements Sender {
  readonly id: number;
  readonly #speakerAs: number;
  #config: RoutingPeer;
  /** The peer's AS and what ours is to it; while up, those that the session was set up with. */
  #remoteAs: RoutingPeer['remoteAs'];
  #localAs: number;
  #imports: CompiledPolicy;
  #exports: CompiledPolicy;
  /** What import does to routes from this peer whatever the policy. */
  rules: readonly RouteRule[];
  #negotiated: Negotiated | undefined;
  /** As the sender of those of its paths that are long-lived stale ones (RFC 9494). */
  readonly longLived: Sender;

  /** While it has paths here: the number that they bear. */
  source = 0;
  zone = NO_ZONE;
  /** Families whose paths stay though the session ended (RFC 4724); none while it is up. */
  kept: readonly Family[] = [];
  /** Of the session, or of the last one. */
  localAddress: ZonedAddress | undefined;
  context: WireContext;
  memberships: Membership[] = [];
  /** The owner of the session was told that there is something to pull, or is about to be. */
  isReadable = false;
  treatedAsWithdraw = 0;
  attributesDiscarded = 0;

  constructor(id: number, config: RoutingPeer, speakerAs: number) {
    this.id = id;
    this.#speakerAs = speakerAs;
    this.#config = config;
    this.#remoteAs = config.remoteAs;
    this.#localAs = config.localAs ?? speakerAs;
    this.#imports = compilePolicy(config.importPolicy);
    this.#exports = compilePolicy(config.exportPolicy);
    this.rules = this.#importRules();
    this.context = this.#contextFor(undefined);
    this.longLived = longLivedSender(this);
  }

  get name(): string {
    return this.#config.name;
  }

  get kind(): GroupConfig['kind'] {
    if (this.#remoteAs !== this.#localAs) return EXTERNAL;
    return this.#config.routeReflectorClient === true ? CLIENT : INTERNAL;
  }

  get isUp(): boolean {
    return this.#negotiated !== undefined;
  }

  /** It is up, or what it announced is kept. */
  get hasPaths(): boolean {
    return this.isUp || this.kept.length > 0;
  }

  /** Only while up. */
  get negotiated(): Negotiated {
    if (this.#negotiated === undefined) throw new Error(`peer ${this.name} is not up`);
    return this.#negotiated;
  }

  /** The import policy. */
  get policy(): CompiledPolicy {
    return this.#imports;
  }

  configure(config: RoutingPeer): PeerChange {
    const { kind } = this;
    const before = this.#config;
    const imports = compilePolicy(config.importPolicy);
    const exports = compilePolicy(config.exportPolicy);
    const change = {
      imports: imports.key !== this.#imports.key || config.allowedLocalAs !== before.allowedLocalAs,
      exports:
        exports.key !== this.#exports.key ||
        config.nextHopMode !== before.nextHopMode ||
        config.routeServerClient !== before.routeServerClient ||
        config.isLeaving !== before.isLeaving ||
        !equalBytes(config.localAddress4?.bytes, before.localAddress4?.bytes) ||
        !equalBytes(config.localAddress6?.bytes, before.localAddress6?.bytes),
      kind: false,
    };
    this.#config = config;
    if (!this.hasPaths) this.#takeAs();
    this.#imports = imports;
    this.#exports = exports;
    this.rules = this.#importRules();
    return { ...change, kind: this.kind !== kind };
  }

  up(negotiated: Negotiated, zone: number): void {
    this.#negotiated = negotiated;
    this.#remoteAs = negotiated.remoteAs;
    this.zone = zone;
    this.rules = this.#importRules();
    this.kept = [];
    this.localAddress = negotiated.localAddress;
    this.context = this.#contextFor(negotiated);
    this.treatedAsWithdraw = 0;
    this.attributesDiscarded = 0;
  }

  down(kept: readonly Family[]): void {
    this.#negotiated = undefined;
    this.kept = kept;
    if (!this.hasPaths) this.#takeAs();
    this.context = this.#contextFor(undefined);
    this.memberships = [];
    this.isReadable = false;
  }

  /** Undefined: the family is not negotiated. */
  membership(family: Family): Membership | undefined {
    return this.memberships.find(({ group }) => group.exporter.config.family === family);
  }

  groupConfig(family: Family): GroupConfig {
    const { addPath, fourOctetAs, extendedMessage, extendedNextHop } = this.negotiated;
    return {
      family,
      addPath: addPath.send.includes(family),
      kind: this.kind,
      localAs: this.#localAs,
      fourOctetAs,
      extendedMessage,
      extendedNextHop: family === 4 && extendedNextHop,
      nextHopMode: this.#config.nextHopMode,
      role: this.#config.role,
      isTransparent: this.#config.routeServerClient ?? false,
      isLeaving: this.#config.isLeaving ?? false,
      knowsLongLivedStale: this.negotiated.knowsLongLivedStale ?? false,
      localAddress: this.#ownAddress(family),
      policy: this.#exports,
    };
  }

  /** RFC 7606: counts and logs what the last UPDATE suffered. The first of a session is a warning. */
  noteFault(outcome: Outcome, errors: readonly AttributeError[], log: Log): void {
    const isFirst = this.treatedAsWithdraw + this.attributesDiscarded === 0;
    if (outcome === 'treat-as-withdraw') this.treatedAsWithdraw++;
    if (outcome === 'attribute-discard') this.attributesDiscarded++;
    const fields = { peer: this.name, outcome, errors: errors.map(({ text }) => text) };
    if (isFirst || outcome === 'session-reset') log.warn(fields, 'malformed UPDATE');
    else log.debug(fields, 'malformed UPDATE');
  }

  #takeAs(): void {
    this.#remoteAs = this.#config.remoteAs;
    this.#localAs = this.#config.localAs ?? this.#speakerAs;
  }

  #importRules(): RouteRule[] {
    const { allowedLocalAs = 0, role } = this.#config;
    return importRules({
      ownAs: new Set([this.#localAs, this.#speakerAs]),
      allowedLocalAs,
      // Not known before the session is up, when there is nothing to judge.
      remoteAs: this.#remoteAs === 'external' ? 0 : this.#remoteAs,
      role,
    });
  }

  #ownAddress(family: Family): Uint8Array | undefined {
    const { localAddress, extendedNextHop } = this.negotiated;
    const set = family === 4 ? this.#config.localAddress4 : this.#config.localAddress6;
    if (family === 6) return ownNextHop6(set?.bytes, localAddress);
    if (set !== undefined) return set.bytes;
    if (localAddress.family === 4) return localAddress.bytes;
    return extendedNextHop
      ? ownNextHop6(this.#config.localAddress6?.bytes, localAddress)
      : undefined;
  }

  #contextFor(negotiated: Negotiated | undefined): WireContext {
    const unicast = (family: Family): FamilyContext | undefined =>
      negotiated?.families.includes(family)
        ? {
            addPath: negotiated.addPath.receive.includes(family),
            extendedNextHop: family === 4 && negotiated.extendedNextHop,
          }
        : undefined;
    return {
      as4: negotiated?.fourOctetAs ?? true,
      ebgp: this.kind === EXTERNAL,
      extendedMessage: negotiated?.extendedMessage ?? false,
      ipv4: unicast(4),
      ipv6: unicast(6),
    };
  }
}

/**
 * RFC 2545 §3: the link-local address follows the global one where the peer is on the link; where
 * there is no global one it stands alone, as all take it.
 */
function ownNextHop6(global: Uint8Array | undefined, session: Address): Uint8Array | undefined {
  if (session.family === 4) return global;
  if (global === undefined || !isLinkLocal(session.bytes, 0)) return global ?? session.bytes;
  return Uint8Array.of(...global, ...session.bytes);
}

function longLivedSender(peer: RoutedPeer): Sender {
  return {
    get source() {
      return peer.source;
    },
    get zone() {
      return peer.zone;
    },
    get context() {
      return peer.context;
    },
    get policy() {
      return peer.policy;
    },
    get rules() {
      return [...peer.rules, longLivedStaleRule];
    },
  };
}

function equalBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a?.join('.') === b?.join('.');
}
