/** Asking for one interface. */
import { ask } from './ask.ts';
import { decodeLink, encodeLinkRef, type Link, type LinkRef, RTM_GETLINK } from './codec/link.ts';
import type { NetlinkSocket } from './netlink-socket.ts';
import { HEADER_LENGTH, messageLength } from './wire/message.ts';

/** @returns undefined when there is none. */
export function readLink(socket: NetlinkSocket, ref: LinkRef): Link | undefined {
  const { received } = socket;
  const isThere = ask(socket, {
    attempt: `reading link ${ref}`,
    type: RTM_GETLINK,
    flags: 0,
    encode: (out) => encodeLinkRef(out, ref),
    missing: 'ENODEV',
  });
  return isThere ? decodeLink(received, HEADER_LENGTH, messageLength(received, 0)) : undefined;
}
