/**
 * BIRD 2 in a network namespace of its own, joined by a veth pair to the namespace that this runs in.
 * The latter is to be private: see bird.test.ts. Needs root.
 *
 *     this namespace                     BIRD's
 *     to-<name>  10.9.<n>.1/24  ───────  uplink  10.9.<n>.2/24
 *                fd09:<n>::1/64              fd09:<n>::2/64
 */

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAX_OUTPUT = 256 * 1024 * 1024;
const DEADLINE_MS = 30_000;

/** A route as BIRD shows it. */
export interface BirdRoute {
  readonly prefix: string;
  /** By BIRD's names: `BGP.as_path`, `BGP.next_hop`, … */
  readonly attributes: Readonly<Record<string, string>>;
}

export class Bird {
  readonly name: string;
  /** On its side of the cable; ours end in 1. */
  readonly address4: string;
  readonly address6: string;
  readonly ours4: string;
  readonly ours6: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  /** @param index Which cable: 1–9. */
  constructor(scratch: string, name: string, index: number) {
    this.name = name;
    this.address4 = `10.9.${index}.2`;
    this.address6 = `fd09:${index}::2`;
    this.ours4 = `10.9.${index}.1`;
    this.ours6 = `fd09:${index}::1`;
    this.#folder = join(scratch, name);
    mkdirSync(this.#folder);
  }

  /** Configures, makes the cable and waits until BIRD answers. */
  async start(config: string): Promise<void> {
    this.#write(config);
    // The shell waits for the cable: BIRD is to find its interface with addresses.
    const script = `read go; exec bird -f -c ${this.#path('conf')} -s ${this.#path('ctl')}`;
    const child = spawn('unshare', ['--net', 'sh', '-c', script], {
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    this.#process = child;
    await until('the namespace of BIRD', () => namespaceOf(child.pid!) !== namespaceOf('self'));
    this.#cable(child.pid!);
    child.stdin!.write('go\n');
    await until('BIRD to answer', () =>
      this.ask('show status').then(
        () => true,
        () => false,
      ),
    );
  }

  /** Puts another configuration in force, as `birdc configure` does. */
  async configure(config: string): Promise<string> {
    this.#write(config);
    return this.ask('configure');
  }

  async ask(...command: string[]): Promise<string> {
    const args = ['-s', this.#path('ctl'), ...command];
    const { stdout } = await run('birdc', args, { maxBuffer: MAX_OUTPUT });
    return stdout;
  }

  /** How many routes `show route … count` tells, over all tables that it names. */
  async count(...what: string[]): Promise<number> {
    const answer = await this.ask('show', 'route', ...what, 'count');
    const counts = [...answer.matchAll(/^(\d+) of \d+ routes .* in table/gm)];
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  /** The best routes, with all attributes. */
  async routes(...what: string[]): Promise<BirdRoute[]> {
    const found: { prefix: string; attributes: Record<string, string> }[] = [];
    for (const line of (await this.ask('show route', ...what, 'primary all')).split('\n')) {
      const prefix = /^([0-9a-f.:]+\/\d+)\s/.exec(line)?.[1];
      if (prefix) found.push({ prefix, attributes: {} });
      const attribute = /^\t([A-Za-z_.]+): (.*)$/.exec(line);
      if (attribute) found.at(-1)!.attributes[attribute[1]!] = attribute[2]!;
    }
    return found;
  }

  /** As a signal to the process: SIGSTOP, SIGCONT. */
  signal(signal: NodeJS.Signals): void {
    this.#process!.kill(signal);
  }

  /** Ends it at once, and its namespace and cable with it. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    // The kernel takes the interfaces of a namespace away some time after its last process.
    await until('the cable to be gone', () => !hasInterface(`to-${this.name}`));
    rmSync(this.#path('ctl'), { force: true });
  }

  #write(config: string): void {
    writeFileSync(this.#path('conf'), config);
  }

  #path(extension: string): string {
    return join(this.#folder, `bird.${extension}`);
  }

  #cable(pid: number): void {
    const near = `to-${this.name}`;
    const ip = (...args: string[]) => command('ip', ...args);
    const there = (...args: string[]) =>
      command('nsenter', '--target', String(pid), '--net', 'ip', ...args);
    ip('link', 'add', near, 'type', 'veth', 'peer', 'name', 'uplink', 'netns', String(pid));
    // Without duplicate address detection, which would hold the IPv6 addresses back for two seconds.
    ip('address', 'add', `${this.ours4}/24`, 'dev', near);
    ip('address', 'add', `${this.ours6}/64`, 'dev', near, 'nodad');
    ip('link', 'set', near, 'up');
    there('link', 'set', 'lo', 'up');
    there('address', 'add', `${this.address4}/24`, 'dev', 'uplink');
    there('address', 'add', `${this.address6}/64`, 'dev', 'uplink', 'nodad');
    there('link', 'set', 'uplink', 'up');
  }
}

function namespaceOf(pid: number | string): string {
  return readlinkSync(`/proc/${pid}/ns/net`);
}

function hasInterface(name: string): boolean {
  return command('ip', '-o', 'link').includes(` ${name}@`);
}

/** Runs a program to its end; what it printed. @throws when it fails */
export function command(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' });
}

/** @throws when it does not come true in time */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
