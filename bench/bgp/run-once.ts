/** One run: a fresh cable, a fresh daemon, the load, the workload; and all of it gone after. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Turns } from '../turns.ts';
import { Cable, DAEMON_ADDRESS, inNamespace, peerAddress } from './cable.ts';
import type { Daemon, Scenario } from './daemons/daemon.ts';
import { Load, NotDone } from './load.ts';
import type { Plan } from './plan.ts';
import type { Sample } from './results.ts';
import { usageOf } from './usage.ts';
import type { Bench, Workload } from './workloads.ts';

const SETTLE_MS = 1000;
const TURNS_DEADLINE_MS = 5000;
/** Of a daemon's log, shown when it failed. */
const LAST_WORDS = 600;

/** @throws NotDone when the daemon did not do it within the limit, or wrongly */
export async function runOnce(
  daemon: Daemon,
  workload: Workload,
  plan: Plan,
  limitSec: number,
): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'tortie-bench-'));
  const cable = new Cable(plan.peers.length);
  const running = start(daemon.prepare(scenarioOf(plan), folder), folder);
  const load = new Load(plan, limitSec);
  try {
    const bench: Bench = {
      plan,
      load,
      canWithdraw: daemon.id !== 'relay',
      usage: () => usageOf(running.pid!),
      turns: () =>
        daemon.id === 'tortie' ? askTurns(running, folder) : Promise.resolve(undefined),
    };
    return await Promise.race([ended(running), measure(workload, bench)]);
  } catch (error) {
    if (!(error instanceof NotDone)) throw error;
    const log = readFileSync(logOf(folder), 'utf8').trim();
    throw log === '' ? error : new NotDone(`${error.message}\n${log.slice(-LAST_WORDS)}`);
  } finally {
    load.end();
    await stop(running);
    cable.cut();
    rmSync(folder, { recursive: true });
  }
}

async function measure(workload: Workload, bench: Bench): Promise<Sample> {
  const { load } = bench;
  await load.open();
  // What a daemon does when sessions come up (End-of-RIB, groups of peers) is not the workload's.
  await sleep(SETTLE_MS);
  // One route there and back: what is set up on first use is.
  await load.announce(0, 1);
  await load.withdraw(0, 1);
  return workload.run(bench);
}

function scenarioOf({ daemonAs, holdTimeSec, peers }: Plan): Scenario {
  return {
    address: DAEMON_ADDRESS,
    as: daemonAs,
    holdTimeSec,
    peers: peers.map(({ as, isClient }, index) => ({ address: peerAddress(index), as, isClient })),
  };
}

function start(command: readonly string[], folder: string): ChildProcess {
  const log = openSync(logOf(folder), 'w');
  const [program = '', ...args] = inNamespace('daemon', command);
  const child = spawn(program, args, {
    cwd: folder,
    // A process group of its own: some daemons are several processes.
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, TORTIE_BENCH_TURNS: turnsOf(folder) },
  });
  closeSync(log);
  return child;
}

function ended(child: ChildProcess): Promise<never> {
  return new Promise((_, reject) =>
    child.once('exit', (code, signal) =>
      reject(new NotDone(`the daemon ended (${signal ?? code})`)),
    ),
  );
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  process.kill(-child.pid!, 'SIGKILL');
  await gone;
}

async function askTurns(child: ChildProcess, folder: string): Promise<Turns> {
  const file = turnsOf(folder);
  rmSync(file, { force: true });
  child.kill('SIGUSR2');
  for (const end = performance.now() + TURNS_DEADLINE_MS; performance.now() < end; ) {
    await sleep(50);
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  }
  throw new NotDone('the speaker did not tell of its loop');
}

function logOf(folder: string): string {
  return join(folder, 'log');
}

function turnsOf(folder: string): string {
  return join(folder, 'turns.json');
}
