/**
 * `tortie speaker`, started as that is, and how long its turns of the event loop are: on SIGUSR2 it writes the figures
 * since the last SIGUSR2 to the file that TORTIE_BENCH_TURNS names. Without that, nothing is measured.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { addSpeakerCommand } from '../../src/speaker/command.ts';
import { TurnWatch } from '../turns.ts';

const file = process.env.TORTIE_BENCH_TURNS;
if (file) measureTurns(file);

const program = new Command('tortie');
addSpeakerCommand(program);
await program.parseAsync();

function measureTurns(file: string): void {
  const turns = new TurnWatch();
  process.on('SIGUSR2', () => {
    // Renamed, so that nobody reads half of it.
    writeFileSync(`${file}.new`, JSON.stringify(turns.take()));
    renameSync(`${file}.new`, file);
  });
}
