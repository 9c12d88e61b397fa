import { IPAMBlock, IPPool } from '../../../api/index.ts';
import type { Contract } from '../contract.ts';
import { pool } from './samples.ts';
import { type Event, watching } from './watching.ts';

export function watchContract(contract: Contract): void {
  const { fresh } = contract;

  const seen = (events: Event[]) =>
    events.map(({ type, object }) => `${type} ${object.metadata.name}`);
  const now = async () => (await contract.store.list(IPPool)).resourceVersion;

  test('events come in the order of revisions; a deletion has its own, and the last state', async () => {
    const { store } = contract;
    const name = fresh('order');
    const watch = await watching(store, IPPool, { resourceVersion: await now() });
    const created = await store.create(IPPool, pool(name));
    const changed = await store.patch(IPPool, name, { spec: { disabled: true } });
    await store.delete(IPPool, name);
    const events = await watch.until((all) => all.length >= 3);
    watch.close();
    expect(seen(events)).toEqual([`ADDED ${name}`, `MODIFIED ${name}`, `DELETED ${name}`]);
    expect(events[0]!.object.metadata.resourceVersion).toBe(created.metadata.resourceVersion);
    expect(events[1]!.object.metadata.resourceVersion).toBe(changed.metadata.resourceVersion);
    const last = events[2]!.object;
    expect(last.spec).toEqual(changed.spec);
    expect(BigInt(last.metadata.resourceVersion!)).toBeGreaterThan(
      BigInt(changed.metadata.resourceVersion!),
    );
  });

  test('a watch from an old revision first tells what it missed, deletions included', async () => {
    const { store } = contract;
    const name = fresh('missed');
    const resourceVersion = await now();
    await store.create(IPPool, pool(`${name}-a`));
    await store.create(IPPool, pool(`${name}-b`));
    await store.delete(IPPool, `${name}-a`);
    const middle = await now();
    await store.patch(IPPool, `${name}-b`, { spec: { disabled: true } });
    const watch = await watching(store, IPPool, { resourceVersion });
    expect(seen(await watch.until((all) => all.length >= 4))).toEqual([
      `ADDED ${name}-a`,
      `ADDED ${name}-b`,
      `DELETED ${name}-a`,
      `MODIFIED ${name}-b`,
    ]);
    watch.close();
    const later = await watching(store, IPPool, { resourceVersion: middle });
    expect(seen(await later.until((all) => all.length >= 1))).toEqual([`MODIFIED ${name}-b`]);
    later.close();
  });

  test('for a selector, an object begins when it matches and ends when it does not', async () => {
    const { store } = contract;
    const name = fresh('match');
    const watch = await watching(store, IPPool, {
      resourceVersion: await now(),
      labelSelector: `group=${name}`,
    });
    const label = (group: string | null) =>
      store.patch(IPPool, name, { metadata: { labels: { group } } });
    await store.create(IPPool, pool(name));
    await label(name);
    await store.patch(IPPool, name, { spec: { disabled: true } });
    await label(null);
    await store.patch(IPPool, name, { spec: { disabled: false } });
    await label(name);
    await store.delete(IPPool, name);
    const events = await watch.until((all) => all.length >= 5);
    watch.close();
    expect(events.map(({ type }) => type)).toEqual([
      'ADDED',
      'MODIFIED',
      'DELETED',
      'ADDED',
      'DELETED',
    ]);
    expect(events[2]!.object.metadata.resourceVersion).not.toBe(
      events[1]!.object.metadata.resourceVersion,
    );
  });

  test('a watch of one name sees no other', async () => {
    const { store } = contract;
    const name = fresh('one');
    const watch = await watching(store, IPPool, {
      resourceVersion: await now(),
      fieldSelector: `metadata.name=${name}`,
    });
    await store.create(IPPool, pool(fresh('two')));
    await store.create(IPPool, pool(name));
    expect(seen(await watch.until((all) => all.length >= 1))).toEqual([`ADDED ${name}`]);
    watch.close();
  });

  test('a watch ends at its timeout, with a bookmark at the newest revision before', async () => {
    const { store } = contract;
    const name = fresh('other-name');
    const resourceVersion = await now();
    const watch = await watching(store, IPPool, {
      resourceVersion,
      timeoutSeconds: 4,
      fieldSelector: `metadata.name=${fresh('nobody')}`,
    });
    const { metadata } = await store.create(IPPool, pool(name));
    await watch.ended;
    expect(await watch.until(() => true)).toEqual([]);
    const { object } = watch.bookmarks.at(-1)!;
    expect(object).toMatchObject({ apiVersion: 'projectcalico.org/v3', kind: 'IPPool' });
    expect(BigInt(object.metadata.resourceVersion!)).toBeGreaterThanOrEqual(
      BigInt(metadata.resourceVersion!),
    );
  }, 30_000);

  test('events keep 64-bit numbers', async () => {
    const { store } = contract;
    const { resourceVersion } = await store.list(IPAMBlock);
    const name = fresh('big');
    await store.create(IPAMBlock, {
      apiVersion: 'projectcalico.org/v3',
      kind: 'IPAMBlock',
      metadata: { name },
      spec: {
        cidr: '10.0.0.0/26',
        allocations: [],
        unallocated: [],
        attributes: [],
        sequenceNumber: 1787654321123456789n,
      },
    });
    const watch = await watching(store, IPAMBlock, { resourceVersion });
    const [event] = await watch.until((all) => all.length >= 1);
    watch.close();
    expect(event!.object.spec!.sequenceNumber).toBe(1787654321123456789n);
  });

  test('many watchers see the same', async () => {
    const { store } = contract;
    const resourceVersion = await now();
    const name = fresh('crowd');
    const watches = await Promise.all(
      Array.from({ length: 20 }, () => watching(store, IPPool, { resourceVersion })),
    );
    for (let i = 0; i < 5; i++) await store.create(IPPool, pool(`${name}-${i}`));
    for (const watch of watches) {
      const events = await watch.until((all) => all.length >= 5);
      expect(seen(events)).toEqual([0, 1, 2, 3, 4].map((i) => `ADDED ${name}-${i}`));
      watch.close();
    }
  });

  test.each(['x', '-1', '1.5'])('resourceVersion %s is refused', async (resourceVersion) => {
    await expect(watching(contract.store, IPPool, { resourceVersion })).rejects.toThrow(
      'resourceVersion',
    );
  });

  if (!contract.abilities.listsByWatch) return;

  test.each(['', '0'])('from revision "%s", what is there comes first', async (resourceVersion) => {
    const name = fresh('there');
    await contract.store.create(IPPool, pool(name));
    const watch = await watching(contract.store, IPPool, {
      resourceVersion,
      fieldSelector: `metadata.name=${name}`,
    });
    expect(seen(await watch.until((all) => all.length >= 1))).toEqual([`ADDED ${name}`]);
    watch.close();
  });

  test('sendInitialEvents: what is there, then a bookmark that says so', async () => {
    const { store } = contract;
    const group = fresh('initial');
    await store.create(IPPool, pool(`${group}-a`, { labels: { group } }));
    await store.create(IPPool, pool(`${group}-b`, { labels: { group } }));
    const watch = await watching(store, IPPool, {
      resourceVersion: '',
      labelSelector: `group=${group}`,
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
    });
    const events = await watch.until((all) => all.length >= 2);
    expect(seen(events).sort()).toEqual([`ADDED ${group}-a`, `ADDED ${group}-b`]);
    await watch.until(() => watch.bookmarks.length > 0);
    expect(watch.bookmarks[0]!.object.metadata.annotations).toEqual({
      'k8s.io/initial-events-end': 'true',
    });
    await store.create(IPPool, pool(`${group}-c`, { labels: { group } }));
    await watch.until((all) => all.length >= 3);
    watch.close();
  });
}
