/**
 * A machine for a daemon: network and mount namespaces of its own, joined by a veth pair to the network
 * namespace that this runs in. The latter is to be private: see play.ts. Needs root.
 *
 *     this namespace                     the host's
 *     to-<name>  10.9.<n>.1/24  ───────  uplink  10.9.<n>.2/24
 *                fd09:<n>::1/64              fd09:<n>::2/64
 *
 * /run and /var/tmp in it are empty and its own: every daemon finds its sockets where it looks for
 * them, and leaves nothing behind.
 */

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAX_OUTPUT = 256 * 1024 * 1024;
const DEADLINE_MS = 60_000;

export class Host {
  readonly name: string;
  /** On its side of the cable; ours end in 1. */
  readonly address4: string;
  readonly address6: string;
  readonly ours4: string;
  readonly ours6: string;
  /** For configurations and logs; it is there before the host is up, and after it is gone. */
  readonly folder: string;
  #holder: ChildProcess | undefined;
  readonly #programs = new Set<ChildProcess>();

  /** @param index Which cable: 1–99. */
  constructor(scratch: string, name: string, index: number) {
    this.name = name;
    this.address4 = `10.9.${index}.2`;
    this.address6 = `fd09:${index}::2`;
    this.ours4 = `10.9.${index}.1`;
    this.ours6 = `fd09:${index}::1`;
    this.folder = join(scratch, name);
    mkdirSync(this.folder);
  }

  /** Our end of the cable. */
  get interface(): string {
    return `to-${this.name}`;
  }

  /** Makes the namespaces and the cable; does nothing when they are there. */
  async up(): Promise<void> {
    if (this.#holder !== undefined) return;
    const mounts = ['/run', '/var/tmp'].map((path) => `mount -t tmpfs -o mode=755 tmpfs ${path}`);
    const script = [...mounts, 'echo ready', 'exec sleep infinity'].join(' && ');
    const holder = spawn('unshare', ['--net', '--mount', 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#holder = holder;
    await new Promise((resolve, reject) => {
      holder.stdout.once('data', resolve);
      holder.once('exit', () => reject(new Error(`the namespaces of ${this.name} ended`)));
    });
    this.#cable(holder.pid!);
  }

  /**
   * Starts a program in it, in the foreground; it ends with the host.
   * @param log the file in `folder` that it writes to; by default it writes to our standard error
   */
  spawn(command: readonly string[], env: Record<string, string> = {}, log?: string): ChildProcess {
    // Standard output is for what the scenario saw.
    const output = log === undefined ? process.stderr : openSync(join(this.folder, log), 'a');
    const child = spawn('nsenter', [...this.#entering(), ...command], {
      stdio: ['ignore', output, output],
      env: { ...process.env, ...env },
      // A process group of its own, for `kill` to reach what the daemon forks.
      detached: true,
    });
    if (typeof output === 'number') closeSync(output);
    this.#programs.add(child);
    return child;
  }

  /** Runs a program in it to its end; what it printed. @throws when it fails */
  async run(...command: string[]): Promise<string> {
    const options = { maxBuffer: MAX_OUTPUT, timeout: DEADLINE_MS };
    const { stdout } = await run('nsenter', [...this.#entering(), ...command], options);
    return stdout;
  }

  /** @returns its path */
  write(file: string, text: string, mode = 0o644): string {
    const path = join(this.folder, file);
    writeFileSync(path, text, { mode });
    return path;
  }

  /** To all that was started in it: SIGSTOP, SIGCONT, SIGTERM, … */
  signal(signal: NodeJS.Signals): void {
    for (const child of this.#programs) if (isAlive(child)) process.kill(-child.pid!, signal);
  }

  /** Resolves when nothing that was started in it is alive. */
  async ended(): Promise<void> {
    await until(`${this.name} to end`, () => ![...this.#programs].some(isAlive));
    this.#programs.clear();
  }

  /** Ends the programs at once; the host stays, and its cable. */
  async killPrograms(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended();
  }

  /** Ends all in it at once, and the cable with it. */
  async kill(): Promise<void> {
    await this.killPrograms();
    if (this.#holder === undefined) return;
    // The kernel would take it away with the namespace, but some time after.
    command('ip', 'link', 'delete', this.interface);
    const holder = this.#holder;
    this.#holder = undefined;
    const gone = new Promise((resolve) => holder.once('exit', resolve));
    holder.kill('SIGKILL');
    await gone;
  }

  #entering(): string[] {
    return ['--target', String(this.#holder!.pid), '--net', '--mount', '--'];
  }

  #cable(pid: number): void {
    const ip = (...args: string[]) => command('ip', ...args);
    const there = (...args: string[]) =>
      command('nsenter', '--target', String(pid), '--net', 'ip', ...args);
    ip('link', 'add', this.interface, 'type', 'veth', 'peer', 'uplink', 'netns', String(pid));
    // Without duplicate address detection, which would hold the IPv6 addresses back for two seconds.
    ip('address', 'add', `${this.ours4}/24`, 'dev', this.interface);
    ip('address', 'add', `${this.ours6}/64`, 'dev', this.interface, 'nodad');
    ip('link', 'set', this.interface, 'up');
    there('link', 'set', 'lo', 'up');
    there('address', 'add', `${this.address4}/24`, 'dev', 'uplink');
    there('address', 'add', `${this.address6}/64`, 'dev', 'uplink', 'nodad');
    there('link', 'set', 'uplink', 'up');
  }
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Runs a program to its end; what it printed. @throws when it fails */
export function command(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' });
}

/**
 * Waits until it holds. Who fails to tell, say a daemon that is not there yet, is asked again.
 * @throws when it does not come true in time
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    let cause: unknown;
    try {
      if (await holds()) return;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > endMs)
      throw new Error(`waited ${deadlineMs} ms in vain for ${what}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
