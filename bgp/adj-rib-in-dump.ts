/**
 * Adj-RIB-In as UPDATEs, for a collector that knows nothing yet: a walk over the paths, some at a
 * time. Paths that came in one UPDATE mostly lie side by side, and leave in one.
 *
 * What changes meanwhile is told as it happens. The walk reads what is there when it comes by, so
 * whatever the order, what the collector hears last of a path is what holds.
 */

import {
  AttributeBlock,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MAX_MESSAGE_LENGTH,
  UpdateWriter,
  type WireContext,
} from 'bgp-parser-ts';
import type { Rib } from './rib/rib.ts';

/** The session that a source stands for. */
export interface DumpedPeer {
  readonly id: number;
  readonly context: WireContext;
}

/** One UPDATE, `bytes[start, end)`, of the peer; good during the call. AS numbers have four octets. */
export type UpdateSink = (peer: number, bytes: Uint8Array, start: number, end: number) => void;

/** Paths looked at in one step: about a millisecond. */
const STEP_PATHS = 2048;
const AS_RECEIVED = { as4: true, external: false };

export class AdjRibInDump {
  readonly #rib: Rib;
  readonly #peerOf: (source: number) => DumpedPeer | undefined;
  readonly #writers = new Map(
    [MAX_MESSAGE_LENGTH, MAX_EXTENDED_MESSAGE_LENGTH].map((max) => [max, new UpdateWriter(max)]),
  );
  readonly #out = new Uint8Array(MAX_EXTENDED_MESSAGE_LENGTH);
  readonly #block = new AttributeBlock();
  #at = 1;

  /** @param peerOf undefined: paths of this source are not to be told */
  constructor(rib: Rib, peerOf: (source: number) => DumpedPeer | undefined) {
    this.#rib = rib;
    this.#peerOf = peerOf;
  }

  /** False: all is told. */
  step(sink: UpdateSink): boolean {
    const { paths } = this.#rib;
    const end = Math.min(this.#at + STEP_PATHS, paths.top);
    while (this.#at < end) {
      if (paths.isUsed(this.#at)) this.#tellRun(end, sink);
      else this.#at++;
    }
    return this.#at < paths.top;
  }

  /** Tells the path that the walk is at, and those after it that can share its UPDATE. */
  #tellRun(end: number, sink: UpdateSink): void {
    const { attributes, paths, prefixes } = this.#rib;
    const source = paths.source(this.#at);
    const received = paths.received(this.#at);
    const family = prefixes.family(paths.prefix(this.#at));
    const from = this.#at;
    const isAlike = (path: number) =>
      paths.isUsed(path) &&
      paths.source(path) === source &&
      paths.received(path) === received &&
      prefixes.family(paths.prefix(path)) === family;
    while (this.#at < end && isAlike(this.#at)) this.#at++;

    const peer = this.#peerOf(source);
    if (peer === undefined || !this.#block.build(attributes.view(received), AS_RECEIVED)) return;
    const { context, id } = peer;
    const max = context.extendedMessage ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH;
    const writer = this.#writers.get(max)!;
    const addPath = (family === 4 ? context.ipv4 : context.ipv6)?.addPath === true;
    writer.begin(this.#out, 0);
    // Received in another form, attributes may be longer than any message of the session.
    if (!writer.announce(family, this.#block, addPath)) return;
    for (let path = from; path < this.#at; path++) {
      if (this.#add(writer, path)) continue;
      this.#flush(writer, id, sink);
      this.#add(writer, path);
    }
    this.#flush(writer, id, sink);
  }

  #add(writer: UpdateWriter, path: number): boolean {
    const { paths, prefixes } = this.#rib;
    const prefix = paths.prefix(path);
    const pathId = paths.pathId(path);
    const length = prefixes.length(prefix);
    const w0 = prefixes.word(prefix, 0);
    if (prefixes.family(prefix) === 4) return writer.add4(w0, length, pathId);
    const w1 = prefixes.word(prefix, 1);
    const w2 = prefixes.word(prefix, 2);
    const w3 = prefixes.word(prefix, 3);
    return writer.add6(w0, w1, w2, w3, length, pathId);
  }

  #flush(writer: UpdateWriter, peer: number, sink: UpdateSink): void {
    const out = this.#out;
    const end = writer.end();
    for (let at = 0; at < end; ) {
      const next = at + ((out[at + 16]! << 8) | out[at + 17]!);
      sink(peer, out, at, next);
      at = next;
    }
    writer.begin(out, 0);
  }
}
