/** `bench fib`: the kernel's routing table filled by Tortie, and by others. Needs root. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { bird } from '../bgp/daemons/bird.ts';
import { writeSection } from '../performance-page.ts';
import { runInside } from '../run-inside.ts';
import { report } from './report.ts';
import type { Results } from './results.ts';

export interface BenchOptions {
  /** An odd number. */
  readonly runs: number;
  readonly routes: number;
}

const FULL: BenchOptions = { runs: 5, routes: 100_000 };
const QUICK: BenchOptions = { runs: 1, routes: 100_000 };

export function addFibBench(program: Command): void {
  program
    .command('fib')
    .description('routes into the kernel: Felix, ip -batch, BIRD, C; reading them again; a cluster')
    .option('--quick', 'once, for development')
    .option('--write', 'write the results to docs/performance.md')
    .action(run);
}

async function run({ quick, write }: { quick?: boolean; write?: boolean }): Promise<void> {
  if (process.getuid?.() !== 0) {
    console.error('bench fib needs root, for network namespaces. Run it again as root.');
    process.exitCode = 1;
    return;
  }
  const birdVersion = bird.version();
  if (birdVersion === undefined) {
    console.error('bench fib needs BIRD, to compare with: apt-get install bird2.');
    process.exitCode = 1;
    return;
  }
  const script = join(import.meta.dirname, 'inside.ts');
  const results = await runInside<Results>(script, quick ? QUICK : FULL);
  const markdown = report(results, birdVersion);
  console.log(markdown);
  if (write) console.error(`written: ${writeSection('Routes in the kernel', markdown)}`);
}
