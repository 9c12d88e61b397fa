/**
 * What a group is told of a route: whether at all, and with which attributes. RFC 4271 §5.1 and
 * §9.1.3, RFC 4456 for reflection, RFC 1997 for the communities that forbid it, then the policy.
 */

import {
  ATTRIBUTE,
  type AttributeBlock,
  type AttributeChanges,
  type AttributeEdits,
  type AttributeView,
  isLinkLocal,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MAX_MESSAGE_LENGTH,
} from 'bgp-parser-ts';
import type { Family } from 'net-ipaddr';
import { type CompiledPolicy, type Explanation, REJECTED, UNCHANGED } from '../policy/compile.ts';
import type { Editor } from '../policy/editor.ts';
import { mergeEdits } from '../policy/edits.ts';
import { exportRules } from '../policy/export.ts';
import { applyRules, type RouteRule } from '../policy/route-rule.ts';
import type { Rib } from '../rib/rib.ts';
import { DEFAULT_LOCAL_PREF } from '../rib/scores.ts';
import {
  CLIENT,
  EXTERNAL,
  INTERNAL,
  LOCAL,
  LOCAL_SOURCE,
  type SourceKind,
} from '../rib/sources.ts';
import type { Role } from '../role.ts';
import { type Blocks, messageOverhead, NO_BLOCK } from './blocks.ts';

export interface ExportIdentity {
  readonly clusterId: number;
}

/** All that what a peer is sent depends on: peers that agree on it share a group. */
export interface GroupConfig {
  readonly family: Family;
  /** RFC 7911: the peer takes several paths of a prefix. */
  readonly addPath: boolean;
  readonly kind: typeof EXTERNAL | typeof CLIENT | typeof INTERNAL;
  /** What our AS is to the peers. */
  readonly localAs: number;
  readonly fourOctetAs: boolean;
  readonly extendedMessage: boolean;
  /** RFC 8950: IPv4 routes may go out with an IPv6 next hop. False for IPv6. */
  readonly extendedNextHop: boolean;
  readonly nextHopMode: 'auto' | 'self' | 'keep';
  /** RFC 9234: what we are to the peers. */
  readonly role: Role | undefined;
  /** RFC 7947: between eBGP peers we are not seen. */
  readonly isTransparent: boolean;
  /** RFC 8326: we are about to end the sessions. */
  readonly isLeaving: boolean;
  /** RFC 9494: they know what LLGR_STALE means. */
  readonly knowsLongLivedStale: boolean;
  /**
   * 4, 16 or 32 octets as in MP_REACH_NLRI; undefined: routes that need the own next hop are not
   * announced.
   */
  readonly localAddress: Uint8Array | undefined;
  readonly policy: CompiledPolicy;
}

export function groupKey(config: GroupConfig): string {
  const { family, addPath, kind, localAs, fourOctetAs, extendedMessage, extendedNextHop } = config;
  const { nextHopMode, role, isTransparent, isLeaving, localAddress, policy } = config;
  const { knowsLongLivedStale } = config;
  const session = [family, addPath, kind, localAs, fourOctetAs, extendedMessage, extendedNextHop];
  const rules = [nextHopMode, role, isTransparent, isLeaving, knowsLongLivedStale];
  return [...session, ...rules, localAddress?.join('.'), policy.key].join(' ');
}

/** Attribute sets whose result is remembered: routes with equal attributes tend to come together. */
const MEMO_SIZE = 512;
/** A path identifier, a length and a /128. */
const LONGEST_NLRI = 21;

/** What an exporter needs for a moment only; one for all. */
export interface ExportScratch {
  readonly editor: Editor;
  readonly built: AttributeBlock;
}

export class Exporter {
  readonly config: GroupConfig;
  readonly maxMessage: number;
  readonly #rib: Rib;
  readonly #blocks: Blocks;
  readonly #identity: ExportIdentity;
  readonly #scratch: ExportScratch;
  readonly #rules: readonly RouteRule[];
  readonly #prepend: readonly number[];
  /** By (attributes, source, outcome): the result, good while the serials are those of the ids. */
  readonly #memoAttributes = new Uint32Array(MEMO_SIZE);
  readonly #memoSerial = new Uint32Array(MEMO_SIZE);
  readonly #memoSource = new Uint16Array(MEMO_SIZE);
  readonly #memoOutcome = new Uint32Array(MEMO_SIZE);
  readonly #memoBlock = new Uint32Array(MEMO_SIZE);
  readonly #memoBlockSerial = new Uint32Array(MEMO_SIZE);

  constructor(
    config: GroupConfig,
    identity: ExportIdentity,
    rib: Rib,
    blocks: Blocks,
    scratch: ExportScratch,
  ) {
    this.config = config;
    this.maxMessage = config.extendedMessage ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH;
    this.#identity = identity;
    this.#rib = rib;
    this.#blocks = blocks;
    this.#scratch = scratch;
    this.#rules = exportRules({
      isExternal: config.kind === EXTERNAL,
      localAs: config.localAs,
      role: config.role,
      isLeaving: config.isLeaving,
      knowsLongLivedStale: config.knowsLongLivedStale,
    });
    this.#prepend = [config.localAs];
  }

  /**
   * The block that the chosen route of `prefix` is announced with, or NO_BLOCK. The id is good until
   * the blocks are unpinned, and after that as long as it is retained.
   */
  block(prefix: number): number {
    const { routes } = this.#rib;
    return this.#blockFor(prefix, routes.attributes(prefix), routes.source(prefix));
  }

  /** As `block`, for one path of a prefix, whether it was chosen or not. */
  pathBlock(path: number): number {
    const { paths, selection } = this.#rib;
    if (!selection.isUsable(path)) return NO_BLOCK;
    const block = this.#blockFor(paths.prefix(path), paths.imported(path), paths.source(path));
    // What remembers it may be a path whose block is replaced before this one's turn comes.
    if (block !== NO_BLOCK) this.#blocks.pin(block);
    return block;
  }

  #blockFor(prefix: number, attributes: number, source: number): number {
    if (attributes === 0) return NO_BLOCK;
    if (!this.#passesOn(source)) return NO_BLOCK;
    const { policy } = this.config;
    policy.consider(this.#rib.attributes, attributes, source !== LOCAL_SOURCE);
    const outcome = policy.outcome(this.#rib.prefixes, prefix);
    return outcome === REJECTED ? NO_BLOCK : this.#transformed(attributes, source, outcome);
  }

  /** Why the chosen route of `prefix` is not announced; undefined: it is. For people. */
  refusal(prefix: number): string | undefined {
    const attributes = this.#rib.routes.attributes(prefix);
    if (attributes === 0) return 'no route';
    if (!this.#passesOn(this.#rib.routes.source(prefix))) return 'from iBGP to iBGP';
    const said = applyRules(this.#rules, this.#rib.attributes.view(attributes));
    if (typeof said === 'string') return said;
    const { isAccepted, decidedBy } = this.#explain(prefix);
    if (!isAccepted) return `export policy: ${decidedBy ?? 'no rule accepts it'}`;
    const block = this.block(prefix);
    this.#blocks.unpin();
    return block === NO_BLOCK ? 'no next hop of the family, or attributes too long' : undefined;
  }

  /** The policy's rules that changed the chosen route of `prefix`. For people. */
  changedBy(prefix: number): readonly string[] {
    return this.#explain(prefix).changedBy;
  }

  #explain(prefix: number): Explanation {
    const { attributes, prefixes, routes } = this.#rib;
    const { policy } = this.config;
    policy.consider(attributes, routes.attributes(prefix), routes.source(prefix) !== LOCAL_SOURCE);
    return policy.explain(prefixes, prefix);
  }

  /** RFC 4271 §9.2 and RFC 4456 §6: between two that are no clients nothing is passed on. */
  #passesOn(source: number): boolean {
    return this.config.kind !== INTERNAL || this.#rib.sources.kind(source) !== INTERNAL;
  }

  #transformed(attributes: number, source: number, outcome: number): number {
    const serial = this.#rib.attributes.serial(attributes);
    const slot = (attributes ^ (source * 37) ^ (outcome * 101)) & (MEMO_SIZE - 1);
    const isRemembered =
      this.#memoAttributes[slot] === attributes &&
      this.#memoSerial[slot] === serial &&
      this.#memoSource[slot] === source &&
      this.#memoOutcome[slot] === outcome;
    if (isRemembered) {
      const block = this.#memoBlock[slot]!;
      if (block === NO_BLOCK || this.#blocks.serial(block) === this.#memoBlockSerial[slot]) {
        return block;
      }
    }
    const block = this.#transform(attributes, source, outcome);
    this.#memoAttributes[slot] = attributes;
    this.#memoSerial[slot] = serial;
    this.#memoSource[slot] = source;
    this.#memoOutcome[slot] = outcome;
    this.#memoBlock[slot] = block;
    this.#memoBlockSerial[slot] = block === NO_BLOCK ? 0 : this.#blocks.serial(block);
    return block;
  }

  #transform(attributes: number, source: number, outcome: number): number {
    const from = this.#rib.sources.kind(source);
    const view = this.#edited(this.#rib.attributes.view(attributes), outcome);
    if (view === undefined) return NO_BLOCK;
    const nextHop = this.#nextHop(from, view);
    if (nextHop === undefined) return NO_BLOCK;
    // IPv4 routes over IPv6 next hops need RFC 8950, and IPv6 over IPv4 does not exist.
    const { family, extendedNextHop } = this.config;
    if ((nextHop.length === 4) !== (family === 4) && !extendedNextHop) return NO_BLOCK;
    const changes =
      this.config.kind === EXTERNAL
        ? this.#externalChanges(from, nextHop)
        : this.#internalChanges(from, source, nextHop, view);
    const { built } = this.#scratch;
    if (!built.build(view, changes)) return NO_BLOCK;
    const octets = built.isMp ? built.nextHopLength + built.length : built.length;
    // RFC 8654 §4: what doesn't fit into the peer's messages is not announced to it.
    const needed = messageOverhead(built.isMp ? 1 : 0, octets) + LONGEST_NLRI;
    return needed > this.maxMessage ? NO_BLOCK : this.#blocks.internPinned(built);
  }

  /** The attributes as the rules and the policy leave them; undefined: not to be announced. */
  #edited(view: AttributeView, outcome: number): AttributeView | undefined {
    const said = applyRules(this.#rules, view);
    if (typeof said === 'string') return undefined;
    const edits = outcome === UNCHANGED ? said : this.#allEdits(said, outcome);
    return edits === undefined ? view : this.#scratch.editor.edit(view, edits);
  }

  /** The rules come last: what RFCs prescribe is not the policy's to undo. */
  #allEdits(ruled: AttributeEdits | undefined, outcome: number): AttributeEdits {
    const edits = this.config.policy.edits(outcome);
    return ruled === undefined ? edits : mergeEdits(edits, ruled);
  }

  /** RFC 4271 §5.1.3. Undefined: there is none to be announced with. */
  #nextHop(from: SourceKind, view: AttributeView): Uint8Array | undefined {
    const { kind, nextHopMode, localAddress } = this.config;
    const isOwn =
      from === LOCAL ||
      nextHopMode === 'self' ||
      (nextHopMode === 'auto' && kind === EXTERNAL && !this.#isUnseen(from));
    if (isOwn) return localAddress;
    const start = view.start(ATTRIBUTE.NEXT_HOP);
    // RFC 2545 §3: a link-local address is of use on its own link only. A route that has no other
    // address can be passed on as one of ours.
    if (view.nextHopLength === 4) return view.bytes.subarray(start, start + 4);
    return isLinkLocal(view.bytes, start) ? localAddress : view.bytes.subarray(start, start + 16);
  }

  #externalChanges(from: SourceKind, nextHop: Uint8Array): AttributeChanges {
    return {
      as4: this.config.fourOctetAs,
      external: true,
      nextHop,
      prepend: this.#isUnseen(from) ? undefined : this.#prepend,
      // RFC 4271 §5.1.4: a neighbour's MED is not for other neighbours.
      med: from === LOCAL || this.#isUnseen(from) ? undefined : null,
    };
  }

  /** RFC 7947 §2.2: a route server passes on what one client tells the others, and adds nothing. */
  #isUnseen(from: SourceKind): boolean {
    return this.config.isTransparent && from === EXTERNAL;
  }

  #internalChanges(
    from: SourceKind,
    source: number,
    nextHop: Uint8Array,
    view: AttributeView,
  ): AttributeChanges {
    const isReflected = from === CLIENT || from === INTERNAL;
    return {
      as4: this.config.fourOctetAs,
      external: false,
      nextHop,
      // RFC 4271 §5.1.5: every UPDATE to an internal peer has it.
      localPref: view.hasLocalPref ? undefined : DEFAULT_LOCAL_PREF,
      originatorId: isReflected ? this.#rib.sources.routerId(source) : undefined,
      clusterId: isReflected ? this.#identity.clusterId : undefined,
    };
  }
}
