/** The peers that have something to pull, so that whoever owns their sessions is told once. */

import type { Membership } from './export/groups.ts';
import type { RoutedPeer } from './routed-peer.ts';

export class Readable {
  /** Peers that `pull` sent away with nothing though there is something, or that came new. */
  readonly #waiting = new Set<RoutedPeer>();
  readonly #readable: RoutedPeer[] = [];

  /** The peer may have something once the next step of work is done. */
  wait(peer: RoutedPeer): void {
    this.#waiting.add(peer);
  }

  /** The peer has something. */
  mark(peer: RoutedPeer): void {
    if (peer.isReadable) return;
    peer.isReadable = true;
    this.#readable.push(peer);
  }

  /** The peer's session ended. */
  forget(peer: RoutedPeer): void {
    this.#waiting.delete(peer);
  }

  tell(listener: (peerId: number) => void): void {
    for (const peer of this.#waiting) if (peer.memberships.some(hasNews)) this.mark(peer);
    this.#waiting.clear();
    for (const peer of this.#readable.splice(0)) if (peer.isUp) listener(peer.id);
  }
}

export function hasNews({ group, receiver }: Membership): boolean {
  return group.hasNews(receiver);
}
