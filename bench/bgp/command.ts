/** `bench bgp`: this speaker beside Debian's, in namespaces of their own. Needs root. */
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { readCount } from '../count.ts';
import { writeSection } from '../performance-page.ts';
import { runInside } from '../run-inside.ts';
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
    .option('--runs <number>', 'runs of which the median counts', readCount, 5)
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
  const results = await runInside<Results>(join(import.meta.dirname, 'inside.ts'), options);
  const markdown = report(results);
  console.log(markdown);
  if (write) console.error(`written: ${writeSection('BGP', markdown)}`);
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
