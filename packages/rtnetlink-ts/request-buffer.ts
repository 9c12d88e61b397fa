/**
 * Requests that go to the kernel in one sendmsg. Only the last asks for an acknowledgement: those
 * that fail answer all the same, and 199 acknowledgements of 200 are not made, queued and read.
 *
 *     | route, seq 41 | route, seq 42 | … | link, seq 43, NLM_F_ACK |
 */
import type { Namespace } from './codec/link-kind.ts';
import { openNamespace } from './namespace.ts';
import { NetlinkError } from './netlink-error.ts';
import type { NetlinkSocket } from './netlink-socket.ts';
import {
  describeOperation,
  describeRequest,
  encodeOperation,
  type Operation,
} from './operation.ts';
import { errnoName } from './system-call-error.ts';
import {
  HEADER_LENGTH,
  messageErrno,
  messageLength,
  messageReason,
  messageSequence,
  messageType,
  NLM_F_ACK,
  NLMSG_ERROR,
} from './wire/message.ts';
import { MessageWriter } from './wire/message-writer.ts';
import { align4 } from './wire/words.ts';

/** More at a time gain nothing, and hold up the loop. */
const MAX_ON_LOOP = 200;
/** One request more, and it is still below the default send buffer of 208 KiB, beyond which sendmsg says EMSGSIZE. */
const FULL_BYTES = 140_000;
const INITIAL_BYTES = 65_536;

const LOST = "the kernel's answer was lost: it may be done or not";

/** `index` is the one that the request was put in with. */
export type OnFailure = (index: number, error: NetlinkError) => void;

export class RequestBuffer {
  readonly #socket: NetlinkSocket;
  readonly #writer = new MessageWriter(INITIAL_BYTES);
  readonly #starts: Int32Array;
  readonly #indexes: Uint32Array;
  readonly #namespaces: { close(): void }[] = [];
  #count = 0;
  #firstSequence = 0;

  constructor(socket: NetlinkSocket, maxRequests = MAX_ON_LOOP) {
    this.#socket = socket;
    this.#starts = new Int32Array(maxRequests);
    this.#indexes = new Uint32Array(maxRequests);
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.#starts.length || this.#writer.length >= FULL_BYTES;
  }

  /**
   * @param index what failures are reported with
   * @returns why it cannot be written as a request; it is not put in then
   */
  put(operation: Operation, index: number): NetlinkError | undefined {
    if (this.#count === 0) this.#firstSequence = this.#socket.takeSequences(this.#starts.length);
    const sequence = (this.#firstSequence + this.#count) >>> 0;
    try {
      this.#starts[this.#count] = encodeOperation(this.#writer, operation, sequence, this.#open);
    } catch (error) {
      const { code = 'EINVAL', message } = error as NodeJS.ErrnoException;
      return new NetlinkError(describeOperation(operation), code, message);
    }
    this.#indexes[this.#count] = index;
    this.#count++;
    return undefined;
  }

  /** Empties it without sending. */
  clear(): void {
    this.#writer.clear();
    this.#count = 0;
    for (const namespace of this.#namespaces.splice(0)) namespace.close();
  }

  /** Sends what was put in, reads the answers, and is empty again. */
  send(onFailure: OnFailure): void {
    if (this.#count === 0) return;
    this.#askForAcknowledgement();
    this.#read(this.#socket.send(this.#writer.words.u8, this.#writer.length), onFailure);
  }

  /** As `send`, with the kernel's work on another thread. Nothing may be put in meanwhile. */
  async sendOffLoop(onFailure: OnFailure): Promise<void> {
    if (this.#count === 0) return;
    this.#askForAcknowledgement();
    const { words, length } = this.#writer;
    this.#read(await this.#socket.sendOffLoop(words.u8, length), onFailure);
  }

  /** The kernel looks a namespace up by its descriptor while the request is sent: open until then. */
  readonly #open = (namespace: Namespace): number => {
    const opened = openNamespace(namespace);
    this.#namespaces.push(opened);
    return opened.fd;
  };

  #askForAcknowledgement(): void {
    const last = this.#starts[this.#count - 1]!;
    this.#writer.words.u16[(last >> 1) + 3]! |= NLM_F_ACK;
  }

  #read(sendErrno: number, onFailure: OnFailure): void {
    try {
      if (sendErrno !== 0) this.#failFrom(0, errnoName(sendErrno), onFailure);
      else this.#readAnswers(onFailure);
    } finally {
      this.clear();
    }
  }

  /** rtnetlink works inside sendmsg: the answers are there, the last request's as the last one. */
  #readAnswers(onFailure: OnFailure): void {
    const { received } = this.#socket;
    let next = 0;
    while (next < this.#count) {
      const length = this.#socket.receive();
      // Answers were lost: what comes after the last one that was read may be done or not.
      if (length < 0) {
        this.#failFrom(next, errnoName(-length), onFailure, LOST);
        return;
      }
      for (let at = 0; at + HEADER_LENGTH <= length; at += align4(messageLength(received, at))) {
        const request = (messageSequence(received, at) - this.#firstSequence) >>> 0;
        // Beyond: an answer to an earlier buffer, whose reading was cut short.
        if (request >= this.#count || messageType(received, at) !== NLMSG_ERROR) continue;
        next = request + 1;
        const errno = messageErrno(received, at);
        if (errno !== 0)
          this.#fail(request, errnoName(errno), onFailure, messageReason(received, at));
      }
    }
  }

  #failFrom(first: number, code: string, onFailure: OnFailure, reason?: string): void {
    for (let request = first; request < this.#count; request++)
      this.#fail(request, code, onFailure, reason);
  }

  #fail(request: number, code: string, onFailure: OnFailure, reason?: string): void {
    const attempt = describeRequest(this.#writer.words, this.#starts[request]!);
    onFailure(this.#indexes[request]!, new NetlinkError(attempt, code, reason));
  }
}
