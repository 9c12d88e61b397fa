/**
 * Paths that left Adj-RIB-In though no UPDATE withdrew them, as stale ones do (RFC 7313 §4): whoever
 * follows the UPDATEs hears of them as if one had.
 */

import { encodeUpdate, type Nlri, type WireContext } from 'bgp-parser-ts';
import type { Rib } from './rib/rib.ts';
import type { UpdateListener } from './routing-types.ts';

interface Teller {
  readonly id: number;
  readonly context: WireContext;
}

export class GonePaths {
  readonly #rib: Rib;
  readonly #byPeer = new Map<Teller, Nlri[]>();

  constructor(rib: Rib) {
    this.#rib = rib;
  }

  /** `path` is about to be removed. */
  add(peer: Teller, path: number): void {
    const { paths, prefixes } = this.#rib;
    const nlri = { prefix: prefixes.prefix(paths.prefix(path)), pathId: paths.pathId(path) };
    const list = this.#byPeer.get(peer);
    if (list) list.push(nlri);
    else this.#byPeer.set(peer, [nlri]);
  }

  tell(listener: UpdateListener): void {
    for (const [{ id, context }, withdrawn] of this.#byPeer) {
      for (const bytes of encodeUpdate({ withdrawn }, context)) {
        listener(id, context, 'ok', bytes, 0, bytes.length);
      }
    }
    this.#byPeer.clear();
  }
}
