/** `tortiectl bgp`: what the speaker on this machine knows of its peers and routes. */
import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import { readPeers, readRoutes, readSpeaker } from '../inspect/client.ts';
import { peersText, peerText, routesText, routeText, speakerText } from './bgp-text.ts';
import { UsageError } from './kinds.ts';
import { answerFrom, withSocket } from './socket.ts';

interface Flags {
  output?: 'json' | 'yaml';
  socket: string;
}

/** Adds the subcommand to `tortiectl`. */
export function addBgpCommand(program: Command): void {
  const bgp = program.command('bgp').description('BGP sessions and routes of this node');

  atSpeaker(bgp.command('status'))
    .description('where the speaker listens, BMP collectors, RPKI caches, what was dropped')
    .action(async ({ output, socket }: Flags) =>
      print(await answerFrom(socket, readSpeaker(socket)), output, speakerText),
    );

  atSpeaker(bgp.command('peers'))
    .description('the peers, or all that is known of one of them')
    .argument('[peer]', 'its name, as the list shows it')
    .action(async (name: string | undefined, { output, socket }: Flags) => {
      const peers = await answerFrom(socket, readPeers(socket));
      if (name === undefined) return print(peers, output, peersText);
      const peer = peers.find((one) => one.name === name);
      if (!peer) throw new UsageError(`there is no peer ${name}; see: tortiectl bgp peers`);
      print(peer, output, peerText);
    });

  atSpeaker(bgp.command('routes'))
    .description('the routes, a line a path: *> best, *= multipath, * valid, else rejected')
    .option('--in <prefix>', 'only those inside this prefix')
    .option('--from <peer>', 'only those that this peer sent')
    .option('--to <peer>', 'only those that this peer was sent')
    .action(async (flags: Flags & { in?: string; from?: string; to?: string }) => {
      const { output, socket, in: within, from, to } = flags;
      const routes = await answerFrom(socket, readRoutes(socket, { in: within, from, to }));
      print(routes, output, routesText);
    });

  atSpeaker(bgp.command('route'))
    .description('one route: its paths, why the best won, what filters did, to whom it went')
    .argument('<prefix>', 'a prefix, or an address: then the most specific route to it')
    .action(async (prefix: string, { output, socket }: Flags) => {
      const [route] = await answerFrom(socket, readRoutes(socket, { prefix }));
      if (!route) throw new UsageError(`there is no route to ${prefix}`);
      print(route, output, routeText);
    });
}

function atSpeaker(command: Command): Command {
  return withSocket(command).addOption(
    new Option('-o, --output <form>', 'form of the output').choices(['json', 'yaml']),
  );
}

function print<T>(value: T, output: Flags['output'], text: (value: T) => string): void {
  if (output === 'json') console.log(JSON.stringify(value, undefined, 2));
  else if (output === 'yaml') console.log(stringify(value).trimEnd());
  else console.log(text(value));
}
