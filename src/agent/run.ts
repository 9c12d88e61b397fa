/** The agent as a program: it runs until a signal, or until it was told to leave. */
import { openLog, systemClock } from '../system.ts';
import { Agent } from './agent.ts';
import type { AgentConfig } from './config.ts';

/** Runs until SIGTERM or SIGINT. */
export async function runAgent(config: AgentConfig): Promise<void> {
  const log = openLog(config.logLevel);
  const agent = new Agent(config, systemClock, Math.random, log);
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      log.info({ signal }, 'ending; pods keep their routes');
      void agent.close().then(() => process.exit(0));
    });
  void agent.left.then(() => agent.close()).then(() => process.exit(0));
  try {
    await agent.start();
  } catch (error) {
    log.error({ err: error }, `cannot start: ${(error as Error).message}`);
    process.exit(1);
  }
}
