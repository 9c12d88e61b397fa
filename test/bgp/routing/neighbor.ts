/** A peer of the Routing under test: sends UPDATEs, pulls what it is sent, and keeps it as a real one would. */

import {
  AFI_IPV4,
  decodeRouteRefresh,
  decodeUpdate,
  encodeUpdate,
  HEADER_LENGTH,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MAX_MESSAGE_LENGTH,
  MESSAGE_ROUTE_REFRESH,
  type Nlri,
  type PathAttributes,
  REFRESH_BEGIN,
  type WireContext,
} from 'bgp-parser-ts';
import {
  type Family,
  formatPrefix,
  parseAddress,
  parsePrefix,
  parseZonedAddress,
} from 'net-ipaddr';
import { Routing, type RoutingOptions, type RoutingPeer } from '../../../bgp/routing.ts';

export const LOCAL_AS = 64512;
export const ROUTER_ID = 0x0a000001;
export const OWN4 = '10.0.0.1';
export const OWN6 = 'fd00::1';

export interface NeighborSettings {
  readonly name: string;
  readonly remoteAs: number;
  /** Last octet of its address and router id, 2–254. */
  readonly number: number;
  readonly families?: readonly Family[];
  readonly fourOctetAs?: boolean;
  readonly extendedMessage?: boolean;
  readonly extendedNextHop?: boolean;
  /** Our end of the session, link-local with its zone. @default OWN4 */
  readonly localAddress?: string;
  readonly enhancedRouteRefresh?: boolean;
  /** RFC 7911, as we see it: we send it several paths, it sends us several. @default neither */
  readonly addPath?: 'send' | 'receive' | 'both';
}

const SILENT = { debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT };

/** Time stands still: `work(1)` works until nothing is left, `work(0)` does one step. */
export function newRouting(options: Partial<RoutingOptions> = {}): Routing {
  return new Routing({
    random: () => 0.5,
    clock: { monotonic: () => 0 },
    log: SILENT,
    localAs: LOCAL_AS,
    routerId: ROUTER_ID,
    ...options,
  });
}

export class Neighbor {
  readonly id: number;
  readonly settings: NeighborSettings;
  config: RoutingPeer;
  isUp = false;
  /** Prefix → attributes, as the peer has them after all that it pulled; `prefix id` for paths with identifiers. */
  readonly table = new Map<string, string>();
  readonly endOfRibs: Family[] = [];
  /** `EoR 4`, `begin 4` and `end 4` of RFC 7313, as they came. */
  readonly marks: string[] = [];
  readonly #stale = new Set<string>();
  /** Messages, bytes, and buffers pulled since the session came up. */
  messages = 0;
  bytes = 0;
  pieces: Uint8Array[] = [];
  /** Prefixes withdrawn that the peer did not have. */
  spuriousWithdraws = 0;
  readonly #routing: Routing;

  constructor(routing: Routing, settings: NeighborSettings, config: Partial<RoutingPeer> = {}) {
    this.#routing = routing;
    this.settings = settings;
    this.config = {
      name: settings.name,
      remoteAs: settings.remoteAs,
      nextHopMode: 'auto',
      localAddress4: parseAddress(OWN4),
      localAddress6: parseAddress(OWN6),
      importPolicy: 'all',
      exportPolicy: 'all',
      ...config,
    };
    this.id = routing.addPeer(this.config);
  }

  get families(): readonly Family[] {
    return this.settings.families ?? [4, 6];
  }

  get routerId(): number {
    return 0x0a000000 + this.settings.number;
  }

  get address(): string {
    return `10.0.0.${this.settings.number}`;
  }

  get isSentPaths(): boolean {
    return this.settings.addPath === 'send' || this.settings.addPath === 'both';
  }

  get sendsPaths(): boolean {
    return this.settings.addPath === 'receive' || this.settings.addPath === 'both';
  }

  /** What the peer holds, without path identifiers. */
  get routes(): [prefix: string, attributes: string][] {
    return [...this.table].map(([key, attributes]) => [key.split(' ')[0]!, attributes]);
  }

  /** How what it sends is read. */
  get context(): WireContext {
    return this.#contextWith(this.sendsPaths);
  }

  #contextWith(addPath: boolean): WireContext {
    const { extendedNextHop = false } = this.settings;
    const unicast = { addPath, extendedNextHop };
    return {
      as4: this.settings.fourOctetAs ?? true,
      ebgp: this.settings.remoteAs !== (this.config.localAs ?? LOCAL_AS),
      extendedMessage: this.settings.extendedMessage ?? false,
      ipv4: this.families.includes(4) ? unicast : undefined,
      ipv6: this.families.includes(6) ? unicast : undefined,
    };
  }

  /** Everything was announced since the last mark that said that all is told again. */
  get isAllFresh(): boolean {
    return this.#stale.size === 0;
  }

  up(remoteRouterId = this.routerId): void {
    this.isUp = true;
    this.#routing.peerUp(this.id, {
      families: this.families,
      addPath: {
        send: this.isSentPaths ? this.families : [],
        receive: this.sendsPaths ? this.families : [],
      },
      fourOctetAs: this.settings.fourOctetAs ?? true,
      extendedMessage: this.settings.extendedMessage ?? false,
      extendedNextHop: this.settings.extendedNextHop ?? false,
      enhancedRouteRefresh: this.settings.enhancedRouteRefresh ?? false,
      remoteAs: this.settings.remoteAs,
      remoteRouterId,
      localAddress: parseZonedAddress(this.settings.localAddress ?? OWN4),
      remoteAddress: parseAddress(this.address),
    });
  }

  /** @param kept families whose paths stay, as stale ones */
  down(kept: readonly Family[] = []): void {
    this.isUp = false;
    this.table.clear();
    this.endOfRibs.length = 0;
    this.marks.length = 0;
    this.#stale.clear();
    this.pieces = [];
    this.messages = 0;
    this.bytes = 0;
    this.#routing.peerDown(this.id, kept);
  }

  change(config: Partial<RoutingPeer>): void {
    this.config = { ...this.config, ...config };
    this.#routing.changePeer(this.id, this.config);
  }

  announce(prefixes: readonly string[], attributes: PathAttributes, pathId = 0): void {
    const nlri = prefixes.map((text) => ({ prefix: parsePrefix(text), pathId }));
    this.#send(encodeUpdate({ announced: [{ attributes, nlri }] }, this.context));
  }

  withdraw(prefixes: readonly string[], pathId = 0): void {
    const withdrawn = prefixes.map((text) => ({ prefix: parsePrefix(text), pathId }));
    this.#send(encodeUpdate({ withdrawn }, this.context));
  }

  /** Pulls once; how many bytes came. */
  pull(maxBytes = 65536): number {
    const pieces = this.#routing.pull(this.id, maxBytes);
    let bytes = 0;
    for (const piece of pieces) {
      bytes += piece.length;
      this.#apply(piece);
    }
    this.pieces.push(...pieces);
    this.bytes += bytes;
    return bytes;
  }

  /** Pulls until there is nothing. */
  drain(maxBytes = 65536): void {
    while (this.pull(maxBytes) > 0);
  }

  #send(messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      // Not at the beginning of its buffer, as on a socket.
      const bytes = new Uint8Array(message.length + 7);
      bytes.set(message, 5);
      const reset = this.#routing.update(this.id, bytes, 5, 5 + message.length);
      if (reset !== undefined) throw new Error(reset.text);
      bytes.fill(0xee); // valid only during the call
    }
  }

  #apply(piece: Uint8Array): void {
    const max = this.settings.extendedMessage ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH;
    for (let at = 0; at < piece.length; ) {
      const end = at + ((piece[at + 16]! << 8) | piece[at + 17]!);
      if (end > piece.length || end - at > max) throw new Error('a message is cut or too long');
      if (piece[at + HEADER_LENGTH - 1] === MESSAGE_ROUTE_REFRESH) {
        this.#mark(piece, at, end);
        at = end;
        continue;
      }
      // The peer reads what we send from its side: whether it is external is the same.
      const decoded = decodeUpdate(piece, at, end, this.#contextWith(this.isSentPaths));
      if ('error' in decoded) throw new Error(decoded.error.text);
      const { announced, endOfRib, errors, outcome, withdrawn } = decoded.message;
      if (outcome !== 'ok') throw new Error(errors.map(({ text }) => text).join());
      for (const nlri of withdrawn) {
        const key = keyOf(nlri);
        this.#stale.delete(key);
        if (!this.table.delete(key)) this.spuriousWithdraws++;
      }
      for (const { attributes, nlri } of announced) {
        const text = attributesText(attributes);
        for (const one of nlri) {
          this.#stale.delete(keyOf(one));
          this.table.set(keyOf(one), text);
        }
      }
      if (endOfRib !== undefined) {
        const family = endOfRib.afi === AFI_IPV4 ? 4 : 6;
        this.endOfRibs.push(family);
        this.marks.push(`EoR ${family}`);
      }
      this.messages++;
      at = end;
    }
  }

  /** RFC 7313 §4: at the beginning all of the family is stale, at the end what still is goes. */
  #mark(piece: Uint8Array, at: number, end: number): void {
    const decoded = decodeRouteRefresh(piece, at, end);
    if ('error' in decoded) throw new Error(decoded.error.text);
    const { afi, subtype } = decoded.message;
    const family = afi === AFI_IPV4 ? 4 : 6;
    this.marks.push(`${subtype === REFRESH_BEGIN ? 'begin' : 'end'} ${family}`);
    const keys = [...this.table.keys()].filter((key) => key.includes(':') === (family === 6));
    for (const key of keys) {
      if (subtype === REFRESH_BEGIN) this.#stale.add(key);
      else if (this.#stale.delete(key)) this.table.delete(key);
    }
  }
}

function keyOf({ prefix, pathId }: Nlri): string {
  return pathId === undefined ? formatPrefix(prefix) : `${formatPrefix(prefix)} ${pathId}`;
}

/** One text for equal attributes. */
export function attributesText(attributes: PathAttributes): string {
  const sorted = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(sorted, (_, value) =>
    value instanceof Object && 'bytes' in value ? [...value.bytes].join('.') : value,
  );
}

export function nextHop(text: string): { nextHop: NonNullable<PathAttributes['nextHop']> } {
  return { nextHop: { address: parseAddress(text) } };
}

export function sequence(...as: number[]): { asPath: NonNullable<PathAttributes['asPath']> } {
  return { asPath: as.length === 0 ? [] : [{ type: 'sequence', as }] };
}

/** Attributes as an external peer of AS `as` announces IPv4 routes. */
export function fromAs(as: number, ...rest: number[]): PathAttributes {
  return { origin: 'igp', ...sequence(as, ...rest), ...nextHop('10.0.0.9') };
}

/** Chooses and tells until nothing is left to do. */
export function settle(routing: Routing, ...neighbors: Neighbor[]): void {
  do {
    routing.work(1);
    for (const neighbor of neighbors) if (neighbor.isUp) neighbor.drain();
  } while (routing.work(1));
}

export function upWith(routing: Routing, settings: NeighborSettings, config = {}): Neighbor {
  const neighbor = new Neighbor(routing, settings, config);
  neighbor.up();
  return neighbor;
}
