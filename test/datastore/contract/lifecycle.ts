import { ConfigMap, IPPool } from '../../../api/index.ts';
import type { Contract } from '../contract.ts';
import { configMap, pool } from './samples.ts';
import { watching } from './watching.ts';

export function lifecycleContract(contract: Contract): void {
  const { fresh } = contract;

  test('what is deleted is gone, and its name is free', async () => {
    const first = await contract.store.create(IPPool, pool(fresh('gone')));
    const { name } = first.metadata;
    await contract.store.delete(IPPool, name);
    await expect(contract.store.get(IPPool, name)).rejects.toMatchObject({ code: 'NotFound' });
    const second = await contract.store.create(IPPool, pool(name));
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
  });

  test('delete only this one: preconditions of uid and resourceVersion', async () => {
    const { metadata } = await contract.store.create(IPPool, pool(fresh('only')));
    const { name, uid, resourceVersion } = metadata;
    const remove = (preconditions: object) =>
      contract.store.delete(IPPool, name, { preconditions });
    await expect(remove({ uid: '00000000-0000-4000-8000-000000000000' })).rejects.toMatchObject({
      code: 'Conflict',
    });
    await contract.store.patch(IPPool, name, { metadata: { labels: { a: 'b' } } });
    await expect(remove({ uid: uid!, resourceVersion: resourceVersion! })).rejects.toMatchObject({
      code: 'Conflict',
    });
    await remove({ uid: uid! });
    await expect(contract.store.get(IPPool, name)).rejects.toMatchObject({ code: 'NotFound' });
  });

  test('an object with finalizers is marked first, and goes with the last of them', async () => {
    const { store } = contract;
    const name = fresh('finalizers');
    const finalizers = ['tortie.test/a', 'tortie.test/b'];
    const created = await store.create(IPPool, pool(name, { finalizers }));
    const seen = await watching(store, IPPool, {
      resourceVersion: created.metadata.resourceVersion!,
      fieldSelector: `metadata.name=${name}`,
    });
    await store.delete(IPPool, name);
    const marked = await store.get(IPPool, name);
    expect(marked.metadata.deletionTimestamp).toMatch(/^\d{4}-.*Z$/);
    expect(marked.metadata.finalizers).toEqual(finalizers);
    await store.delete(IPPool, name);
    expect((await store.get(IPPool, name)).metadata.deletionTimestamp).toBe(
      marked.metadata.deletionTimestamp,
    );
    await expect(
      store.patch(IPPool, name, { metadata: { finalizers: [...finalizers, 'tortie.test/c'] } }),
    ).rejects.toMatchObject({ code: 'Invalid' });

    await store.patch(IPPool, name, { metadata: { finalizers: ['tortie.test/b'] } });
    const last = await store.get(IPPool, name);
    const answered = await store.update(IPPool, {
      ...last,
      metadata: { ...last.metadata, finalizers: [] },
    });
    expect(answered.metadata.name).toBe(name);
    await expect(store.get(IPPool, name)).rejects.toMatchObject({ code: 'NotFound' });
    const events = await seen.until((all) => all.some(({ type }) => type === 'DELETED'));
    expect(events.map(({ type }) => type)).toEqual(['MODIFIED', 'MODIFIED', 'DELETED']);
    seen.close();
  });

  test('a collection is deleted by label, and what else is there stays', async () => {
    const { store } = contract;
    const group = fresh('group');
    const names = ['a', 'b', 'c'].map((name) => `${group}-${name}`);
    for (const name of names)
      await store.create(ConfigMap, {
        ...configMap(name),
        metadata: {
          name,
          namespace: 'default',
          labels: { [group]: name.endsWith('c') ? 'stay' : 'go' },
        },
      });
    await store.request({
      method: 'DELETE',
      path: `/api/v1/namespaces/default/configmaps?labelSelector=${group}%3Dgo`,
    });
    const { items } = await store.list(ConfigMap, { labelSelector: group });
    expect(items.map(({ metadata }) => metadata.name)).toEqual([names[2]]);
  });

  test('delete answers with what is gone', async () => {
    const { metadata } = await contract.store.create(IPPool, pool(fresh('answer')));
    const { body } = await contract.store.request({
      method: 'DELETE',
      path: `/apis/projectcalico.org/v3/ippools/${metadata.name}`,
    });
    expect(body).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: metadata.name, kind: 'ippools', uid: metadata.uid },
    });
  });
}
