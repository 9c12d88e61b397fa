/** The watches of Secrets, as an agent, at the embedded API server. */
import { Secret } from '../../api/index.ts';
import { Secrets } from '../../src/agent/secrets.ts';
import { systemClock } from '../../src/system.ts';
import { type AdminAndAgent, adminAndAgent, quiet } from '../datastore/admin-and-agent.ts';

let cluster: AdminAndAgent;
let secrets: Secrets;

beforeAll(async () => {
  cluster = await adminAndAgent();
});
afterEach(() => secrets?.close());
afterAll(() => cluster?.close());

const create = (name: string, namespace = 'kube-system') =>
  cluster.admin.create(Secret, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    stringData: { key: name },
  });

function follow(namespace: string, ...names: string[]): Secrets {
  secrets = new Secrets({
    store: cluster.agent,
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
  await cluster.admin.delete(Secret, 'one', { namespace: 'kube-system' });
  await until(() => found().join() === 'two');
  secrets.follow(new Set(['other']));
  await until(() => found().join() === 'other');
});

test('one that may not be read holds nothing up for long', async () => {
  follow('default', 'one');
  await until(() => !secrets.isWaiting);
  expect(found()).toEqual([]);
});
