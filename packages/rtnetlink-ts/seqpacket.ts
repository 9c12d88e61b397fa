/** Unix SOCK_SEQPACKET: whole messages with descriptors, and who is at the other end. */

export interface Message {
  readonly bytes: Uint8Array;
  /** Descriptors that came along (SCM_RIGHTS), close-on-exec: yours to close. */
  readonly descriptors: readonly number[];
}

export interface SeqpacketConnection {
  /** The process that connected, as it was then (SO_PEERCRED). */
  readonly peer: { readonly pid: number; readonly uid: number; readonly gid: number };
  /** The next message; undefined when the other end, or `close`, has closed. One call at a time. */
  receive(): Promise<Message | undefined>;
  /** Sends one message whole. Throws EAGAIN when the other end does not read. */
  send(bytes: Uint8Array, descriptors?: readonly number[]): void;
  close(): void;
}

export interface SeqpacketServer {
  /** Stops listening and removes the socket's file. Connections stay. */
  close(): void;
}

export interface SeqpacketOptions {
  readonly path: string;
  /** Mode of the socket's file. @default 0o600 */
  readonly mode?: number;
  /** More than so many wait in the kernel's backlog. @default 64 */
  readonly maxConnections?: number;
  readonly onConnection: (connection: SeqpacketConnection) => void;
}

/** Listens at a path; a stale socket file of a process that has ended is replaced. */
export function listenSeqpacket(_options: SeqpacketOptions): SeqpacketServer {
  throw new Error('not wired yet');
}

export function connectSeqpacket(_path: string): SeqpacketConnection {
  throw new Error('not wired yet');
}
