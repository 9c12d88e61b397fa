/**
 * The benchmark itself, as the first process of namespaces of its own: whatever it leaves behind ends with it.
 * Progress goes to standard error; the results, as one JSON object, to standard output.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { usageOf } from '../bgp/usage.ts';
import { compile } from '../compile.ts';
import type { BenchOptions } from './command.ts';
import {
  ENCAPSULATIONS,
  type Encapsulation,
  HOSTS,
  INNER,
  inHost,
  makeHosts,
  removeHosts,
} from './encapsulations.ts';
import type { Results, Sample } from './results.ts';

const PROGRAMS = { loop: ['loop.c'], stream: ['stream.c'] };
const PORT = '5001';
const PING_INTERVAL_SEC = '0.002';
const TICKS_PER_SECOND = 100;

const options: BenchOptions = JSON.parse(process.argv[2]!);
const programs = compile(join(import.meta.dirname, 'load'), PROGRAMS);
execFileSync('mount', ['-t', 'tmpfs', 'none', '/run']);
mkdirSync('/run/netns');

const measured = [false, true].flatMap((isBusy) =>
  ENCAPSULATIONS.map(({ id }) => ({ id, isBusy, samples: [] as Sample[] })),
);
const loadAverages: number[] = [];
for (let round = 1; round <= options.runs; round++) {
  loadAverages.push(Number(loadavg()[0]!.toFixed(1)));
  for (const { id, isBusy, samples } of measured) {
    const encapsulation = ENCAPSULATIONS.find((one) => one.id === id)!;
    const sample = await measure(encapsulation, isBusy);
    samples.push(sample);
    const figures = Object.entries(sample).map(([name, value]) => `${name} ${value.toFixed(3)}`);
    const beside = isBusy ? ', a busy agent beside' : '';
    process.stderr.write(`run ${round} · ${encapsulation.title}${beside}: ${figures.join(', ')}\n`);
  }
}

const results: Results = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}`,
  ...options,
  loadAverages,
  measured,
};
process.stdout.write(JSON.stringify(results), () => process.exit(0));

async function measure(encapsulation: Encapsulation, isBusy: boolean): Promise<Sample> {
  const running: ChildProcess[] = [];
  makeHosts();
  try {
    const loop = join(programs, 'loop');
    for (const host of HOSTS) running.push(...(await encapsulation.open(host, loop)));
    const agent = isBusy
      ? spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
      : undefined;
    if (agent !== undefined) running.push(agent);
    const agentCpuSeconds = () => (agent === undefined ? 0 : usageOf(agent.pid!).cpuSeconds);
    const pings = ping();
    const before = machineCpuSeconds() - agentCpuSeconds();
    const { octets, seconds } = await stream();
    const cpuSeconds = machineCpuSeconds() - agentCpuSeconds() - before;
    return {
      gigabitsPerSecond: (octets * 8) / seconds / 1e9,
      cpuSecondsPerGigabyte: cpuSeconds / (octets / 1e9),
      pingP50Ms: percentile(pings, 0.5),
      pingP99Ms: percentile(pings, 0.99),
    };
  } finally {
    for (const child of running) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    removeHosts();
  }
}

/** Round trips in milliseconds, ascending. @throws when one is lost. */
function ping(): number[] {
  const count = String(options.pings);
  const words = ['ping', '-n', '-i', PING_INTERVAL_SEC, '-c', count, '-W', '2', INNER.two];
  const [program = '', ...args] = inHost('one', words);
  const text = execFileSync(program, args, { encoding: 'utf8' });
  const times = [...text.matchAll(/time=([\d.]+) ms/g)].map(([, time]) => Number(time));
  if (times.length !== options.pings) throw new Error(`pings were lost: ${text.slice(-300)}`);
  return times.sort((a, b) => a - b);
}

async function stream(): Promise<{ octets: number; seconds: number }> {
  const program = join(programs, 'stream');
  const [enter = '', ...sinkWords] = inHost('two', [program, 'sink', INNER.two, PORT]);
  const sink = spawn(enter, sinkWords, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(sink.stdout)[Symbol.asyncIterator]();
  // It listens.
  await lines.next();
  const words = [program, 'source', INNER.two, PORT, String(options.seconds)];
  const [, ...sourceWords] = inHost('one', words);
  const source = spawn(enter, sourceWords, { stdio: ['ignore', 'ignore', 'inherit'] });
  const { value } = await lines.next();
  const [octets = 0, seconds = 0] = String(value).split(' ').map(Number);
  if (source.exitCode === null && source.signalCode === null) await once(source, 'exit');
  return { octets, seconds };
}

/** All but idle and waiting: the first line of /proc/stat. */
function machineCpuSeconds(): number {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .map(Number);
  return (user! + nice! + system! + irq! + softirq!) / TICKS_PER_SECOND;
}

function percentile(ascending: readonly number[], part: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * part))]!;
}
