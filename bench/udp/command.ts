/** `bench udp`: the UDP tunnel beside what it stands in for, in namespaces of its own. Needs root. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { writeSection } from '../performance-page.ts';
import { runInside } from '../run-inside.ts';
import { report } from './report.ts';
import type { Results } from './results.ts';

export interface BenchOptions {
  /** An odd number. */
  readonly runs: number;
  /** Of each stream. */
  readonly seconds: number;
  readonly pings: number;
}

const FULL: BenchOptions = { runs: 3, seconds: 4, pings: 1000 };
const QUICK: BenchOptions = { runs: 1, seconds: 1, pings: 200 };

export function addUdpBench(program: Command): void {
  program
    .command('udp')
    .description('one TCP stream and pings: the UDP tunnel, VXLAN, no encapsulation')
    .option('--quick', 'once, and a second each, for development')
    .option('--write', 'write the results to docs/performance.md')
    .action(run);
}

async function run({ quick, write }: { quick?: boolean; write?: boolean }): Promise<void> {
  if (process.getuid?.() !== 0) {
    console.error('bench udp needs root, for network namespaces. Run it again as root.');
    process.exitCode = 1;
    return;
  }
  const script = join(import.meta.dirname, 'inside.ts');
  const markdown = report(await runInside<Results>(script, quick ? QUICK : FULL));
  console.log(markdown);
  if (write) console.error(`written: ${writeSection('UDP tunnel', markdown)}`);
}
