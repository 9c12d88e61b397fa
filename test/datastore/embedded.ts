/** The embedded API server, ready for the datastore's contract. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IPPool } from '../../api/index.ts';
import type { Log } from '../../ports.ts';
import { startApiServer } from '../../src/apiserver/server.ts';
import { connect } from '../../src/datastore/index.ts';
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
      const store = await connect({ kubeconfig });
      const { resourceVersion } = await store.list(IPPool);
      const query = `resourceVersion=${Number(resourceVersion) - 1}&resourceVersionMatch=Exact`;
      const path = `/apis/projectcalico.org/v3/ippools?${query}`;
      const isGone = () =>
        store.request({ method: 'GET', path, asked: 'list ippools' }).then(
          () => false,
          ({ status }) => status === 410,
        );
      // It looks every minute, and forgets what was five minutes old when it last looked.
      await clock.leapUntil(60_000, isGone);
      store.close();
    },
    async close() {
      await server.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}
