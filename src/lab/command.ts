/** `tortie lab`: runs a containerlab topology on this machine, in namespaces. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { formatTable } from '../text-table.ts';
import type { Lab } from './lab.ts';
import { runningLabs, spawnIn } from './namespaces.ts';

const TOPOLOGIES = fileURLToPath(new URL('../../deploy/containerlab', import.meta.url));

export function addLabCommand(program: Command): void {
  // So that options behind `exec NODE COMMAND` are the command's, not ours.
  program.enablePositionalOptions();
  const lab = program
    .command('lab')
    .enablePositionalOptions()
    .description('run a containerlab topology on this machine, in namespaces (needs root)')
    .argument('[file]', `topology file, or the name of one in deploy/containerlab`, 'mesh.clab.yml')
    .option('--keep', 'leave the lab running until Ctrl-C')
    .action((file: string, options: { keep?: boolean }) => runLab(file, options.keep ?? false));
  lab
    .command('list')
    .description('the labs that run now, with their nodes')
    .action(() => {
      const rows = runningLabs().flatMap((one) =>
        one.nodes.map((node) => [one.parent.name, node.name, String(node.pid)]),
      );
      console.log(rows.length > 0 ? formatTable(['LAB', 'NODE', 'PID'], rows) : 'no lab runs');
    });
  lab
    .command('exec')
    .description('run a command in a node of a running lab')
    .argument('<node>')
    .argument('<command...>')
    .passThroughOptions()
    .action(execInNode);
}

async function runLab(file: string, keep: boolean): Promise<void> {
  const { showLab } = await import('./show.ts');
  let running: Lab | undefined;
  let ending: Promise<void> | undefined;
  const end = () => {
    ending ??= running?.close() ?? Promise.resolve();
    return ending;
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      console.log('\nending the lab');
      void end().then(() => process.exit(keep && signal === 'SIGINT' ? 0 : 130));
    });
  try {
    const { answered } = await showLab(locate(file), console.log, (lab) => {
      running = lab;
    });
    process.exitCode = answered ? 0 : 1;
    console.log(howToLookAround(keep));
    if (keep) await new Promise(() => setInterval(() => {}, 1 << 30));
  } catch (error) {
    console.error(`lab: ${(error as Error).message}`);
    process.exitCode = 1;
  }
  await end();
}

/** As given, else beside the other topologies. npm changes to the checkout's folder; INIT_CWD is where the user was. */
function locate(file: string): string {
  const given = resolve(process.env.INIT_CWD ?? process.cwd(), file);
  if (existsSync(given)) return given;
  const known = join(TOPOLOGIES, file);
  return existsSync(known) ? known : given;
}

function howToLookAround(keep: boolean): string {
  const intro = keep
    ? '\nThe lab runs until Ctrl-C. To look around, in another terminal:'
    : '\nTo look around, run it with --keep (npm run lab -- --keep), then in another terminal:';
  return [
    intro,
    '  npx tortie lab list',
    '  npx tortie lab exec node1 ip route',
    '  npx tortie lab exec node1 tortiectl node status',
    '  npx tortiectl get ippools,bgppeers,nodes',
    '  npx tortiectl ipam show --show-blocks',
  ].join('\n');
}

function execInNode(name: string, command: string[]): void {
  const nodes = runningLabs().flatMap((lab) => lab.nodes);
  const node = nodes.find((candidate) => candidate.name === name);
  if (!node) {
    const known = nodes.map((one) => one.name).join(', ');
    console.error(
      known
        ? `there is no node ${name}; there are ${known}`
        : 'no lab runs; start one: npm run lab -- --keep',
    );
    process.exitCode = 1;
    return;
  }
  spawnIn(node, command, { stdio: 'inherit' }).on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
