/** The load's process: commands go in, answers come out. load/load.c says what they mean. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { DAEMON_ADDRESS, inNamespace, peerAddress } from './cable.ts';
import { compileLoad } from './compile.ts';
import type { Plan } from './plan.ts';

export interface Answer {
  readonly done: boolean;
  readonly seconds: number;
  /** Of the load's own process. */
  readonly loadCpuSeconds: number;
  readonly established: number;
  readonly drops: number;
  /** Prefixes that came with another set's attributes, or are not of the table. */
  readonly wrong: number;
  readonly why: string;
}

export interface Latencies extends Answer {
  /** Milliseconds: over every receiver and route, and until the last receiver had a route. */
  readonly eachP50: number;
  readonly eachP99: number;
  readonly lastP50: number;
  readonly lastP99: number;
  readonly lastMax: number;
}

/** The daemon did not do it in time, or wrongly. */
export class NotDone extends Error {}

export class Load {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #limitSec: number;

  constructor(plan: Plan, limitSec: number) {
    this.#limitSec = limitSec;
    const { daemonAs, holdTimeSec, peers } = plan;
    const size = Math.max(...peers.map(({ first, count }) => first + count));
    const args = [DAEMON_ADDRESS, daemonAs, holdTimeSec, size].map(String);
    const [program = '', ...rest] = inNamespace('load', [compileLoad().load, ...args]);
    this.#child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! });
    for (const [index, { as, first, count, receives }] of peers.entries())
      this.#tell(`session ${peerAddress(index)} ${as} ${first} ${count} ${receives ? 1 : 0}`);
  }

  /** Until every session is Established. */
  open(): Promise<Answer> {
    return this.#ask('open', `open ${this.#limitSec}`);
  }

  announce(first: number, count: number): Promise<Answer> {
    return this.#ask('announce', `announce ${first} ${count} ${this.#limitSec}`);
  }

  withdraw(first: number, count: number): Promise<Answer> {
    return this.#ask('withdraw', `withdraw ${first} ${count} ${this.#limitSec}`);
  }

  /** Peers that announced die. */
  lose(): Promise<Answer> {
    return this.#ask('lose', `lose ${this.#limitSec}`);
  }

  pulse(first: number, count: number): Promise<Latencies> {
    return this.#ask('pulse', `pulse ${first} ${count} ${this.#limitSec}`);
  }

  /** The longest that the daemon was silent towards anyone since the last time asked. */
  silence(): Promise<Answer> {
    return this.#ask('silence', 'silence');
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask<T extends Answer>(what: string, command: string): Promise<T> {
    const line = new Promise<string>((resolve, reject) => {
      const ended = () => reject(new NotDone(`${what}: the load ended`));
      this.#child.once('exit', ended);
      this.#lines.once('line', (text) => {
        this.#child.off('exit', ended);
        resolve(text);
      });
    });
    this.#tell(command);
    const answer = JSON.parse(await line) as T;
    if (!answer.done) {
      const why = answer.why ? `: ${answer.why}` : '';
      throw new NotDone(`${what} not done in ${this.#limitSec} s${why}`);
    }
    if (answer.wrong > 0) throw new NotDone(`${what}: ${answer.wrong} routes were wrong`);
    return answer;
  }

  #tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }
}
