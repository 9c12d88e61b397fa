/**
 * Looks after the UDP tunnel's forwarder, a process of its own that carries the packets: taken over
 * where one runs, since it outlives the agent, started where none does, and started again when it ends.
 *
 * It is told and asked by files only, so it does not matter who started it: `table` says what goes where,
 * `socket` answers with what it has counted and is closed when it ends. It ends when its device is deleted.
 */

import { mkdir, rename, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { backoffMs } from '../../../backoff.ts';
import type { Clock, Log, Random } from '../../../ports.ts';
import { deviceName } from '../../ours.ts';
import { UDP_TUNNEL_PORT } from '../devices.ts';
import type { StartForwarder } from './process.ts';

/** From its start until it answers, on a machine that has much else to do. */
const ANSWER_DEADLINE_MS = 10_000;
const ANSWER_POLL_MS = 20;
/** One that has run for so long is started again at once. */
const STEADY_MS = 30_000;
const BACKOFF = { firstMs: 1000, longestMs: 30_000 };
const COUNTERS_DEADLINE_MS = 2000;

export interface ForwarderOptions {
  /** Made if need be. */
  readonly folder: string;
  readonly start: StartForwarder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** By name as in forwarder/counters.h: packets that passed, and those dropped by reason. */
export type ForwarderCounters = Readonly<Record<string, number>>;

export class Forwarder {
  readonly #options: ForwarderOptions;
  #table: string | undefined;
  #isWanted = false;
  #keeping: Promise<void> | undefined;
  #connection: Socket | undefined;
  #failures = 0;
  #problem: string | undefined;
  /** Ends the rest between two attempts. */
  #wake: (() => void) | undefined;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** From now on one should run, and know this table. @throws Error of the disk. */
  async run(table: string): Promise<void> {
    if (table !== this.#table) await this.#write(table);
    this.#isWanted = true;
    this.#keeping ??= this.#keep().finally(() => {
      this.#keeping = undefined;
    });
  }

  /** Looks after it no more, and leaves it alone. */
  release(): void {
    this.#isWanted = false;
    this.#problem = undefined;
    this.#connection?.destroy();
    this.#wake?.();
  }

  /** Why none runs. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Since its start, of the one that runs; undefined when none answers. */
  async counters(): Promise<ForwarderCounters | undefined> {
    const socket = await connectTo(this.#socketPath);
    if (socket === undefined) return undefined;
    let text = '';
    try {
      socket.setTimeout(COUNTERS_DEADLINE_MS, () => socket.destroy());
      socket.write('?');
      for await (const chunk of socket.setEncoding('utf8')) {
        text += chunk;
        if (text.endsWith('\n\n')) return readCounters(text);
      }
      return undefined;
    } catch {
      return undefined;
    }
  }

  get #socketPath(): string {
    return join(this.#options.folder, 'socket');
  }

  get #tablePath(): string {
    return join(this.#options.folder, 'table');
  }

  /** Moved into place: the forwarder never reads half of it. */
  async #write(table: string): Promise<void> {
    await mkdir(this.#options.folder, { recursive: true, mode: 0o700 });
    await writeFile(`${this.#tablePath}.new`, table, { mode: 0o600 });
    await rename(`${this.#tablePath}.new`, this.#tablePath);
    this.#table = table;
  }

  async #keep(): Promise<void> {
    const { clock, log } = this.#options;
    while (this.#isWanted) {
      const found = await connectTo(this.#socketPath);
      if (found !== undefined) log.info({}, 'the UDP forwarder that runs here is taken over');
      const connection = found ?? (await this.#start());
      const since = clock.monotonic();
      if (connection !== undefined) await this.#watch(connection);
      this.#failures = clock.monotonic() - since < STEADY_MS ? this.#failures + 1 : 0;
      if (this.#isWanted && this.#failures > 1) await this.#rest();
    }
  }

  /** @returns undefined when it could not be, and `problem` says why. */
  async #start(): Promise<Socket | undefined> {
    const { clock, log, start } = this.#options;
    try {
      const args = [deviceName('udp', 4), `${UDP_TUNNEL_PORT}`, this.#tablePath, this.#socketPath];
      const { ended } = await start(args);
      let lastWords: string | undefined;
      void ended.then((words) => {
        lastWords = words;
      });
      const deadline = clock.monotonic() + ANSWER_DEADLINE_MS;
      for (;;) {
        const socket = await connectTo(this.#socketPath);
        if (socket !== undefined) {
          log.info({}, 'the UDP forwarder is started');
          return socket;
        }
        if (lastWords !== undefined) throw new Error(lastWords);
        if (clock.monotonic() > deadline) throw new Error('it does not answer');
        await new Promise<void>((resolve) => clock.after(ANSWER_POLL_MS, resolve));
      }
    } catch (error) {
      const problem = `the UDP forwarder does not run: ${(error as Error).message}`;
      if (problem !== this.#problem) log.warn({}, problem);
      this.#problem = problem;
      return undefined;
    }
  }

  /** Resolves when it has ended, or was released. */
  async #watch(connection: Socket): Promise<void> {
    this.#connection = connection;
    this.#problem = undefined;
    // Resumed, since the end of a stream shows only to who reads it.
    if (this.#isWanted) await new Promise((resolve) => connection.once('close', resolve).resume());
    connection.destroy();
    this.#connection = undefined;
    if (this.#isWanted) this.#options.log.warn({}, 'the UDP forwarder has ended');
  }

  #rest(): Promise<void> {
    const { clock, random } = this.#options;
    const restMs = backoffMs(BACKOFF, this.#failures - 1, random);
    return new Promise((resolve) => {
      this.#wake = () => {
        timer.cancel();
        this.#wake = undefined;
        resolve();
      };
      const timer = clock.after(restMs, this.#wake);
    });
  }
}

function connectTo(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('error', () => resolve(undefined));
    socket.once('connect', () => resolve(socket));
  });
}

function readCounters(text: string): ForwarderCounters {
  const lines = text.trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', value] = line.split(' ');
      return [name, Number(value)];
    }),
  );
}
