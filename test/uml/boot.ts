/**
 * User-Mode Linux: a kernel with modules that this machine's may lack, as a process on this machine's own files. It
 * writes to memory only, and has one CPU.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const KERNEL = '/usr/bin/linux.uml';
const MODPROBE = '/usr/sbin/modprobe';
const INIT = fileURLToPath(new URL('./init.sh', import.meta.url));
const COMPILE_CACHE = fileURLToPath(new URL('../../build/compile-cache', import.meta.url));
/** Marks the lines of the console that are the scenario's. */
const MARK = 'fact ';
const SHOWN_LINES = 60;

/** What is missing, and the package that brings it; undefined when a kernel can be booted. */
export function missingForUml(): string | undefined {
  const programs = [
    [KERNEL, 'user-mode-linux'],
    [MODPROBE, 'kmod'],
  ] as const;
  const missing = programs.find(([path]) => !existsSync(path));
  return missing && `there is no ${missing[0]}; run: apt-get install ${missing[1]}`;
}

/** For the scenario, which runs inside: something that the test outside then looks at. */
export function tellFact(name: string, value: unknown): void {
  console.log(`${MARK}${JSON.stringify([name, value])}`);
}

/**
 * Boots, runs the program with Node, and powers off.
 * @returns what it told, by name, and the end of all that was on the console.
 */
export async function runInUml(
  scenario: string,
  deadlineMs: number,
): Promise<{ facts: Map<string, unknown>; console: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'tortie-uml-'));
  const own = [`uml_dir=${folder}/`, 'mem=2G', 'con=null', 'con0=fd:0,fd:1', 'quiet'];
  const root = ['rootfstype=hostfs', 'rootflags=/', 'ro', `init=${INIT}`];
  const environment = {
    NODE: process.execPath,
    SCENARIO: scenario,
    NODE_COMPILE_CACHE: COMPILE_CACHE,
  };
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  // It has children of its own: all of its group end with it.
  const kernel = spawn(KERNEL, [...own, ...root, ...variables], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const deadline = setTimeout(() => process.kill(-kernel.pid!, 'SIGKILL'), deadlineMs);
  try {
    const closed = once(kernel, 'close');
    const facts = new Map<string, unknown>();
    const lines: string[] = [];
    for await (const line of createInterface(kernel.stdout!)) {
      lines.push(line);
      if (line.startsWith(MARK))
        facts.set(...(JSON.parse(line.slice(MARK.length)) as [string, unknown]));
    }
    await closed;
    return { facts, console: lines.slice(-SHOWN_LINES).join('\n') };
  } finally {
    clearTimeout(deadline);
    rmSync(folder, { recursive: true, force: true });
  }
}
