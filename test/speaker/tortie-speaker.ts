/** A program with the one subcommand that is tested. */
import { Command } from 'commander';
import { addSpeakerCommand } from '../../src/speaker/command.ts';

const program = new Command('tortie');
addSpeakerCommand(program);
await program.parseAsync();
