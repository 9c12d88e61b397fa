/** The watches of Secrets, as an agent, at the embedded API server. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../api/index.ts';
import type { Log } from '../../ports.ts';
import { Secrets } from '../../src/agent/secrets.ts';
import { type ApiServer, startApiServer } from '../../src/apiserver/server.ts';
import { connect, type Datastore } from '../../src/datastore/index.ts';
import { systemClock } from '../../src/system.ts';

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

let folder: string;
let server: ApiServer;
let admin: Datastore;
let agent: Datastore;
let secrets: Secrets;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-secrets-'));
  const [adminFile, nodeFile] = ['admin', 'node'].map((name) => join(folder, name));
  server = await startApiServer({
    dataDir: folder,
    listen: { host: '127.0.0.1', port: 0 },
    kubeconfigOut: adminFile!,
    nodeKubeconfigOut: nodeFile!,
    log: quiet,
    clock: systemClock,
  });
  admin = await connect({ kubeconfig: adminFile! });
  agent = await connect({ kubeconfig: nodeFile! });
});
afterEach(() => secrets?.close());
afterAll(async () => {
  admin?.close();
  agent?.close();
  await server?.close();
  rmSync(folder, { recursive: true });
});

const create = (name: string, namespace = 'kube-system') =>
  admin.create(Secret, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    stringData: { key: name },
  });

function follow(namespace: string, ...names: string[]): Secrets {
  secrets = new Secrets({
    store: agent,
    clock: systemClock,
    random: Math.random,
    log: quiet,
    namespace,
    onChange: () => {},
  });
  secrets.follow(new Set(names));
  return secrets;
}

async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`not within 30 s: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const found = () => secrets.list().map(({ metadata }) => metadata.name);

test('those that are named are followed, as they come and go, and no others', async () => {
  await create('one');
  await create('other');
  follow('kube-system', 'one', 'two');
  expect(secrets.isWaiting).toBe(true);
  await until(() => !secrets.isWaiting);
  expect(found()).toEqual(['one']);
  await create('two');
  await until(() => found().length === 2);
  await admin.delete(Secret, 'one', { namespace: 'kube-system' });
  await until(() => found().join() === 'two');
  secrets.follow(new Set(['other']));
  await until(() => found().join() === 'other');
});

test('one that may not be read holds nothing up for long', async () => {
  follow('default', 'one');
  await until(() => !secrets.isWaiting);
  expect(found()).toEqual([]);
});
