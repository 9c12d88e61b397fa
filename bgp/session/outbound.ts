/** What goes out on one stream: each message at once, UPDATEs as the peer can take them. */

import {
  encodeKeepalive,
  encodeNotification,
  HEADER_LENGTH,
  MESSAGE_KEEPALIVE,
  MESSAGE_NOTIFICATION,
  type WireError,
} from 'bgp-parser-ts';
import type { Task } from '../schedule.ts';
import type { Stream } from '../transport/transport.ts';

export interface OutboundOwner {
  /** UPDATEs to send now, about that many octets; empty: none. */
  pull(maxBytes: number): Uint8Array[];
  sent(type: number): void;
  notificationSent(error: WireError): void;
}

/** The peer's TCP takes nothing for now, or takes again. */
export type FlowListener = (isWritable: boolean) => void;

/** What is asked of the RIB for one write. */
const PULL_BYTES = 65_536;

const KEEPALIVE = encodeKeepalive();

export class Outbound implements Task {
  readonly #stream: Stream;
  readonly #owner: OutboundOwner;
  readonly #onFlow: FlowListener;
  #isWritable = true;
  #owesKeepalive = false;
  #saidWhy = false;

  constructor(stream: Stream, owner: OutboundOwner, onFlow: FlowListener) {
    this.#stream = stream;
    this.#owner = owner;
    this.#onFlow = onFlow;
  }

  /** A NOTIFICATION is on its way. */
  get saidWhy(): boolean {
    return this.#saidWhy;
  }

  send(message: Uint8Array, type: number): void {
    this.#owner.sent(type);
    this.#flow(this.#stream.write([message]));
  }

  keepalive(): void {
    // What waits in the socket says that we live as well as a KEEPALIVE behind it would, and a peer
    // that takes nothing must not make us queue without a bound. One goes out when it takes again.
    if (this.#isWritable) this.send(KEEPALIVE, MESSAGE_KEEPALIVE);
    else this.#owesKeepalive = true;
  }

  notify(error: WireError): void {
    this.#owner.notificationSent(error);
    this.#saidWhy = true;
    this.send(encodeNotification(error.code, error.subcode, error.data), MESSAGE_NOTIFICATION);
  }

  /** The stream takes more again. */
  writable(): void {
    this.#flow(true);
    if (!this.#owesKeepalive) return;
    this.#owesKeepalive = false;
    this.send(KEEPALIVE, MESSAGE_KEEPALIVE);
  }

  /** One write of UPDATEs: to be scheduled while Established. */
  run(): boolean {
    if (!this.#isWritable) return false;
    const pieces = this.#owner.pull(PULL_BYTES);
    if (pieces.length === 0) return false;
    for (const piece of pieces) this.#countMessages(piece);
    this.#flow(this.#stream.write(pieces));
    return this.#isWritable;
  }

  #flow(isWritable: boolean): void {
    if (isWritable === this.#isWritable) return;
    this.#isWritable = isWritable;
    this.#onFlow(isWritable);
  }

  #countMessages(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; at += (piece[at + 16]! << 8) | piece[at + 17]!) {
      this.#owner.sent(piece[at + HEADER_LENGTH - 1]!);
    }
  }
}
