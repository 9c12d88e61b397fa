/** Unix SOCK_SEQPACKET: whole messages with descriptors, and who is at the other end. */
import { chmodSync, unlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { addon, type Poll } from './addon.ts';
import { startPoll } from './start-poll.ts';
import { checked, errnoName, SystemCallError } from './system-call-error.ts';

export interface Message {
  readonly bytes: Uint8Array;
  /** Descriptors that came along (SCM_RIGHTS), close-on-exec: yours to close. */
  readonly descriptors: readonly number[];
}

export interface SeqpacketConnection {
  /** The process that connected, as it was then (SO_PEERCRED). */
  readonly peer: { readonly pid: number; readonly uid: number; readonly gid: number };
  /**
   * The next message; undefined when the other end, or `close`, has closed. One call at a time.
   * @throws SystemCallError, after which only `close` is left to do: 'EMSGSIZE' for a message of
   * more than 1 MiB or with more than 16 descriptors.
   */
  receive(): Promise<Message | undefined>;
  /**
   * Sends one message whole.
   * @throws SystemCallError 'EAGAIN' when the other end does not read, 'EPIPE' when it has closed,
   * 'EMSGSIZE' when it is larger than the send buffer (208 KiB by default).
   */
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

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const MSG_PEEK = 0x02;
const MSG_CTRUNC = 0x08;
const MSG_TRUNC = 0x20;

const BACKLOG = 128;
const MAX_CONNECTIONS = 64;
const MAX_MESSAGE_BYTES = 1 << 20;
const MAX_DESCRIPTORS = 16;
/** sun_path, with its NUL. */
const MAX_PATH_BYTES = 107;

/**
 * Listens at a path; the socket file of a process that has ended is replaced.
 * @throws SystemCallError 'EADDRINUSE' when a process listens there.
 */
export function listenSeqpacket(options: SeqpacketOptions): SeqpacketServer {
  return new Server(options);
}

/** @throws SystemCallError 'ENOENT' or 'ECONNREFUSED' when nobody listens there. */
export function connectSeqpacket(path: string): SeqpacketConnection {
  const fd = checked(addon.socket(AF_UNIX, SOCK_SEQPACKET, 0), 'opening a Unix socket');
  const result = addon.connect(fd, socketAddress(path));
  if (result < 0) {
    addon.close(fd);
    throw new SystemCallError(`connecting to ${path}`, errnoName(-result));
  }
  return new Connection(fd, () => {});
}

class Server implements SeqpacketServer {
  readonly #options: SeqpacketOptions;
  readonly #fd: number;
  #poll: Poll | undefined;
  #connections = 0;
  #closed = false;

  constructor(options: SeqpacketOptions) {
    this.#options = options;
    const { path, mode = 0o600 } = options;
    removeStale(path);
    this.#fd = checked(addon.socket(AF_UNIX, SOCK_SEQPACKET, 0), 'opening a Unix socket');
    try {
      checked(addon.bind(this.#fd, socketAddress(path)), `binding ${path}`);
      // Before listen: nobody can connect until the mode is right.
      chmodSync(path, mode);
      checked(addon.listen(this.#fd, BACKLOG), `listening at ${path}`);
      this.#startAccepting();
    } catch (error) {
      addon.close(this.#fd);
      throw error;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#poll) addon.pollStop(this.#poll);
    addon.close(this.#fd);
    try {
      unlinkSync(this.#options.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  #startAccepting(): void {
    this.#poll = startPoll(this.#fd, () => this.#accept());
  }

  /** One a turn of the loop: libuv calls again while more wait. */
  #accept(): void {
    const fd = addon.accept(this.#fd);
    if (fd < 0) return; // EAGAIN, or ECONNABORTED: who connected has gone
    this.#connections++;
    if (this.#connections >= (this.#options.maxConnections ?? MAX_CONNECTIONS)) {
      addon.pollStop(this.#poll!);
      this.#poll = undefined;
    }
    this.#options.onConnection(new Connection(fd, () => this.#released()));
  }

  #released(): void {
    this.#connections--;
    if (!this.#poll && !this.#closed) this.#startAccepting();
  }
}

class Connection implements SeqpacketConnection {
  readonly peer: SeqpacketConnection['peer'];
  readonly #fd: number;
  readonly #onClose: () => void;
  #poll: Poll | undefined;
  #waiting: ((message: Message | undefined) => void) | undefined;
  #closed = false;

  constructor(fd: number, onClose: () => void) {
    this.#fd = fd;
    this.#onClose = onClose;
    this.peer = credentials(fd);
  }

  receive(): Promise<Message | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return resolve(undefined);
      if (this.#waiting) throw new Error('a message is awaited already');
      this.#waiting = resolve;
      this.#poll = startPoll(this.#fd, () => {
        try {
          const message = readMessage(this.#fd);
          if (message === 'none yet') return;
          this.#stopWaiting();
          resolve(message);
        } catch (error) {
          this.#stopWaiting();
          reject(error);
        }
      });
    });
  }

  send(bytes: Uint8Array, descriptors: readonly number[] = []): void {
    if (this.#closed) throw new SystemCallError('sending a message', 'EPIPE');
    const result = addon.sendmsg(this.#fd, bytes, bytes.length, Int32Array.from(descriptors));
    checked(result, 'sending a message');
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const waiting = this.#waiting;
    this.#stopWaiting();
    addon.close(this.#fd);
    waiting?.(undefined);
    this.#onClose();
  }

  #stopWaiting(): void {
    if (this.#poll) addon.pollStop(this.#poll);
    this.#poll = undefined;
    this.#waiting = undefined;
  }
}

/** @returns undefined at the end: the other end has closed. */
function readMessage(fd: number): Message | undefined | 'none yet' {
  const length = addon.recvmsg(fd, Buffer.alloc(0), MSG_PEEK | MSG_TRUNC);
  if (length < 0) return errnoName(-length) === 'EAGAIN' ? 'none yet' : failed(length);
  if (length > MAX_MESSAGE_BYTES) throw new SystemCallError('receiving a message', 'EMSGSIZE');
  const bytes = Buffer.alloc(length);
  const about = new Int32Array(2 + MAX_DESCRIPTORS);
  const received = addon.recvmsg(fd, bytes, 0, about);
  if (received < 0) return failed(received);
  const descriptors = [...about.subarray(2, 2 + about[1]!)];
  if ((about[0]! & (MSG_TRUNC | MSG_CTRUNC)) !== 0) {
    for (const descriptor of descriptors) addon.close(descriptor);
    throw new SystemCallError('receiving a message', 'EMSGSIZE');
  }
  // SEQPACKET knows empty messages, which look like the end; an end has no descriptors.
  return received === 0 && descriptors.length === 0 ? undefined : { bytes, descriptors };
}

function failed(result: number): undefined {
  // The other end closed with our messages unread: for the reader, the end.
  if (result === -constants.errno.ECONNRESET) return undefined;
  throw new SystemCallError('receiving a message', errnoName(-result));
}

/** struct ucred: pid, uid, gid. */
function credentials(fd: number): SeqpacketConnection['peer'] {
  const value = new Uint8Array(12);
  checked(addon.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, value), 'asking who has connected');
  const [pid, uid, gid] = new Uint32Array(value.buffer);
  return { pid: pid!, uid: uid!, gid: gid! };
}

function socketAddress(path: string): Uint8Array {
  const length = Buffer.byteLength(path);
  if (length === 0 || length > MAX_PATH_BYTES)
    throw new TypeError(
      `${path} cannot be a socket: its path has ${length} bytes, and may have ${MAX_PATH_BYTES}`,
    );
  const address = Buffer.alloc(2 + length + 1);
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_UNIX;
  address.write(path, 2);
  return address;
}

/** A socket's file outlives its process: then connecting is refused. */
function removeStale(path: string): void {
  const fd = checked(addon.socket(AF_UNIX, SOCK_SEQPACKET, 0), 'opening a Unix socket');
  const result = addon.connect(fd, socketAddress(path));
  addon.close(fd);
  if (result === -constants.errno.ECONNREFUSED) unlinkSync(path);
}
