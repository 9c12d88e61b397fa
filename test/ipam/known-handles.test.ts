import type { IPAMHandle } from '../../api/index.ts';
import { KnownHandles } from '../../ipam/known-handles.ts';
import type { Store } from '../../ports.ts';

test('those of a full node are known; beyond that the one goes that was not used for longest', async () => {
  const create = async (_: unknown, handle: IPAMHandle) => handle;
  const store = { create, update: create } as unknown as Store;
  const handles = new KnownHandles(store);
  const counts = new Map([['10.0.0.0/26', 1]]);
  const first = await handles.create('net.0', counts);
  for (let pod = 1; pod < 1_024; pod++) await handles.create(`net.${pod}`, counts);
  expect(handles.get('net.0')).toBeDefined();
  await handles.change(first, counts);
  await handles.create('net.1024', counts);
  const known = ['net.0', 'net.1', 'net.2', 'net.1024'].map(
    (name) => handles.get(name) !== undefined,
  );
  expect(known).toEqual([true, false, true, true]);
});
