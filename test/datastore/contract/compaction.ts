import { IPPool } from '../../../api/index.ts';
import type { Contract } from '../contract.ts';
import { pool } from './samples.ts';
import { watching } from './watching.ts';

/** Runs last: it takes the past from all other tests. */
export function compactionContract(contract: Contract): void {
  const { fresh } = contract;

  test('a watch from a revision that is gone is told to list again', async () => {
    const { store } = contract;
    const { metadata } = await store.create(IPPool, pool(fresh('before')));
    await store.delete(IPPool, metadata.name);
    await contract.server.compact();
    expect(await firstAnswer(contract, '1')).toMatchObject({ code: 410, reason: 'Expired' });
    const { resourceVersion } = await store.list(IPPool);
    const name = fresh('after');
    await store.create(IPPool, pool(name));
    const watch = await watching(store, IPPool, { resourceVersion });
    await watch.until((events) => events.some(({ object }) => object.metadata.name === name));
    watch.close();
  });

  test('a list whose revision is gone cannot be continued, and can be from the start', async () => {
    const { store } = contract;
    const group = fresh('pages');
    const labelSelector = `group=${group}`;
    for (const name of ['a', 'b', 'c'])
      await store.create(IPPool, pool(`${group}-${name}`, { labels: { group } }));
    const first = await store.listPage(IPPool, { labelSelector, limit: 1 });
    await store.delete(IPPool, `${group}-c`);
    await contract.server.compact();
    await expect(
      store.listPage(IPPool, { labelSelector, limit: 1, continue: first.continue! }),
    ).rejects.toMatchObject({ code: 'Expired', status: 410 });
    expect((await store.list(IPPool, { labelSelector })).items).toHaveLength(2);
  });
}

/** The Status that refuses the watch, be it the answer or the first event. */
async function firstAnswer(contract: Contract, resourceVersion: string): Promise<object> {
  try {
    const watch = await watching(contract.store, IPPool, { resourceVersion });
    const [event] = await watch.until((events) => events.length > 0);
    watch.close();
    return event!.object;
  } catch (error) {
    const { status, code } = error as { status?: number; code: string };
    return { code: status, reason: code };
  }
}
