/** `bench bgp`: this speaker beside Debian's, in namespaces of their own. Needs root. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { writeSection } from '../performance-page.ts';
import { DAEMONS } from './daemons/index.ts';
import { report } from './report.ts';
import type { Results } from './results.ts';
import { WORKLOADS } from './workloads.ts';

export interface BenchOptions {
  /** Counted ones; each daemon has an uncounted one before. */
  readonly runs: number;
  /** A tenth of the routes. */
  readonly isQuick: boolean;
  readonly daemons: readonly string[];
  readonly workloads: readonly string[];
}

interface Flags {
  runs: number;
  quick?: boolean;
  daemons: string[];
  workloads: string[];
  write?: boolean;
}

export function addBgpBench(program: Command): void {
  const daemons = DAEMONS.map(({ id }) => id);
  const workloads = WORKLOADS.map(({ id }) => id);
  program
    .command('bgp')
    .description('BGP speakers: load, reflection, withdrawal, latency, memory')
    .option('--runs <number>', 'runs of which the median counts', readRuns, 5)
    .option('--quick', 'a tenth of the routes, for development')
    .option('--daemons <list>', `of ${daemons}`, readList(daemons), daemons)
    .option('--workloads <list>', `of ${workloads}`, readList(workloads), workloads)
    .option('--write', 'write the results to docs/performance.md')
    .action(run);
}

async function run({ runs, quick, daemons, workloads, write }: Flags): Promise<void> {
  if (process.getuid?.() !== 0) {
    console.error('bench bgp needs root, for network namespaces. Run it again as root.');
    process.exitCode = 1;
    return;
  }
  const options: BenchOptions = { runs, isQuick: quick ?? false, daemons, workloads };
  const results = await runInside(options);
  const markdown = report(results);
  console.log(markdown);
  if (write) console.error(`written: ${writeSection('BGP', markdown)}`);
}

/** The whole benchmark in namespaces that end with it, whatever happens to it. */
async function runInside(options: BenchOptions): Promise<Results> {
  const script = join(import.meta.dirname, 'inside.ts');
  const child = spawn(
    'unshare',
    [
      ...['--net', '--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...[process.execPath, '--disable-warning=ExperimentalWarning', script],
      JSON.stringify(options),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  if (status !== 0) throw new Error(`the benchmark ended with ${status}; see above`);
  return JSON.parse(output) as Results;
}

function readRuns(text: string): number {
  const runs = Number(text);
  if (!Number.isInteger(runs) || runs < 1) throw new InvalidArgumentError('write a number from 1.');
  return runs;
}

function readList(known: readonly string[]) {
  return (text: string): string[] => {
    const list = text.split(',');
    for (const one of list)
      if (!known.includes(one))
        throw new InvalidArgumentError(`there is no ${one}; there are ${known.join(', ')}.`);
    return list;
  };
}
