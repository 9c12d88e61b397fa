/** An agent that ends. Root: it opens the kernel's sockets. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from '../../src/agent/agent.ts';
import { readConfig } from '../../src/agent/config.ts';
import { realClock, TestLog } from '../felix/ports.ts';

test('closed twice, as by a signal while it leaves: the second call waits for the first one’s end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tortie-agent-'));
  try {
    const folders = { stateDir: join(folder, 'state'), runDir: join(folder, 'run') };
    const config = readConfig(folders, {}, undefined);
    const agent = new Agent(config, realClock, () => 0.5, new TestLog());
    const closing = agent.close();
    expect(agent.close()).toBe(closing);
    await closing;
  } finally {
    rmSync(folder, { recursive: true });
  }
});
