/** The agent's end of the CNI plugin's socket: one request a connection, answered once. */
import {
  closeDescriptor,
  listenSeqpacket,
  type Message,
  type SeqpacketConnection,
} from 'rtnetlink-ts';
import type { Clock, Log } from '../../ports.ts';
import type { CniCommands } from './commands.ts';
import { CNI_ERROR, CniError, formatError, readRequest, versionForErrors } from './protocol.ts';

/** A runtime starts a node's pods side by side after a reboot; beyond this it is told to come back. */
const MAX_REQUESTS = 256;
/** The plugin sends at once: who connects and says nothing is not the plugin. */
const REQUEST_DEADLINE_MS = 5_000;

export interface CniServerOptions {
  path: string;
  commands: Pick<CniCommands, 'run'>;
  clock: Clock;
  log: Log;
}

export class CniServer {
  readonly #options: CniServerOptions;
  readonly #listener: { close(): void };
  /** The last request of each sandbox: the next one of the same sandbox waits for it. */
  readonly #last = new Map<string, Promise<unknown>>();
  #running = 0;

  constructor(options: CniServerOptions) {
    this.#options = options;
    this.#listener = listenSeqpacket({
      path: options.path,
      mode: 0o600,
      onConnection: (connection) => void this.#serve(connection),
    });
  }

  close(): void {
    this.#listener.close();
  }

  async #serve(connection: SeqpacketConnection): Promise<void> {
    const { clock, log } = this.#options;
    const deadline = clock.after(REQUEST_DEADLINE_MS, () => connection.close());
    this.#running++;
    let message: Message | undefined;
    try {
      // The folder is root's alone; this holds even where its mode was widened.
      if (connection.peer.uid !== 0) return;
      message = await connection.receive();
      deadline.cancel();
      if (message) connection.send(await this.#answer(message));
    } catch (error) {
      log.warn({ error: (error as Error).message }, 'a CNI request could not be answered');
    } finally {
      deadline.cancel();
      for (const descriptor of message?.descriptors ?? []) closeDescriptor(descriptor);
      connection.close();
      this.#running--;
    }
  }

  /** '0' or '1', the plugin's exit code, then what it prints. */
  async #answer(message: Message): Promise<Uint8Array> {
    const { log, clock } = this.#options;
    const { variables, stdin } = splitMessage(message.bytes);
    const startedAt = clock.monotonic();
    try {
      if (this.#running > MAX_REQUESTS)
        throw new CniError(
          CNI_ERROR.tryAgainLater,
          `${MAX_REQUESTS} CNI requests are being worked on`,
          'the runtime will try again',
        );
      const request = readRequest(variables, stdin);
      const [descriptor] = message.descriptors;
      const netns = descriptor === undefined ? undefined : `/proc/self/fd/${descriptor}`;
      const run = () => this.#options.commands.run(request, netns);
      const { containerID } = request;
      const answer = await (containerID === '' ? run() : this.#inTurn(containerID, run));
      log.info(
        {
          command: request.command,
          pod: `${request.namespace}/${request.pod}`,
          containerID: request.containerID,
          ms: Math.round(clock.monotonic() - startedAt),
        },
        'CNI request done',
      );
      return Buffer.from(`0${answer}`);
    } catch (error) {
      const cniError =
        error instanceof CniError
          ? error
          : new CniError(CNI_ERROR.tryAgainLater, (error as Error).message);
      log.warn(
        { command: variables.get('CNI_COMMAND'), code: cniError.code, details: cniError.details },
        cniError.message,
      );
      return Buffer.from(`1${formatError(versionForErrors(stdin), cniError)}`);
    }
  }

  /** Requests of one sandbox one after the other: a DEL must not overtake its ADD. */
  async #inTurn<T>(containerID: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(containerID);
    const turn = (before ?? Promise.resolve()).then(work, work);
    this.#last.set(containerID, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(containerID) === turn) this.#last.delete(containerID);
    }
  }
}

/** `CNI_COMMAND=ADD\0…\0\0` and the conf behind it; see plugin.c. */
function splitMessage(bytes: Uint8Array): { variables: Map<string, string>; stdin: string } {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const end = text.indexOf('\0\0');
  const variables = new Map<string, string>();
  for (const entry of text.slice(0, Math.max(end, 0)).split('\0')) {
    const equals = entry.indexOf('=');
    if (equals > 0) variables.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return { variables, stdin: text.slice(end + 2) };
}
