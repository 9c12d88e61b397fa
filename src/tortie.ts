/** The `tortie` command: one subcommand a program; what a program needs is loaded when it runs. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addAgentCommand } from './agent/command.ts';
import { addApiServerCommand } from './apiserver/command.ts';
import { addCleanupCommand } from './cleanup.ts';
import { addCrdsCommand } from './crds.ts';
import { addLabCommand } from './lab/command.ts';
import { addSpeakerCommand } from './speaker/command.ts';
import { addUdpForwarderCommand } from './udp-forwarder.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const program = new Command('tortie')
  .description('BGP route distribution, pod addresses and pod wiring for Kubernetes')
  .version(version)
  .showHelpAfterError();

addAgentCommand(program);
addApiServerCommand(program);
addSpeakerCommand(program);
addLabCommand(program);
addCrdsCommand(program);
addCleanupCommand(program);
addUdpForwarderCommand(program);

await program.parseAsync();
