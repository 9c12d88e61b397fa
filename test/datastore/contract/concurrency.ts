import { ConfigMap } from '../../../api/index.ts';
import { storeErrorCode } from '../../../src/datastore/index.ts';
import type { Contract } from '../contract.ts';
import { configMap } from './samples.ts';

export function concurrencyContract(contract: Contract): void {
  const { fresh } = contract;

  test('20 writers that compare and swap lose no step', async () => {
    const { store } = contract;
    const name = fresh('counter');
    await store.create(ConfigMap, configMap(name, { count: '0' }));
    let conflicts = 0;
    const writers = Array.from({ length: 20 }, async () => {
      for (;;) {
        const counter = await store.get(ConfigMap, name, 'default');
        const count = String(Number(counter.data!.count) + 1);
        try {
          await store.update(ConfigMap, { ...counter, data: { count } });
          return;
        } catch (error) {
          if (storeErrorCode(error) !== 'Conflict') throw error;
          conflicts++;
        }
      }
    });
    await Promise.all(writers);
    expect((await store.get(ConfigMap, name, 'default')).data).toEqual({ count: '20' });
    expect(conflicts).toBeGreaterThan(0);
  });

  test('of 20 that create the same name one wins', async () => {
    const name = fresh('race');
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, () => contract.store.create(ConfigMap, configMap(name))),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const attempt of attempts)
      if (attempt.status === 'rejected') expect(attempt.reason.code).toBe('AlreadyExists');
  });
}
