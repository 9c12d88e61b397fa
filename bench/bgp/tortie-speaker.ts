/**
 * `tortie speaker`, started as that is, and how long its turns of the event loop are: on SIGUSR2 it writes the figures
 * since the last SIGUSR2 to the file that TORTIE_BENCH_TURNS names. Without that, nothing is measured.
 *
 * A timer is due each millisecond; between two times that it rings, the loop made one turn, or some
 * that were shorter. The wall's time of it has in it what the thread waited for a processor, which a
 * busy machine gives to others, and for the helpers of the garbage collector; its CPU time has not.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { createHistogram, performance } from 'node:perf_hooks';
import { Command } from 'commander';
import { addSpeakerCommand } from '../../src/speaker/command.ts';
import type { Turns } from './workloads.ts';

const RESOLUTION_MS = 1;
const US_PER_MS = 1000;

const file = process.env.TORTIE_BENCH_TURNS;
if (file) measureTurns(file);

const program = new Command('tortie');
addSpeakerCommand(program);
await program.parseAsync();

function measureTurns(file: string): void {
  const wall = createHistogram();
  const cpu = createHistogram();
  let wallUs = wallNowUs();
  let cpuUs = cpuNowUs();
  const lap = () => {
    const [wallBefore, cpuBefore] = [wallUs, cpuUs];
    wallUs = wallNowUs();
    cpuUs = cpuNowUs();
    record(wall, wallUs - wallBefore - RESOLUTION_MS * US_PER_MS);
    record(cpu, cpuUs - cpuBefore);
  };
  setInterval(lap, RESOLUTION_MS).unref();
  process.on('SIGUSR2', () => {
    lap();
    const turns: Turns = {
      longestMs: wall.max / US_PER_MS,
      p999Ms: wall.percentile(99.9) / US_PER_MS,
      longestCpuMs: cpu.max / US_PER_MS,
    };
    // Renamed, so that nobody reads half of it.
    writeFileSync(`${file}.new`, JSON.stringify(turns));
    renameSync(`${file}.new`, file);
    wall.reset();
    cpu.reset();
  });
}

/** A histogram takes whole numbers from 1. */
function record(histogram: ReturnType<typeof createHistogram>, us: number): void {
  histogram.record(Math.max(1, Math.round(us)));
}

function wallNowUs(): number {
  return performance.now() * US_PER_MS;
}

function cpuNowUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
