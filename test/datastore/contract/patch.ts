import { BGPConfiguration, ConfigMap, IPPool, Node } from '../../../api/index.ts';
import type { Contract } from '../contract.ts';
import { configMap, node, pool } from './samples.ts';

export function patchContract(contract: Contract): void {
  const { fresh } = contract;

  test('merge: members are set, replaced and, by null, removed; lists are replaced', async () => {
    const { metadata } = await contract.store.create(
      IPPool,
      pool(fresh('merge'), { labels: { a: '1', b: '2' }, annotations: { x: 'y' } }),
    );
    const patched = await contract.store.patch(IPPool, metadata.name, {
      metadata: { labels: { a: null, c: '3' }, annotations: null },
      spec: { allowedUses: ['Workload'], natOutgoing: true },
    });
    expect(patched.metadata.labels).toEqual({ b: '2', c: '3' });
    expect(patched.metadata.annotations).toBeUndefined();
    expect(patched.spec).toMatchObject({
      cidr: '10.0.0.0/16',
      allowedUses: ['Workload'],
      natOutgoing: true,
    });
  });

  test('a resourceVersion or uid in a merge patch is a precondition', async () => {
    const { metadata } = await contract.store.create(IPPool, pool(fresh('merge')));
    const { name, resourceVersion } = metadata;
    const patch = (more: object, value: string) =>
      contract.store.patch(IPPool, name, { metadata: { ...more, labels: { a: value } } });
    await patch({ resourceVersion }, '1');
    await expect(patch({ resourceVersion }, '2')).rejects.toMatchObject({ code: 'Conflict' });
    await expect(patch({ uid: '00000000-0000-4000-8000-000000000000' }, '3')).rejects.toMatchObject(
      { code: expect.stringMatching(/^(Conflict|Invalid)$/) },
    );
  });

  test('a patch cannot rename', async () => {
    const { metadata } = await contract.store.create(IPPool, pool(fresh('rename')));
    await expect(
      contract.store.patch(IPPool, metadata.name, { metadata: { name: 'another' } }),
    ).rejects.toMatchObject({ code: 'Invalid' });
  });

  test('JSON patch: add, replace, remove, move, copy and test, or nothing of it', async () => {
    const { metadata } = await contract.store.create(ConfigMap, {
      ...configMap(fresh('json'), { a: '1', c: '2', e: '3' }),
    });
    const options = { namespace: 'default', patchType: 'json' } as const;
    const patched = await contract.store.patch(
      ConfigMap,
      metadata.name,
      [
        { op: 'test', path: '/data/a', value: '1' },
        { op: 'replace', path: '/data/a', value: '9' },
        { op: 'remove', path: '/data/c' },
        { op: 'add', path: '/data/f', value: '4' },
        { op: 'copy', from: '/data/f', path: '/data/g' },
        { op: 'move', from: '/data/e', path: '/data/h' },
        { op: 'add', path: '/metadata/annotations', value: {} },
        { op: 'add', path: '/metadata/annotations/tortie.test~1x', value: 'y' },
        { op: 'add', path: '/metadata/finalizers', value: ['a/b', 'a/d'] },
        { op: 'add', path: '/metadata/finalizers/1', value: 'a/c' },
        { op: 'add', path: '/metadata/finalizers/-', value: 'a/e' },
        { op: 'remove', path: '/metadata/finalizers/0' },
      ],
      options,
    );
    expect(patched.data).toEqual({ a: '9', f: '4', g: '4', h: '3' });
    expect(patched.metadata.annotations).toEqual({ 'tortie.test/x': 'y' });
    expect(patched.metadata.finalizers).toEqual(['a/c', 'a/d', 'a/e']);

    for (const operation of [
      { op: 'test', path: '/data/f', value: '5' },
      { op: 'remove', path: '/data/none' },
      { op: 'replace', path: '/data/none/deeper', value: '1' },
    ])
      await expect(
        contract.store.patch(
          ConfigMap,
          metadata.name,
          [{ op: 'add', path: '/data/i', value: '1' }, operation],
          options,
        ),
      ).rejects.toMatchObject({ code: 'Invalid' });
    const { data } = await contract.store.get(ConfigMap, metadata.name, 'default');
    expect(data).toEqual(patched.data);
    await contract.store.patch(
      ConfigMap,
      metadata.name,
      { metadata: { finalizers: null } },
      { namespace: 'default' },
    );
  });

  test('strategic merge, as kubectl sends it for a Node: lists by their key', async () => {
    const { store } = contract;
    const name = fresh('strategic');
    await store.create(Node, node(name, { labels: { a: '1' } }));
    const condition = (type: string, status: 'True' | 'False') => ({
      type,
      status,
      reason: 'R',
      message: 'M',
    });
    const patch = (body: object, subresource?: 'status') =>
      store.patch(Node, name, body, {
        patchType: 'strategic',
        ...(subresource && { subresource }),
      });
    await patch({ status: { conditions: [condition('Ready', 'True')] } }, 'status');
    await patch({ status: { conditions: [condition('NetworkUnavailable', 'False')] } }, 'status');
    const updated = await patch(
      { status: { conditions: [{ type: 'Ready', status: 'False' }] } },
      'status',
    );
    const statuses = updated.status!.conditions!.map(({ type, status }) => [type, status]);
    expect(Object.fromEntries(statuses)).toEqual({ Ready: 'False', NetworkUnavailable: 'False' });
    expect(updated.status!.conditions!.find(({ type }) => type === 'Ready')?.message).toBe('M');
    const removed = await patch(
      { status: { conditions: [{ $patch: 'delete', type: 'Ready' }] } },
      'status',
    );
    expect(removed.status!.conditions!.map(({ type }) => type)).toEqual(['NetworkUnavailable']);
    const labelled = await patch({ metadata: { labels: { a: null, b: '2' } } });
    expect(labelled.metadata.labels).toEqual({ b: '2' });
  });

  test('strategic merge is not for our resources, and says so', async () => {
    const { metadata } = await contract.store.create(IPPool, pool(fresh('strategic')));
    await expect(
      contract.store.patch(IPPool, metadata.name, {}, { patchType: 'strategic' }),
    ).rejects.toMatchObject({ code: 'Invalid', status: 415 });
  });

  test('a patch that is no patch is refused', async () => {
    const { metadata } = await contract.store.create(IPPool, pool(fresh('nonsense')));
    const { name } = metadata;
    const path = `/apis/projectcalico.org/v3/ippools/${name}`;
    const send = (contentType: string, body: unknown) =>
      contract.store.request({ method: 'PATCH', path, contentType, body });
    await expect(send('application/merge-patch+json', [])).rejects.toMatchObject({
      code: 'Invalid',
    });
    await expect(send('application/json-patch+json', {})).rejects.toMatchObject({
      code: 'Invalid',
      status: 400,
    });
    await expect(send('text/plain', {})).rejects.toMatchObject({ status: 415 });
  });

  test('a misspelt field in a patch is refused under Strict', async () => {
    const { metadata } = await contract.store.create(IPPool, pool(fresh('strict')));
    const patch = { spec: { natOutgoin: true } };
    await expect(
      contract.store.patch(IPPool, metadata.name, patch, { fieldValidation: 'Strict' }),
    ).rejects.toMatchObject({
      code: 'Invalid',
      message: expect.stringContaining('unknown field "spec.natOutgoin"'),
    });
  });

  test('a patch that meets another writer is applied to the newest state', async () => {
    const name = `node.${fresh('meet')}`;
    await contract.store.create(BGPConfiguration, {
      apiVersion: 'projectcalico.org/v3',
      kind: 'BGPConfiguration',
      metadata: { name },
      spec: {},
    });
    const labels = Array.from({ length: 10 }, (_, i) => `l${i}`);
    await Promise.all(
      labels.map((label) =>
        contract.store.patch(BGPConfiguration, name, { metadata: { labels: { [label]: 'x' } } }),
      ),
    );
    const { metadata } = await contract.store.get(BGPConfiguration, name);
    expect(Object.keys(metadata.labels!).sort()).toEqual(labels);
  });
}
