/** The programs under test: children that tell what they do in lines of JSON. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { TestNamespace } from '../felix/namespace.ts';

/** Long enough for a machine on which much else runs. */
export const DEADLINE_MS = 30_000;

interface Route {
  prefix: string;
  nextHop: string;
  asPath: { as: number[] }[];
  originatorId?: number;
  clusterList?: number[];
  communities?: number[];
}

export interface Line {
  msg?: string;
  peer?: string;
  why?: string;
  routes?: Route[];
  state?: string;
  kept?: number[];
  error?: { name: string; text?: string };
}

/** A child in a namespace that writes JSON lines; lines can be waited for. */
export class Program {
  readonly lines: Line[] = [];
  readonly #child: ChildProcess;
  #heard: () => void = () => {};

  constructor(
    script: string,
    args: readonly string[],
    within: TestNamespace,
    wrapper: string[] = [],
  ) {
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', script, ...args];
    this.#child = spawn('nsenter', [`--net=${within.path}`, ...wrapper, ...command], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.lines.push(JSON.parse(line));
      this.#heard();
    });
  }

  /** The first line from `from` on that satisfies. */
  async line(is: (line: Line) => unknown, from = 0): Promise<Line> {
    const end = Date.now() + DEADLINE_MS;
    for (;;) {
      const found = this.lines.slice(from).find(is);
      if (found) return found;
      const left = end - Date.now();
      if (left <= 0) throw new Error(`no such line among: ${JSON.stringify(this.lines, null, 1)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#heard = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  said(msg: string, peer?: string): number {
    return this.lines.filter((line) => line.msg === msg && line.peer === peer).length;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  end(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.ended();
  }

  async ended(): Promise<number | null> {
    const { exitCode } = this.#child;
    if (exitCode !== null) return exitCode;
    return new Promise((resolve) => this.#child.on('exit', resolve));
  }
}
