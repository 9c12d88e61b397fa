/**
 * Routes with attributes so wide that one fills a message: rings fill up with few of them. A route
 * is a number (its prefix) and a version (a community).
 */

import { UpdateCursor, type WireContext } from 'bgp-parser-ts';
import { parseAddress } from 'net-ipaddr';
import type { Routing } from '../../../bgp/routing.ts';

export const LOCAL_AS = 64512;
const COMMUNITIES = 900;
const CONTEXT: WireContext = {
  as4: true,
  ebgp: true,
  extendedMessage: false,
  ipv4: { addPath: false, extendedNextHop: false },
  ipv6: undefined,
};
const COMMUNITIES_CODE = 8;

/** An external peer that sends and keeps wide routes. */
export class WidePeer {
  readonly id: number;
  /** Route → version, after all that was pulled. */
  readonly table = new Map<number, number>();
  bytes = 0;
  pieces: Uint8Array[] = [];
  readonly #routing: Routing;
  readonly #as: number;
  readonly #cursor = new UpdateCursor();

  constructor(routing: Routing, number: number) {
    this.#routing = routing;
    this.#as = 65000 + number;
    this.id = routing.addPeer({
      name: `peer ${number}`,
      remoteAs: this.#as,
      nextHopMode: 'auto',
      importPolicy: 'all',
      exportPolicy: 'all',
    });
    routing.peerUp(this.id, {
      families: [4],
      addPath: { send: [], receive: [] },
      fourOctetAs: true,
      extendedMessage: false,
      extendedNextHop: false,
      enhancedRouteRefresh: false,
      remoteAs: this.#as,
      remoteRouterId: number,
      localAddress: parseAddress('10.0.0.1'),
      remoteAddress: parseAddress(`10.0.0.${number}`),
    });
  }

  announce(route: number, version: number, pathLength = 1): void {
    const path = [this.#as, ...new Array(pathLength - 1).fill(9)].flatMap(octets);
    const marks = Array.from({ length: COMMUNITIES }, (_, i) => (i === 0 ? version : 1e6 + i));
    const attributes = [
      ...[0x40, 1, 1, 0],
      ...[0x40, 2, path.length + 2, 2, pathLength, ...path],
      ...[0x40, 3, 4, 10, 0, 0, 9],
      ...[0xd0, 8, (COMMUNITIES * 4) >> 8, (COMMUNITIES * 4) & 255, ...marks.flatMap(octets)],
    ];
    this.#send([
      0,
      0,
      attributes.length >> 8,
      attributes.length & 255,
      ...attributes,
      ...nlri(route),
    ]);
  }

  withdraw(route: number): void {
    this.#send([0, 4, ...nlri(route), 0, 0]);
  }

  /** Pulls once; how many bytes came. */
  pull(maxBytes = 65536): number {
    const pieces = this.#routing.pull(this.id, maxBytes);
    this.pieces.push(...pieces);
    let bytes = 0;
    for (const piece of pieces) {
      bytes += piece.length;
      for (let at = 0; at < piece.length; ) {
        const end = at + ((piece[at + 16]! << 8) | piece[at + 17]!);
        this.#apply(piece, at, end);
        at = end;
      }
    }
    this.bytes += bytes;
    return bytes;
  }

  drain(): void {
    while (this.pull() > 0);
  }

  #send(body: number[]): void {
    const length = 19 + body.length;
    const message = Uint8Array.from([
      ...new Array(16).fill(255),
      length >> 8,
      length & 255,
      2,
      ...body,
    ]);
    const reset = this.#routing.update(this.id, message, 0, length);
    if (reset !== undefined) throw new Error(reset.text);
  }

  #apply(bytes: Uint8Array, start: number, end: number): void {
    const cursor = this.#cursor;
    if (cursor.reset(bytes, start, end, CONTEXT) !== 'ok') throw new Error(cursor.errors[0]?.text);
    while (cursor.nextWithdrawn()) this.table.delete(cursor.w0 >>> 8);
    while (cursor.nextSection()) {
      const at = cursor.attributes.start(COMMUNITIES_CODE);
      const version = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
      while (cursor.nextAnnounced()) this.table.set(cursor.w0 >>> 8, version);
    }
  }
}

function octets(word: number): number[] {
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255];
}

/** A /24. */
function nlri(route: number): number[] {
  return [24, route >>> 16, (route >>> 8) & 255, route & 255];
}
