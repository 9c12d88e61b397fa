/** Namespaces: where objects may be made, and how one ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { configMap, NAMESPACES, NODES, TestServer } from './harness.ts';

const server = new TestServer();

beforeAll(() => server.start());
afterAll(() => server.stop());

const at = (namespace: string) => `${NAMESPACES}/${namespace}`;
const maps = (namespace: string) => `${at(namespace)}/configmaps`;
const make = (name: string) => server.post(NAMESPACES, { metadata: { name } });

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 3_000 && !(await holds()); i++) await sleep(10);
  expect(await holds()).toBe(true);
}

const isGone = (path: string) => async () => (await server.get(path)).status === 404;

test('default and kube-system are there, and stay', async () => {
  const { items } = (await server.get(NAMESPACES)).json;
  expect(items).toMatchObject([
    { metadata: { name: 'default' }, status: { phase: 'Active' } },
    { metadata: { name: 'kube-system' }, status: { phase: 'Active' } },
  ]);
  for (const name of ['default', 'kube-system']) {
    const { status, json } = await server.delete(at(name));
    expect([status, json.message]).toEqual([
      403,
      `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    ]);
  }
});

test('nothing is made in a namespace that is not there', async () => {
  const { status, json } = await server.post(maps('nope'), configMap('a'));
  expect([status, json.message]).toEqual([404, 'namespaces "nope" not found']);
  const other = { ...configMap('a'), metadata: { name: 'a', namespace: 'other' } };
  expect((await server.post(maps('default'), other)).status).toBe(400);
});

test('a namespace takes all that is in it along, and its name is free again', async () => {
  await make('shop');
  for (let i = 0; i < 250; i++) await server.post(maps('shop'), configMap(`m${i}`));
  await server.post(maps('default'), configMap('stays'));
  const marked = (await server.delete(at('shop'))).json;
  expect(marked).toMatchObject({ kind: 'Namespace', status: { phase: 'Terminating' } });
  await until(isGone(at('shop')));
  expect((await make('shop')).status).toBe(201);
  expect((await server.get(maps('shop'))).json.items).toEqual([]);
  expect((await server.get(`${maps('default')}/stays`)).status).toBe(200);
});

test('what a finalizer holds, holds its namespace, which takes nothing new', async () => {
  await make('held');
  await server.post(maps('held'), configMap('a', {}, { finalizers: ['x.y/z'] }));
  await server.post(maps('held'), configMap('b'));
  await server.delete(at('held'));
  await until(isGone(`${maps('held')}/b`));
  const { status, json } = await server.post(maps('held'), configMap('c'));
  expect([status, json.message]).toEqual([
    403,
    'configmaps is forbidden: unable to create new content in namespace held because it is being terminated',
  ]);
  expect((await server.get(at('held'))).json.status.phase).toBe('Terminating');
  await server.patch(`${maps('held')}/a`, { metadata: { finalizers: null } });
  await until(isGone(at('held')));
});

test('an end that a restart interrupts goes on after it', async () => {
  await make('slow');
  await server.post(maps('slow'), configMap('a', {}, { finalizers: ['x.y/z'] }));
  await server.delete(at('slow'));
  await server.restart();
  await server.patch(`${maps('slow')}/a`, { metadata: { finalizers: [] } });
  await until(isGone(at('slow')));
});

test('a finalizer of the namespace itself holds it too', async () => {
  await server.post(NAMESPACES, { metadata: { name: 'own', finalizers: ['x.y/z'] } });
  await server.delete(at('own'));
  await sleep(50);
  expect((await server.get(at('own'))).status).toBe(200);
  await server.patch(at('own'), { metadata: { finalizers: null } });
  await until(isGone(at('own')));
});

test('a cluster-scoped object needs none', async () => {
  expect((await server.post(NODES, { metadata: { name: 'n1' } })).status).toBe(201);
});
