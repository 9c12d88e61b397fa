/** `tortie cleanup`: takes out of this node's kernel all that Tortie put there. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { INSPECT_SOCKET, readAgentStatus } from './inspect/client.ts';

export function addCleanupCommand(program: Command): void {
  program
    .command('cleanup')
    .description('remove from the kernel all that is ours: routes and pods’ interfaces')
    .option('--state-dir <folder>', 'the agent’s state folder', '/var/lib/tortie')
    .action(async ({ stateDir }: { stateDir: string }) => {
      if (existsSync(INSPECT_SOCKET) && (await agentRuns())) {
        console.error('tortie cleanup: an agent runs here and would put all back; stop it first');
        process.exitCode = 1;
        return;
      }
      const { cleanup } = await import('../felix/cleanup.ts');
      const { openKernel } = await import('../felix/kernel.ts');
      const kernel = openKernel();
      const { interfaces, routes, endpointFiles, faults } = await cleanup({ kernel, stateDir });
      kernel.host.close();
      console.log(
        `removed ${interfaces} interfaces, ${routes} routes, ${endpointFiles} endpoint files`,
      );
      for (const fault of faults) console.error(`tortie cleanup: ${fault}`);
      process.exitCode = faults.length > 0 ? 1 : 0;
    });
}

async function agentRuns(): Promise<boolean> {
  return await readAgentStatus().then(
    () => true,
    () => false,
  );
}
