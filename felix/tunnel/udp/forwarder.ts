/**
 * Looks after the UDP tunnel's forwarder, a process of its own that carries the packets: taken over
 * where one runs, since it outlives the agent, started where none does, and started again when it ends.
 * In the place of one that an agent of another version started comes ours, which loses no packet.
 *
 * It is told and asked by files only, so it does not matter who started it: `table` says what goes where,
 * `socket` answers with what it is and has counted, and is closed when it ends. It ends when its device is
 * deleted. One that runs apart from the agent, and is nobody's to replace, begins when there is a table.
 */

import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { backoffMs } from '../../../backoff.ts';
import type { Clock, Log, Random } from '../../../ports.ts';
import { type ForwarderProgram, forwarderArguments, forwarderFiles } from './process.ts';
import {
  ask,
  askForwarder,
  connectTo,
  type ForwarderCounters,
  type ForwarderState,
} from './question.ts';
import { TABLE_FORMAT } from './table.ts';

/** The forwarder names it where it cannot be opened. */
const TUN = '/dev/net/tun';
/** From its start until it answers, on a machine that has much else to do. */
const ANSWER_DEADLINE_MS = 10_000;
const ANSWER_POLL_MS = 20;
/** One that has run for so long is started again at once. */
const STEADY_MS = 30_000;
const BACKOFF = { firstMs: 1000, longestMs: 30_000 };

export interface ForwarderOptions {
  /** Made if need be. */
  readonly folder: string;
  readonly program: ForwarderProgram;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** One answers for the first time since it is wanted. */
  readonly onAnswer: () => void;
  /** The kernel has no TUN devices. Told once, as the log is. */
  readonly onLack: (reason: string) => void;
}

/** One that answers: ends with `connection`. */
interface Running {
  readonly connection: Socket;
  readonly state: ForwarderState;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  #table: string | undefined;
  #isWanted = false;
  #isKept = false;
  #hasAnswered = false;
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
    this.#isWanted = true;
    if (table !== this.#table) await this.#write(table);
    // It may have been released meanwhile.
    if (this.#isWanted && !this.#isKept) void this.#keep();
  }

  /** Looks after it no more, and leaves it alone. */
  release(): void {
    this.#isWanted = this.#hasAnswered = false;
    this.#problem = undefined;
    this.#connection?.destroy();
    this.#wake?.();
  }

  /** None is needed: without a table none begins. One that runs ends when its device is deleted. @throws Error of the disk. */
  async dismiss(): Promise<void> {
    this.release();
    await removeTable(this.#options.folder);
    this.#table = undefined;
  }

  /** It takes packets, which its device alone does not say: the sockets are opened after it. Or it did, and another one comes in its place. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** Why none runs, or not one of this version. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Since its start, of the one that runs; undefined when none answers. */
  async counters(): Promise<ForwarderCounters | undefined> {
    return (await askForwarder(this.#files.socket))?.counters;
  }

  get #files(): ReturnType<typeof forwarderFiles> {
    return forwarderFiles(this.#options.folder);
  }

  /** Moved into place: the forwarder never reads half of it. */
  async #write(table: string): Promise<void> {
    await mkdir(this.#options.folder, { recursive: true, mode: 0o700 });
    const { table: path } = this.#files;
    await writeFile(`${path}.new`, table, { mode: 0o600 });
    await rename(`${path}.new`, path);
    this.#table = table;
  }

  async #keep(): Promise<void> {
    const { clock } = this.#options;
    this.#isKept = true;
    while (this.#isWanted) {
      const running = await this.#have();
      const since = clock.monotonic();
      if (running !== undefined) await this.#watch(running);
      this.#failures = clock.monotonic() - since < STEADY_MS ? this.#failures + 1 : 0;
      if (this.#isWanted && this.#failures > 1) await this.#rest();
    }
    this.#isKept = false;
  }

  /** @returns undefined when there is none of this version, and `problem` says why. */
  async #have(): Promise<Running | undefined> {
    const { log, program } = this.#options;
    const found = await this.#find();
    let problem = 'does not run';
    try {
      if (found?.state.isApart || found?.state.program === (await program.version())) {
        log.info({}, 'the UDP forwarder that runs here is taken over');
        return found;
      }
      found?.connection.destroy();
      if (!this.#isWanted) return undefined;
      if (found !== undefined) problem = 'that runs here is of another version, and stays';
      const started = await this.#start();
      log.info({}, `the UDP forwarder is ${found === undefined ? 'started' : 'replaced by ours'}`);
      return started;
    } catch (error) {
      found?.connection.destroy();
      this.#noteProblem(`the UDP forwarder ${problem}: ${(error as Error).message}`);
      return undefined;
    }
  }

  async #find(): Promise<Running | undefined> {
    // Asked by the connection that tells its end: where two change places, another would lead to the other.
    const connection = await connectTo(this.#files.socket);
    const state = connection && (await ask(connection));
    if (state !== undefined) {
      this.#noteAnswer();
      return { connection: connection!, state };
    }
    connection?.destroy();
    return undefined;
  }

  #noteAnswer(): void {
    if (this.#hasAnswered || !this.#isWanted) return;
    this.#hasAnswered = true;
    this.#options.onAnswer();
  }

  /** In the place of the one that runs, if one does. @throws Error when it could not be. */
  async #start(): Promise<Running> {
    const { clock, folder, program } = this.#options;
    const version = await program.version();
    const { ended } = await program.start(forwarderArguments(folder));
    let lastWords: string | undefined;
    void ended.then((words) => {
      lastWords = words;
    });
    const deadline = clock.monotonic() + ANSWER_DEADLINE_MS;
    for (;;) {
      const running = await this.#find();
      if (running?.state.isApart || running?.state.program === version) return running;
      running?.connection.destroy();
      if (lastWords !== undefined) throw new Error(lastWords);
      if (clock.monotonic() > deadline) throw new Error('it does not answer');
      await new Promise<void>((resolve) => clock.after(ANSWER_POLL_MS, resolve));
    }
  }

  /** Resolves when it has ended, or was released. */
  async #watch({ connection, state }: Running): Promise<void> {
    this.#connection = connection;
    this.#problem = undefined;
    // It may have been asked before it was wanted again.
    this.#noteAnswer();
    if (state.format !== TABLE_FORMAT)
      this.#noteProblem(
        `the UDP forwarder that runs apart from the agent takes tables of format ${state.format}, and this agent writes ${TABLE_FORMAT}: give both the same version`,
      );
    // It may have ended since it answered, and a stream tells of its end only once.
    if (this.#isWanted && !connection.closed)
      await new Promise((resolve) => connection.once('close', resolve));
    connection.destroy();
    this.#connection = undefined;
    if (this.#isWanted) this.#options.log.warn({}, 'the UDP forwarder has ended');
  }

  #noteProblem(problem: string): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    const { log, onLack } = this.#options;
    log.warn({}, problem);
    if (problem.includes(TUN)) onLack(problem);
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

/** Without it no forwarder that runs apart begins. */
export function removeTable(folder: string): Promise<void> {
  return rm(forwarderFiles(folder).table, { force: true });
}
