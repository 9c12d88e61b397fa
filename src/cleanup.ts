/** `tortie cleanup`: takes out of this node's kernel all that Tortie put there. */
import type { Command } from 'commander';
import { agentRuns } from './inspect/client.ts';

export function addCleanupCommand(program: Command): void {
  program
    .command('cleanup')
    .description(
      'remove from the kernel all that is ours: routes and their next hops, tunnels, pods’ interfaces, the nftables table',
    )
    .option('--state-dir <folder>', 'the agent’s state folder', '/var/lib/tortie')
    .action(async ({ stateDir }: { stateDir: string }) => {
      if (await agentRuns()) {
        console.error('tortie cleanup: an agent runs here and would put all back; stop it first');
        process.exitCode = 1;
        return;
      }
      const { cleanup } = await import('../felix/cleanup.ts');
      const { openKernel } = await import('../felix/kernel.ts');
      const kernel = openKernel();
      const { interfaces, tunnels, routes, packetTable, endpointFiles, faults } = await cleanup({
        kernel,
        stateDir,
      });
      kernel.host.close();
      console.log(
        `removed ${interfaces} interfaces of pods, ${tunnels} tunnels, ${routes} routes, ${packetTable ? 'the nftables table, ' : ''}${endpointFiles} endpoint files`,
      );
      for (const fault of faults) console.error(`tortie cleanup: ${fault}`);
      process.exitCode = faults.length > 0 ? 1 : 0;
    });
}
