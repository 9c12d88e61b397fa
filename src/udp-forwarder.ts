/** `tortie udp-forwarder`: what carries the UDP tunnel's packets, run apart from the agent. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';

export function addUdpForwarderCommand(program: Command): void {
  program
    .command('udp-forwarder')
    .description(
      'the UDP tunnel’s forwarder in a container or service of its own, where the agent’s end would end it',
    )
    .option('--state-dir <folder>', 'the agent’s state folder', '/var/lib/tortie')
    .action(async ({ stateDir }: { stateDir: string }) => {
      const { buildForwarder } = await import('../felix/tunnel/udp/build.ts');
      const { forwarderArguments } = await import('../felix/tunnel/udp/process.ts');
      const folder = join(stateDir, 'udp');
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const { path } = await buildForwarder();
      // From here on this process is the forwarder, and Node is no more.
      process.execve!(path, [path, '--apart', ...forwarderArguments(folder)], {});
    });
}
