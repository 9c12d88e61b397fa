/** Asking for one interface. */
import {
  decodeLink,
  encodeLinkRef,
  type Link,
  type LinkRef,
  RTM_GETLINK,
  RTM_NEWLINK,
} from './codec/link.ts';
import { NetlinkError } from './netlink-error.ts';
import type { NetlinkSocket } from './netlink-socket.ts';
import { errnoName } from './system-call-error.ts';
import {
  HEADER_LENGTH,
  messageErrno,
  messageLength,
  messageReason,
  messageSequence,
  messageType,
  NLMSG_ERROR,
} from './wire/message.ts';
import { MessageWriter } from './wire/message-writer.ts';

export function readLink(socket: NetlinkSocket, ref: LinkRef): Link | undefined {
  const attempt = `reading link ${ref}`;
  const writer = new MessageWriter(64);
  const sequence = socket.takeSequences(1);
  writer.begin(RTM_GETLINK, 0, sequence);
  encodeLinkRef(writer, ref);
  writer.end();
  const errno = socket.send(writer.words.u8, writer.length);
  if (errno !== 0) throw new NetlinkError(attempt, errnoName(errno));
  const { received } = socket;
  for (;;) {
    const length = socket.receive();
    if (length < 0) throw new NetlinkError(attempt, errnoName(-length));
    if (messageSequence(received, 0) !== sequence) continue;
    const type = messageType(received, 0);
    if (type === RTM_NEWLINK)
      return decodeLink(received, HEADER_LENGTH, messageLength(received, 0));
    if (type !== NLMSG_ERROR) continue;
    const code = errnoName(messageErrno(received, 0));
    if (code === 'ENODEV') return undefined;
    throw new NetlinkError(attempt, code, messageReason(received, 0));
  }
}
