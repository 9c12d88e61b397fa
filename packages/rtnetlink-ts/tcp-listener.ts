/** A TCP socket that listens, and hands out what it accepts as descriptors, so that options can be set on them. */

import type { Address, Family } from 'net-ipaddr';
import { addon, type Poll } from './addon.ts';
import { startPoll } from './start-poll.ts';
import { checked, errnoName, SystemCallError } from './system-call-error.ts';
import { openTcp, type TcpOptions } from './tcp.ts';

export interface TcpListener {
  /** For setTcpMd5 and the like; not to be closed or accepted from. */
  readonly fd: number;
  /** The port that it is bound to. */
  readonly port: number;
  /** Connections that came in through it live on. */
  close(): void;
}

export interface TcpListenerEvents {
  /** A connection: `new net.Socket({ fd, readable: true, writable: true })` takes it over. */
  accepted(fd: number): void;
  /** It accepts nothing any more, for example since the process has no descriptor left ('EMFILE'), and is closed. */
  failed(error: SystemCallError): void;
}

const BACKLOG = 511;
/** Who connected has gone, or somebody looked before us: there is nothing to take, and nothing is wrong. */
const PASSING = new Set(['EAGAIN', 'ECONNABORTED', 'EINTR', 'EPROTO']);

/** @throws SystemCallError as openTcp, and 'EADDRINUSE' */
export function listenTcp(
  options: TcpOptions & { readonly address: Address },
  events: TcpListenerEvents,
): TcpListener {
  const fd = openTcp(options);
  let poll: Poll | undefined;
  const close = () => {
    if (poll === undefined) return;
    addon.pollStop(poll);
    poll = undefined;
    addon.close(fd);
  };
  // One a turn of the loop: libuv calls again while more wait.
  const accept = () => {
    const accepted = addon.accept(fd);
    if (accepted >= 0) return events.accepted(accepted);
    const code = errnoName(-accepted);
    if (PASSING.has(code)) return;
    close();
    events.failed(new SystemCallError('accepting a connection', code));
  };
  try {
    checked(addon.listen(fd, BACKLOG), 'listening for TCP connections');
    poll = startPoll(fd, accept);
  } catch (error) {
    addon.close(fd);
    throw error;
  }
  return { fd, port: boundPort(fd, options.family), close };
}

/** From struct sockaddr_in or sockaddr_in6: after the family, in network order. */
function boundPort(fd: number, family: Family): number {
  const sockaddr = Buffer.alloc(family === 4 ? 16 : 28);
  checked(addon.getsockname(fd, sockaddr), 'asking for the port');
  return sockaddr.readUInt16BE(2);
}
