/** `tortie apiserver …` and nothing else, for tests that need it as a process. */
import { Command } from 'commander';
import { addApiServerCommand } from '../../src/apiserver/command.ts';

const program = new Command('tortie');
addApiServerCommand(program);
await program.parseAsync();
