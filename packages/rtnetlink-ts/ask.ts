/** One request to the kernel, and its one answer. */
import { NetlinkError } from './netlink-error.ts';
import type { NetlinkSocket } from './netlink-socket.ts';
import { errnoName } from './system-call-error.ts';
import {
  messageErrno,
  messageReason,
  messageSequence,
  messageType,
  NLMSG_ERROR,
} from './wire/message.ts';
import { MessageWriter } from './wire/message-writer.ts';

export interface Request {
  /** For an error's message: `reading link 7`. */
  readonly attempt: string;
  readonly type: number;
  /** With NLM_F_ACK where success has no other answer. */
  readonly flags: number;
  readonly encode: (out: MessageWriter) => void;
  /** What the kernel says where there is no such thing. */
  readonly missing?: 'ENODEV' | 'ENOENT';
}

/**
 * Blocks for as long as the kernel works. The answer lies at the beginning of `socket.received`.
 * @returns false: there is no such thing.
 * @throws NetlinkError
 */
export function ask(socket: NetlinkSocket, request: Request): boolean {
  const { attempt, type, flags, encode, missing } = request;
  const writer = new MessageWriter(256);
  const sequence = socket.takeSequences(1);
  writer.begin(type, flags, sequence);
  encode(writer);
  writer.end();
  const errno = socket.send(writer.words.u8, writer.length);
  if (errno !== 0) throw new NetlinkError(attempt, errnoName(errno));
  const { received } = socket;
  for (;;) {
    const length = socket.receive();
    if (length < 0) throw new NetlinkError(attempt, errnoName(-length));
    // Before it come answers to a buffer of requests whose reading was cut short.
    if (messageSequence(received, 0) === sequence) break;
  }
  const failure = messageType(received, 0) === NLMSG_ERROR ? messageErrno(received, 0) : 0;
  if (failure === 0) return true;
  if (errnoName(failure) === missing) return false;
  throw new NetlinkError(attempt, errnoName(failure), messageReason(received, 0));
}
