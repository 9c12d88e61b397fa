/** Reading a whole table (NLM_F_DUMP), a slice at a time. */
import { setImmediate, setTimeout } from 'node:timers/promises';
import { NetlinkError } from './netlink-error.ts';
import type { NetlinkSocket } from './netlink-socket.ts';
import { errnoName } from './system-call-error.ts';
import {
  HEADER_LENGTH,
  messageErrno,
  messageFlags,
  messageLength,
  messageReason,
  messageSequence,
  messageType,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './wire/message.ts';
import { MessageWriter } from './wire/message-writer.ts';
import { align4, type Words } from './wire/words.ts';

/** Reads of up to 32 KiB, or about 500 routes, before the event loop gets a turn: 1 ms. */
const READS_A_SLICE = 2;

/** A table that changes faster than it can be read is read so often, with pauses that grow. */
const MAX_ATTEMPTS = 12;
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 200;

export interface Dump {
  /** `reading routes`. */
  readonly attempt: string;
  readonly type: number;
  /** The kernel may look for long before it has a first part: not on the loop's thread. @default false */
  readonly isLong?: boolean;
  encode(out: MessageWriter): void;
  /** Called at the beginning, and once more each time that the dump was torn. */
  begin(): Visit;
}

/** `start` and `end` are of the message's payload. */
export type Visit = (words: Words, start: number, end: number) => void;

interface Reading {
  done: boolean;
  torn: boolean;
}

/** Dumps of one namespace, one after another: a socket carries one at a time. */
export class Dumps {
  readonly #open: () => NetlinkSocket;
  #socket: NetlinkSocket | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(open: () => NetlinkSocket) {
    this.#open = open;
  }

  /**
   * @throws NetlinkError 'EINTR' when the table kept changing; what the kernel says; and what
   * `begin` or the visitor throws.
   */
  run(request: Dump): Promise<void> {
    const result = this.#last.then(() => this.#run(request));
    this.#last = result.catch(() => {});
    return result;
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  async #run(request: Dump): Promise<void> {
    this.#socket ??= this.#open();
    try {
      await dump(this.#socket, request);
    } catch (error) {
      // The rest of an answer may be left on it.
      this.close();
      throw error;
    }
  }
}

async function dump(socket: NetlinkSocket, request: Dump): Promise<void> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (await readOnce(socket, request)) return;
    // Jitter: who changes the table may do so periodically.
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** attempt, MAX_PAUSE_MS);
    await setTimeout(pause * (0.5 + Math.random()));
  }
  const reason = `it changed during each of ${MAX_ATTEMPTS} readings`;
  throw new NetlinkError(request.attempt, 'EINTR', reason);
}

/** @returns false when a change tore the dump: then it tells neither the state before nor after. */
async function readOnce(socket: NetlinkSocket, request: Dump): Promise<boolean> {
  const sequence = socket.takeSequences(1);
  const writer = new MessageWriter(128);
  writer.begin(request.type, NLM_F_DUMP, sequence);
  request.encode(writer);
  writer.end();
  const visit = request.begin();
  const { u8 } = writer.words;
  const errno = request.isLong
    ? await socket.sendOffLoop(u8, writer.length)
    : socket.send(u8, writer.length);
  if (errno !== 0) throw new NetlinkError(request.attempt, errnoName(errno));
  const reading: Reading = { done: false, torn: false };
  while (!reading.done) {
    await setImmediate();
    for (let i = 0; i < READS_A_SLICE && !reading.done; i++)
      readPart(socket, request, sequence, visit, reading);
  }
  return !reading.torn;
}

/** The kernel makes the next part of the answer while the one before is read. */
function readPart(
  socket: NetlinkSocket,
  request: Dump,
  sequence: number,
  visit: Visit,
  reading: Reading,
): void {
  const { received } = socket;
  const length = socket.receive();
  if (length < 0) throw new NetlinkError(request.attempt, errnoName(-length));
  for (let at = 0; at + HEADER_LENGTH <= length; at += align4(messageLength(received, at))) {
    if (messageSequence(received, at) !== sequence) continue;
    if ((messageFlags(received, at) & NLM_F_DUMP_INTR) !== 0) reading.torn = true;
    const type = messageType(received, at);
    if (type === NLMSG_DONE || type === NLMSG_ERROR) {
      const errno = messageErrno(received, at);
      // A routing table that nobody has put a route in yet does not exist, to a strict kernel.
      if (errno !== 0 && errnoName(errno) !== 'ENOENT')
        throw new NetlinkError(request.attempt, errnoName(errno), messageReason(received, at));
      reading.done = true;
    } else if (!reading.torn) {
      visit(received, at + HEADER_LENGTH, at + messageLength(received, at));
    }
  }
}
