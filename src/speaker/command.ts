/** `tortie speaker`: a BGP router without Kubernetes, from files of resources. */
import { hostname } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { type Address, type Family, formatAddress, parseAddress } from 'net-ipaddr';
import { parseAsNumber } from '../../api/index.ts';
import { SPEAKER_SOCKET } from '../inspect/client.ts';
import type { Endpoint, Identity } from './derive.ts';

interface Flags {
  node: string;
  routerId?: Address;
  address: Address[];
  as?: number;
  listen: Endpoint[];
  clusterId?: Address;
  installRoutes?: boolean;
  socket: string;
  file: string[];
}

/** Adds the subcommand to `tortie`. */
export function addSpeakerCommand(program: Command): void {
  program
    .command('speaker')
    .description('a BGP router or route reflector on any host, from files of resources')
    .option('--node <name>', 'which Node of the files this is', hostname())
    .option(
      '--address <ip>',
      'own address, once for each family (default: the Node’s)',
      addAddress,
      [],
    )
    .option('--router-id <ip>', 'BGP Identifier (default: the IPv4 address)', readIPv4)
    .option('--as <number>', 'own AS number (default: the Node’s, else BGPConfiguration’s)', readAs)
    .option(
      '--listen <ip:port>',
      'where peers may connect to, several times if need be (default: BGPConfiguration’s listenPort)',
      addListen,
      [],
    )
    .option(
      '--cluster-id <ip>',
      'be a route reflector of this cluster (default: the Node’s)',
      readIPv4,
    )
    .option('--install-routes', 'have this machine’s kernel forward by the routes; needs root')
    .option(
      '--socket <path>',
      'where `tortiectl bgp` asks what is known; `node leave` uses the one beside it',
      SPEAKER_SOCKET,
    )
    .requiredOption(
      '-f, --file <file>',
      'resources in YAML or JSON, several times if need be; read again when they change and on SIGHUP',
      (file: string, files: string[] = []) => [...files, file],
    )
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const { runSpeaker } = await import('./program.ts');
  await runSpeaker(identityOf(flags), flags);
}

function identityOf({ node, routerId, address, as, listen, clusterId }: Flags): Identity {
  const own = (family: Family) => address.find((one) => one.family === family);
  return {
    node,
    ipv4: own(4),
    ipv6: own(6),
    routerId: routerId && formatAddress(routerId),
    asNumber: as,
    listen,
    clusterId,
  };
}

function addAddress(text: string, before: Address[]): Address[] {
  const address = readAddress(text);
  if (before.some(({ family }) => family === address.family))
    throw new InvalidArgumentError(`there is an IPv${address.family} address already.`);
  return [...before, address];
}

function readIPv4(text: string): Address {
  const address = readAddress(text);
  if (address.family !== 4) throw new InvalidArgumentError('write it like an IPv4 address.');
  return address;
}

function readAddress(text: string): Address {
  try {
    return parseAddress(text);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

function readAs(text: string): number {
  try {
    return parseAsNumber(text);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

function addListen(text: string, before: Endpoint[]): Endpoint[] {
  const [, v6, v4, digits] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const host = v6 ?? v4;
  if (host === undefined || port > 65_535)
    throw new InvalidArgumentError('write an address and a port: 192.0.2.1:179 or [::1]:179.');
  const address = readAddress(host);
  if (address.family !== (v6 === undefined ? 4 : 6))
    throw new InvalidArgumentError('an IPv6 address stands in brackets: [::1]:179.');
  return [...before, { address: host, port }];
}
