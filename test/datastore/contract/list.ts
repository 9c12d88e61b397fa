import { ConfigMap, IPPool, Namespace, Pod } from '../../../api/index.ts';
import type { Contract } from '../contract.ts';
import { configMap, pod, pool } from './samples.ts';

export function listContract(contract: Contract): void {
  const { fresh } = contract;

  const namesOf = (items: { metadata: { name: string } }[]) =>
    items.map(({ metadata }) => metadata.name);

  test('a list is in the order of names and tells its revision', async () => {
    const group = fresh('order');
    for (const name of ['b', 'c', 'a', 'a.b', 'a-b', '1'])
      await contract.store.create(IPPool, pool(`${name}-${group}`, { labels: { group } }));
    const { items, resourceVersion } = await contract.store.list(IPPool, {
      labelSelector: `group=${group}`,
    });
    const names = namesOf(items);
    expect(names).toHaveLength(6);
    expect(names).toEqual([...names].sort());
    expect(items[0]).toMatchObject({ apiVersion: 'projectcalico.org/v3', kind: 'IPPool' });
    const newest = items.map(({ metadata }) => BigInt(metadata.resourceVersion!));
    expect(newest.every((revision) => revision <= BigInt(resourceVersion))).toBe(true);
  });

  test('pages show one revision, whatever is written between them', async () => {
    const { store } = contract;
    const group = fresh('pages');
    const labelSelector = `group=${group}`;
    const create = (name: string) =>
      store.create(IPPool, pool(`${group}-${name}`, { labels: { group } }));
    for (const name of ['a', 'c', 'e', 'g', 'i']) await create(name);
    const first = await store.listPage(IPPool, { labelSelector, limit: 2 });
    expect(first.items).toHaveLength(2);
    expect(first.continue).toBeTruthy();

    await create('d');
    await store.delete(IPPool, `${group}-g`);
    await store.patch(IPPool, `${group}-i`, { metadata: { annotations: { new: 'yes' } } });
    const items = [...first.items];
    let token = first.continue;
    while (token) {
      const page = await store.listPage(IPPool, { labelSelector, limit: 2, continue: token });
      expect(page.resourceVersion).toBe(first.resourceVersion);
      items.push(...page.items);
      token = page.continue;
    }
    expect(namesOf(items)).toEqual(['a', 'c', 'e', 'g', 'i'].map((name) => `${group}-${name}`));
    expect(items.at(-1)!.metadata.annotations).toBeUndefined();
    const now = await store.list(IPPool, { labelSelector });
    expect(namesOf(now.items)).toEqual(['a', 'c', 'd', 'e', 'i'].map((name) => `${group}-${name}`));
  });

  test.each(['nonsense', 'e30'])('a continue token that is none (%s) is refused', async (token) => {
    await expect(
      contract.store.listPage(IPPool, { limit: 1, continue: token }),
    ).rejects.toMatchObject({ code: 'Invalid', status: 400 });
  });

  test('an old revision can be listed exactly', async () => {
    const { store } = contract;
    const group = fresh('exact');
    const labelSelector = `group=${group}`;
    await store.create(IPPool, pool(group, { labels: { group } }));
    const { resourceVersion } = await store.list(IPPool, { labelSelector });
    await store.delete(IPPool, group);
    const { body } = await store.request({
      method: 'GET',
      path: `/apis/projectcalico.org/v3/ippools?labelSelector=group%3D${group}&resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`,
    });
    expect(body).toMatchObject({
      metadata: { resourceVersion },
      items: [{ metadata: { name: group } }],
    });
  });

  test('label selectors', async () => {
    const { store } = contract;
    const group = fresh('labels');
    const make = (name: string, labels: Record<string, string>) =>
      store.create(IPPool, pool(`${group}-${name}`, { labels: { group, ...labels } }));
    await make('a', { rack: 'r1', 'example.com/zone': 'z' });
    await make('b', { rack: 'r2' });
    await make('c', {});
    const select = async (selector: string) =>
      namesOf(
        (await store.list(IPPool, { labelSelector: `group=${group},${selector}` })).items,
      ).map((name) => name.at(-1));
    expect(await select('rack=r1')).toEqual(['a']);
    expect(await select('rack==r1')).toEqual(['a']);
    expect(await select('rack!=r1')).toEqual(['b', 'c']);
    expect(await select('rack in (r1, r2)')).toEqual(['a', 'b']);
    expect(await select('rack notin (r1)')).toEqual(['b', 'c']);
    expect(await select('rack')).toEqual(['a', 'b']);
    expect(await select('!rack')).toEqual(['c']);
    expect(await select('example.com/zone,rack!=r2')).toEqual(['a']);
    expect(await select('rack=')).toEqual([]);
    for (const bad of ['rack in', 'rack=r1=r2', '=r1', 'ra ck', 'rack in ()x'])
      await expect(select(bad)).rejects.toMatchObject({ code: 'Invalid', status: 400 });
  });

  test('field selectors: names everywhere, node and phase of pods, and no others', async () => {
    const { store } = contract;
    const name = fresh('fields');
    await store.create(IPPool, pool(name));
    await store.create(Pod, pod(`${name}-a`, `${name}-n1`));
    await store.create(Pod, pod(`${name}-b`, `${name}-n2`));
    const pools = await store.list(IPPool, { fieldSelector: `metadata.name=${name}` });
    expect(namesOf(pools.items)).toEqual([name]);
    const pods = async (fieldSelector: string) =>
      namesOf((await store.list(Pod, { namespace: 'default', fieldSelector })).items);
    expect(await pods(`spec.nodeName=${name}-n1`)).toEqual([`${name}-a`]);
    expect(await pods(`spec.nodeName==${name}-n2,status.phase!=Running`)).toEqual([`${name}-b`]);
    expect(await pods(`metadata.name=${name}-a,metadata.namespace=default`)).toEqual([`${name}-a`]);
    expect(await pods(`metadata.name=${name}-a,spec.nodeName=${name}-n2`)).toEqual([]);
    await expect(store.list(IPPool, { fieldSelector: 'spec.cidr=x' })).rejects.toMatchObject({
      code: 'Invalid',
      status: 400,
    });
  });

  test('a namespace has its own objects, and all are listed together', async () => {
    const { store } = contract;
    const namespace = fresh('space');
    const name = fresh('same-name');
    await store.create(Namespace, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace },
    });
    const labels = { [namespace]: 'yes' };
    for (const where of ['default', namespace])
      await store.create(ConfigMap, {
        ...configMap(name),
        metadata: { name, namespace: where, labels },
      });
    expect(
      (await store.list(ConfigMap, { namespace, labelSelector: namespace })).items,
    ).toHaveLength(1);
    const all = await store.list(ConfigMap, { labelSelector: namespace });
    expect(all.items.map(({ metadata }) => metadata.namespace)).toEqual(
      ['default', namespace].sort(),
    );
    expect((await store.get(ConfigMap, name, namespace)).metadata.namespace).toBe(namespace);

    const elsewhere = { ...configMap(name), metadata: { name, namespace: fresh('no-space') } };
    await expect(store.create(ConfigMap, elsewhere)).rejects.toMatchObject({ code: 'NotFound' });
    await expect(
      store.request({
        method: 'POST',
        path: `/api/v1/namespaces/${namespace}/configmaps`,
        body: configMap(fresh('astray')),
      }),
    ).rejects.toMatchObject({ code: 'Invalid', status: 400 });
  });
}
