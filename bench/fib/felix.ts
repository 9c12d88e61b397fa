/** Felix as the agent has it, on the kernel of the namespace that the process is in. */
import { Felix } from '../../felix/felix.ts';
import { openKernel } from '../../felix/kernel.ts';
import type { Log } from '../../ports.ts';
import { systemClock } from '../../src/system.ts';

/** Nothing is written here but what should not be. */
const log: Log = {
  debug() {},
  info() {},
  warn: tell,
  error: tell,
  child: () => log,
};

/** It has read what there is, and waits for the datastore. */
export async function startFelix(stateDir: string): Promise<Felix> {
  const felix = new Felix({
    kernel: openKernel(),
    clock: systemClock,
    random: Math.random,
    log,
    stateDir,
  });
  await felix.start();
  return felix;
}

function tell(fields: object, message: string): void {
  process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
}
