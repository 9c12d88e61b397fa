/**
 * struct nlmsghdr and struct nlmsgerr, linux/netlink.h.
 *
 *     0        4     6      8         12       16
 *     | length | type | flags | sequence | port id | payload …
 *
 *     an error's payload:  | -errno | header of the request (16) | attributes
 */
import { AttributeCursor } from './attributes.ts';
import type { Words } from './words.ts';

export const HEADER_LENGTH = 16;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
/** The dump is torn: something changed between two of its parts. */
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
/** In an answer: attributes follow (extended acknowledgement). */
const NLM_F_ACK_TLVS = 0x200;

const NLMSGERR_ATTR_MSG = 1;

export function messageLength(words: Words, at: number): number {
  return words.u32[at >> 2]!;
}

export function messageType(words: Words, at: number): number {
  return words.u16[(at >> 1) + 2]!;
}

export function messageFlags(words: Words, at: number): number {
  return words.u16[(at >> 1) + 3]!;
}

export function messageSequence(words: Words, at: number): number {
  return words.u32[(at >> 2) + 2]!;
}

/** Of NLMSG_ERROR and NLMSG_DONE: 0, or the errno. */
export function messageErrno(words: Words, at: number): number {
  return messageLength(words, at) >= HEADER_LENGTH + 4 ? -words.i32[(at >> 2) + 4]! : 0;
}

/** The kernel's sentence in an NLMSG_ERROR or NLMSG_DONE, if there is one. */
export function messageReason(words: Words, at: number): string | undefined {
  if ((messageFlags(words, at) & NLM_F_ACK_TLVS) === 0) return undefined;
  // NETLINK_CAP_ACK is set on our sockets: of the request, only the header comes back.
  const skip = messageType(words, at) === NLMSG_ERROR ? 4 + HEADER_LENGTH : 4;
  const attributes = new AttributeCursor(words);
  attributes.reset(at + HEADER_LENGTH + skip, at + messageLength(words, at));
  while (attributes.next()) if (attributes.type === NLMSGERR_ATTR_MSG) return attributes.text();
  return undefined;
}
