/**
 * The benchmark itself, as the first process of namespaces of its own: whatever it leaves behind ends
 * with it. Progress goes to standard error; the results, as one JSON object, to standard output.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import type { BenchOptions } from './command.ts';
import type { Daemon } from './daemons/daemon.ts';
import { DAEMONS } from './daemons/index.ts';
import { NotDone } from './load.ts';
import type { DaemonResult, Results, Sample, WorkloadResult } from './results.ts';
import { runOnce } from './run-once.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

/** For each thing that is asked of a daemon. */
const LIMIT_SEC = { quick: 20, full: 40 };
/**
 * The runs of one daemon and workload take about so long at most, so that the whole takes less than
 * half an hour: who is slow has fewer, and whom the first takes that long has no other. Those that are
 * compared with each other have all.
 */
const ALL_RUNS_SEC = 12;
const COMPARED = ['tortie', 'bird'];

const options: BenchOptions = JSON.parse(process.argv[2]!);

// `ip netns` and the daemons keep their files there.
execFileSync('mount', ['-t', 'tmpfs', 'none', '/run']);
mkdirSync('/run/netns');

const versions: Record<string, string> = {};
const missing: Record<string, string> = {};
const daemons = DAEMONS.filter((daemon) => options.daemons.includes(daemon.id) && isThere(daemon));
const loadAverages: number[] = [];
const workloads: WorkloadResult[] = [];
for (const workload of WORKLOADS)
  if (options.workloads.includes(workload.id)) workloads.push(await measure(workload));

const results: Results = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}`,
  isQuick: options.isQuick,
  runs: options.runs,
  loadAverages,
  versions,
  missing,
  workloads,
};
process.stdout.write(JSON.stringify(results), () => process.exit(0));

function isThere(daemon: Daemon): boolean {
  const version = daemon.version();
  if (version === undefined) {
    missing[daemon.id] = `not installed; apt-get install ${daemon.package}`;
    say(`${daemon.name} is skipped: ${missing[daemon.id]}`);
    return false;
  }
  versions[daemon.id] = version;
  return true;
}

/** Daemons take turns, so that a disturbance of the machine meets them all. */
async function measure(workload: Workload): Promise<WorkloadResult> {
  const samples = new Map<Daemon, Sample[]>(daemons.map((daemon) => [daemon, []]));
  const failures = new Map<Daemon, string>();
  const takenMs = new Map<Daemon, number>(daemons.map((daemon) => [daemon, 0]));
  const hasEnough = (daemon: Daemon) =>
    !COMPARED.includes(daemon.id) &&
    samples.get(daemon)!.length > 0 &&
    takenMs.get(daemon)! > ALL_RUNS_SEC * 1000;
  for (let round = 0; round <= options.runs; round++) {
    loadAverages.push(Number(loadavg()[0]!.toFixed(1)));
    for (const daemon of daemons) {
      if (failures.has(daemon) || hasEnough(daemon)) continue;
      const start = performance.now();
      try {
        const sample = await measureOne(daemon, workload);
        const isSlow = performance.now() - start > ALL_RUNS_SEC * 1000;
        const counts = round > 0 || (isSlow && !COMPARED.includes(daemon.id));
        const name = counts ? `run ${Math.max(round, 1)}` : 'warm-up';
        say(`${workload.id} · ${daemon.name} · ${name}: ${shown(sample)}`);
        if (counts) samples.get(daemon)!.push(sample);
      } catch (error) {
        if (!(error instanceof NotDone)) throw error;
        failures.set(daemon, error.message.split('\n')[0]!);
        say(`${workload.id} · ${daemon.name}: ${error.message}`);
      }
      takenMs.set(daemon, takenMs.get(daemon)! + performance.now() - start);
    }
  }
  const results = daemons.map((daemon): DaemonResult => {
    const failure = failures.get(daemon);
    const taken = samples.get(daemon)!;
    return { daemon: daemon.id, samples: taken, ...(failure !== undefined && { failure }) };
  });
  return { workload: workload.id, daemons: results };
}

function measureOne(daemon: Daemon, workload: Workload): Promise<Sample> {
  const plan = workload.plan(options.isQuick);
  return runOnce(daemon, workload, plan, options.isQuick ? LIMIT_SEC.quick : LIMIT_SEC.full);
}

function shown(sample: Sample): string {
  return Object.entries(sample)
    .map(([id, value]) => `${id} ${value.toFixed(3)}`)
    .join(', ');
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
