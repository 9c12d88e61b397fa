/** Annotations of pods and namespaces as an agent reads them, at the embedded API server. */
import { Namespace, Pod } from '../../api/index.ts';
import { Pods } from '../../src/cni/pods.ts';
import type { Datastore } from '../../src/datastore/index.ts';
import { systemClock } from '../../src/system.ts';
import { type AdminAndAgent, adminAndAgent, quiet } from '../datastore/admin-and-agent.ts';

let cluster: AdminAndAgent;
let admin: Datastore;
let pods: Pods;
let reads = 0;

beforeAll(async () => {
  cluster = await adminAndAgent();
  const { agent } = cluster;
  admin = cluster.admin;
  await admin.create(Namespace, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'ns', annotations: { of: 'namespace' } },
  });
  const store = {
    get: ((...args: Parameters<Datastore['get']>) => {
      reads++;
      return agent.get(...args);
    }) as Datastore['get'],
    listPage: agent.listPage.bind(agent),
    watch: agent.watch.bind(agent),
  };
  const random = Math.random;
  pods = new Pods({ store, nodeName: 'node1', clock: systemClock, random, log: quiet });
});
afterAll(async () => {
  pods?.close();
  await cluster?.close();
});

async function create(name: string, of: string): Promise<Pod> {
  return await admin.create(Pod, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'ns', annotations: { of } },
    spec: { nodeName: 'node1', containers: [{ name: 'c', image: 'i' }] },
  });
}

test('a pod is known at once, whether or not the watch has told of it', async () => {
  const { metadata } = await create('web-0', 'first');
  expect(await pods.annotations('ns', 'web-0', metadata.uid)).toEqual({
    pod: { of: 'first' },
    namespace: { of: 'namespace' },
  });
});

test('its successor of the same name is not taken for it', async () => {
  await create('web-1', 'first');
  await pods.annotations('ns', 'web-1', undefined);
  await admin.delete(Pod, 'web-1', { namespace: 'ns' });
  const { metadata } = await create('web-1', 'second');
  expect((await pods.annotations('ns', 'web-1', metadata.uid)).pod).toEqual({ of: 'second' });
});

test('what the watch knows needs no datastore', async () => {
  const { metadata } = await create('web-2', 'kept');
  const endMs = performance.now() + 30_000;
  do {
    expect(performance.now()).toBeLessThan(endMs);
    await new Promise((resolve) => setTimeout(resolve, 20));
    reads = 0;
    expect((await pods.annotations('ns', 'web-2', metadata.uid)).pod).toEqual({ of: 'kept' });
  } while (reads > 0);
});

test('a pod that the API server has not heard of has none', async () => {
  expect(await pods.annotations('nowhere', 'static', undefined)).toEqual({
    pod: {},
    namespace: {},
  });
});
