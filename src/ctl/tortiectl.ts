/** The `tortiectl` command: calicoctl's commands for Tortie's resources. */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { IPAMBlock, IPPool, Secret } from '../../api/index.ts';
import { SUMMARY_COLUMNS, summary, summaryRows } from '../../ipam/summary.ts';
import { readAgentStatus } from '../inspect/client.ts';
import { formatBox } from '../text-table.ts';
import { addBgpCommand } from './bgp.ts';
import { get, OUTPUTS, type Output } from './get.ts';
import { kindByName, UsageError } from './kinds.ts';
import { readManifests } from './manifests.ts';
import { addLeaveCommand } from './node-leave.ts';
import { nodeStatusText } from './node-status.ts';
import { openStore } from './server.ts';
import { apply, remove } from './write.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
);

/** Passwords of peers stand in the same files as the peers. */
const FILE_KINDS = [Secret];

const program = new Command('tortiectl')
  .description('shows and changes Tortie’s resources, addresses and BGP sessions')
  .version(version)
  .showHelpAfterError();

withServer(program.command('get'))
  .description('show resources: tortiectl get ippools,bgppeers; tortiectl get node node1 -o wide')
  .argument('<types>', 'one or more resource types, separated by commas')
  .argument('[names...]')
  .addOption(new Option('-o, --output <form>', 'form of the output').choices(OUTPUTS))
  .action(async (types: string, names: string[], options: Server & { output?: Output }) => {
    const kinds = types.split(',').map(kindByName);
    console.log(await get(await openStore(serverOf(options)), kinds, names, options.output));
  });

withServer(program.command('apply'))
  .description('create resources, or bring those that are there to what the file says')
  .requiredOption('-f, --filename <file...>', 'YAML or JSON; - is standard input')
  .action(async (options: Server & { filename: string[] }) => {
    const manifests = readManifests(options.filename, FILE_KINDS);
    const store = await openStore(serverOf(options));
    for (const manifest of manifests) console.log(await apply(store, manifest));
  });

withServer(program.command('delete'))
  .description('delete resources: tortiectl delete bgppeer rack-1; tortiectl delete -f peers.yaml')
  .argument('[type]')
  .argument('[names...]')
  .option('-f, --filename <file...>', 'delete what these files hold; - is standard input')
  .option('--ignore-not-found', 'what is not there is no error')
  .action(async (type: string | undefined, names: string[], options: Server & Deletion) => {
    const targets = options.filename
      ? readManifests(options.filename, FILE_KINDS).map(({ kind, object: { metadata } }) => ({
          kind,
          name: metadata.name,
          namespace: metadata.namespace,
        }))
      : names.map((name) => ({ kind: kindByName(type!), name, namespace: undefined }));
    if (targets.length === 0 || (options.filename && type))
      throw new UsageError('say what to delete: a type and names, or -f FILE');
    const store = await openStore(serverOf(options));
    for (const target of targets)
      console.log(await remove(store, target, options.ignoreNotFound ?? false));
  });

const node = program.command('node').description('this node');
addLeaveCommand(node);
node
  .command('status')
  .description('this node’s BGP sessions')
  .addOption(new Option('-o, --output <form>', 'form of the output').choices(['json']))
  .action(async ({ output }: { output?: string }) => {
    const status = await readAgentStatus().catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ECONNREFUSED') throw error;
      throw new UsageError(
        'no tortie agent runs on this machine; start it, or in a lab: npx tortie lab exec NODE tortiectl node status',
      );
    });
    console.log(
      output === 'json' ? JSON.stringify(status, undefined, 2) : nodeStatusText(status, Date.now()),
    );
  });

addBgpCommand(program);

withServer(program.command('ipam').description('addresses').command('show'))
  .description('how full the pools are')
  .option('--show-blocks', 'and their blocks')
  .action(async (options: Server & { showBlocks?: boolean }) => {
    const store = await openStore(serverOf(options));
    const [pools, blocks] = await Promise.all([store.list(IPPool), store.list(IPAMBlock)]);
    const rows = summaryRows(summary(pools.items, blocks.items), options.showBlocks ?? false);
    console.log(formatBox(SUMMARY_COLUMNS, rows));
  });

try {
  await program.parseAsync();
} catch (error) {
  console.error(`tortiectl: ${(error as Error).message}`);
  process.exitCode = 1;
}

interface Server {
  kubeconfig?: string;
  wait: string;
}

interface Deletion {
  filename?: string[];
  ignoreNotFound?: boolean;
}

function withServer(command: Command): Command {
  return command
    .option(
      '--kubeconfig <file>',
      'credentials; default: KUBECONFIG, ~/.kube/config, a running lab',
    )
    .option('--wait <seconds>', 'go on trying so long while the server does not answer', '0');
}

function serverOf(options: Server): { kubeconfig: string | undefined; wait: number } {
  const wait = Number(options.wait);
  if (!(wait >= 0 && wait <= 3600))
    throw new UsageError(`--wait: "${options.wait}" is not a number of seconds from 0 to 3600`);
  return { kubeconfig: options.kubeconfig, wait };
}
