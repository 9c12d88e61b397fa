/** `tortie apiserver`. */
import { isIP } from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import { openLog, systemClock } from '../system.ts';

interface Flags {
  data: string;
  listen: { host: string; port: number };
  kubeconfigOut: string;
  nodeKubeconfigOut?: string;
  insecure?: boolean;
}

/** Adds the subcommand to `tortie`. */
export function addApiServerCommand(program: Command): void {
  program
    .command('apiserver')
    .description('the embedded datastore: the Kubernetes API over one SQLite file')
    .requiredOption('--data <dir>', 'folder of the database, keys and tokens; made if absent')
    .requiredOption('--listen <ip:port>', 'where to listen: 192.0.2.1:6443, [::1]:6443', readListen)
    .requiredOption('--kubeconfig-out <file>', "where to write the admin's kubeconfig, mode 0600")
    .option(
      '--node-kubeconfig-out <file>',
      "where to write the agents' kubeconfig, whose token reaches only what agents need",
    )
    .option('--insecure', 'plain HTTP on loopback, where everyone is the admin')
    .action(run);
}

function readListen(text: string): Flags['listen'] {
  const [, v6, v4, digits] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4 ?? '';
  const port = Number(digits);
  if (isIP(host) !== (v6 === undefined ? 4 : 6) || port > 65535)
    throw new InvalidArgumentError('write an address and a port: 192.0.2.1:6443 or [::1]:6443');
  return { host, port };
}

async function run(flags: Flags): Promise<void> {
  const { data, listen, kubeconfigOut, nodeKubeconfigOut, insecure } = flags;
  const log = openLog('info');
  const { startApiServer } = await import('./server.ts');
  try {
    const server = await startApiServer({
      dataDir: data,
      listen,
      kubeconfigOut,
      ...(nodeKubeconfigOut !== undefined && { nodeKubeconfigOut }),
      ...(insecure !== undefined && { insecure }),
      log,
      clock: systemClock,
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => void server.close());
  } catch (error) {
    log.error({}, `tortie apiserver: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
