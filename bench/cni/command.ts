/** `bench cni`: our plugin and agent beside Debian's ptp and host-local. Needs root. */
import { cpus, loadavg, release } from 'node:os';
import type { Command } from 'commander';
import { readCount } from '../count.ts';
import { writeSection } from '../performance-page.ts';
import { measure } from './measure.ts';
import { report } from './report.ts';

interface Flags {
  rounds: number;
  write?: boolean;
}

export function addCniBench(program: Command): void {
  program
    .command('cni')
    .description('CNI: ADD and DEL, one sandbox at a time and twenty')
    .option('--rounds <number>', 'of 40 sandboxes each', readCount, 5)
    .option('--write', 'write the results to docs/performance.md')
    .action(run);
}

async function run({ rounds, write }: Flags): Promise<void> {
  if (process.getuid?.() !== 0) {
    console.error('bench cni needs root, for network namespaces. Run it again as root.');
    process.exitCode = 1;
    return;
  }
  const markdown = report(await measure(rounds), {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}`,
    load: loadavg()[0]!.toFixed(1),
  });
  console.log(markdown);
  if (write) console.error(`written: ${writeSection('CNI', markdown)}`);
}
