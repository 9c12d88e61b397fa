/** A real kube-apiserver with our CRDs, ready for the datastore's contract. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CUSTOM_RESOURCES,
  CustomResourceDefinition,
  crdManifests,
  Namespace,
} from '../../api/index.ts';
import { connect } from '../../src/datastore/index.ts';
import type { ServerUnderTest } from '../datastore/contract.ts';
import { startKubeApiserver } from './apiserver.ts';
import type { Programs } from './programs.ts';

export async function startKubeUnderTest(programs: Programs): Promise<ServerUnderTest> {
  const server = await startKubeApiserver(programs);
  try {
    const store = await connect({ kubeconfig: server.kubeconfig });
    for (const crd of crdManifests()) await store.create(CustomResourceDefinition, crd);
    for (const type of CUSTOM_RESOURCES) await until(() => store.list(type));
    await until(() => store.get(Namespace, 'default'));
    store.close();
    return {
      kubeconfig: server.kubeconfig,
      compact: () => compactEtcd(server.etcdUrl),
      close: () => server.close(),
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** A CRD is served a moment after it is created. */
async function until(asked: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + 60_000;
  for (;;) {
    try {
      await asked();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(100);
    }
  }
}

/** By etcd's own gateway: kube-apiserver itself compacts only every five minutes. */
async function compactEtcd(etcdUrl: string): Promise<void> {
  const ask = async (path: string, body: object) => {
    const response = await fetch(etcdUrl + path, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`etcd ${path}: ${await response.text()}`);
    return (await response.json()) as { header: { revision: string } };
  };
  const { header } = await ask('/v3/kv/range', { key: Buffer.from('/').toString('base64') });
  await ask('/v3/kv/compaction', { revision: header.revision, physical: true });
}
