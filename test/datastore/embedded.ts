/** The embedded API server, ready for the datastore's contract. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../ports.ts';
import { startApiServer } from '../../src/apiserver/server.ts';
import type { ServerUnderTest } from './contract.ts';
import { LeapingClock } from './leaping-clock.ts';

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

export async function startEmbeddedUnderTest(): Promise<ServerUnderTest> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tortie-embedded-'));
  const kubeconfig = join(dataDir, 'kubeconfig');
  const clock = new LeapingClock();
  const server = await startApiServer({
    dataDir,
    listen: { host: '127.0.0.1', port: 0 },
    kubeconfigOut: kubeconfig,
    log: quiet,
    clock,
  });
  return {
    kubeconfig,
    async compact() {
      // It looks every minute, and forgets what was five minutes old when it last looked.
      for (let minute = 0; minute < 7; minute++) {
        clock.leap(60_000);
        await sleep(20);
      }
    },
    async close() {
      await server.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}
