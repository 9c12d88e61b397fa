/**
 * `tortie speaker`, and how long its turns of the event loop are: on SIGUSR2 it writes the figures
 * since the last SIGUSR2 to the file that TORTIE_BENCH_TURNS names. Without that, nothing is measured.
 */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Command } from 'commander';
import { addSpeakerCommand } from '../../src/speaker/command.ts';

/** The monitor's timer is due each millisecond; what it is late by, a turn took. */
const RESOLUTION_MS = 1;
const NS_PER_MS = 1e6;

const file = process.env.TORTIE_BENCH_TURNS;
if (file) {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  process.on('SIGUSR2', () => {
    const turn = (intervalNs: number) => Math.max(0, intervalNs / NS_PER_MS - RESOLUTION_MS);
    const figures = { longestMs: turn(delays.max), p999Ms: turn(delays.percentile(99.9)) };
    writeFileSync(file, JSON.stringify(figures));
    delays.reset();
  });
}

const program = new Command('tortie');
addSpeakerCommand(program);
await program.parseAsync();
