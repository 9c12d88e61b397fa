/** `npm run bench -- bgp`: one subcommand a benchmark. */
import { Command } from 'commander';
import { addBgpBench } from './bgp/command.ts';
import { addCniBench } from './cni/command.ts';
import { addFibBench } from './fib/command.ts';
import { addUdpBench } from './udp/command.ts';

const program = new Command('bench')
  .description('side-by-side benchmarks; results go to docs/performance.md with --write')
  .showHelpAfterError();

addBgpBench(program);
addCniBench(program);
addFibBench(program);
addUdpBench(program);

await program.parseAsync();
