/** An embedded API server, and the two who ask it: an admin, and an agent, who may do less. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../ports.ts';
import { startApiServer } from '../../src/apiserver/server.ts';
import { connect, type Datastore } from '../../src/datastore/index.ts';
import { systemClock } from '../../src/system.ts';

export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

export interface AdminAndAgent {
  admin: Datastore;
  agent: Datastore;
  close(): Promise<void>;
}

export async function adminAndAgent(): Promise<AdminAndAgent> {
  const folder = mkdtempSync(join(tmpdir(), 'tortie-agent-'));
  const [adminFile, agentFile] = [join(folder, 'admin'), join(folder, 'agent')];
  const server = await startApiServer({
    dataDir: folder,
    listen: { host: '127.0.0.1', port: 0 },
    kubeconfigOut: adminFile,
    nodeKubeconfigOut: agentFile,
    log: quiet,
    clock: systemClock,
  });
  const admin = await connect({ kubeconfig: adminFile });
  const agent = await connect({ kubeconfig: agentFile });
  return {
    admin,
    agent,
    async close() {
      admin.close();
      agent.close();
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}
