/**
 * Plays scenarios for tests: each in network, mount and PID namespaces of its own, which end with it,
 * and everything in them. Needs root, unshare and ip. stage.ts says how to add one.
 */

import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** For one test, on a machine that has more to do. */
export const DEADLINE_MS = 120_000;
/** For its scenario: who is late is to say what it waited for. */
const SCENARIO_MS = DEADLINE_MS - 10_000;

const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** @returns a function that plays a scenario of `file`, in this folder, and returns what it saw */
// biome-ignore lint/suspicious/noExplicitAny: each scenario's facts have a shape of their own
export function player(file: string): (name: string) => Promise<any> {
  return async (name) => {
    const command = [process.execPath, join(import.meta.dirname, file), name];
    // Its files are removed also when it was killed.
    const TMPDIR = mkdtempSync(join(tmpdir(), 'tortie-interop-'));
    chmodSync(TMPDIR, 0o755);
    const env = { ...process.env, TMPDIR };
    const options = { timeout: SCENARIO_MS, killSignal: 'SIGKILL', env } as const;
    try {
      const { stdout } = await run('unshare', [...NAMESPACES, ...command], options);
      return JSON.parse(stdout);
    } catch (error) {
      const { code, stderr } = error as { code?: number; stderr?: string };
      throw new Error(`scenario ${name} ended with ${code}:\n${stderr}`, { cause: error });
    } finally {
      rmSync(TMPDIR, { recursive: true, force: true });
    }
  };
}
