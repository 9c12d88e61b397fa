/** Watches and lists over time: restarts, compaction, slow readers, the end of the server. */
import { subscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { LeapingClock } from '../datastore/leaping-clock.ts';
import { CONFIG_MAPS, configMap, HANDLES, NODES, POOLS, pool, TestServer } from './harness.ts';

const MINUTE_MS = 60_000;

let clock: LeapingClock;
let server: TestServer;

beforeEach(async () => {
  clock = new LeapingClock();
  server = await new TestServer({ clock }).start();
});
afterEach(() => server.stop());

const revision = async () => (await server.get(POOLS)).json.metadata.resourceVersion as string;

/** Everything up to now is compacted: history is kept for five minutes, and looked at each minute. */
async function compact(): Promise<void> {
  const past = Number(await revision()) - 1;
  const list = `${POOLS}?resourceVersion=${past}&resourceVersionMatch=Exact`;
  await clock.leapUntil(MINUTE_MS, async () => (await server.get(list)).status === 410);
}

const seen = (events: { type: string; object: { metadata: { name: string } } }[]) =>
  events.map(({ type, object }) => `${type} ${object.metadata.name}`);

test('a watch goes on where it was, over a restart', async () => {
  const start = await revision();
  await server.post(POOLS, pool('a'));
  await server.delete(`${POOLS}/a`);
  await server.restart();
  await server.post(POOLS, pool('b'));
  const watch = await server.watch(`${POOLS}?watch=1&resourceVersion=${start}`);
  expect(seen(await watch.take(3))).toEqual(['ADDED a', 'DELETED a', 'ADDED b']);
  watch.close();
});

test('a list is continued over a restart, at its revision', async () => {
  for (const name of ['a', 'b', 'c']) await server.post(CONFIG_MAPS, configMap(name));
  const first = (await server.get(`${CONFIG_MAPS}?limit=2`)).json.metadata;
  await server.delete(`${CONFIG_MAPS}/c`);
  await server.restart();
  const rest = (await server.get(`${CONFIG_MAPS}?limit=2&continue=${first.continue}`)).json;
  expect(rest.items).toMatchObject([{ metadata: { name: 'c' } }]);
  expect(rest.metadata).toEqual({ resourceVersion: first.resourceVersion });
});

test('a continuation that expired says so, with a token to go on as things are now', async () => {
  for (const name of ['a', 'b', 'c']) await server.post(CONFIG_MAPS, configMap(name));
  const path = `${CONFIG_MAPS}?limit=1`;
  const first = (await server.get(path)).json.metadata;
  await server.delete(`${CONFIG_MAPS}/b`);
  await compact();
  const gone = await server.get(`${path}&continue=${first.continue}`);
  expect([gone.status, gone.json.reason]).toEqual([410, 'Expired']);
  const rest = await server.get(`${path}&continue=${gone.json.metadata.continue}`);
  expect(rest.json.items).toMatchObject([{ metadata: { name: 'c' } }]);
});

test('a watch from a compacted revision, and one from the future, are told to list again', async () => {
  const start = await revision();
  await server.post(POOLS, pool('a'));
  await compact();
  for (const from of [start, '999999']) {
    const watch = await server.watch(`${POOLS}?watch=1&resourceVersion=${from}`);
    const [event, ...others] = await watch.take(2);
    expect(event).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
    expect(others).toEqual([]);
  }
  const future = await server.get(`${POOLS}?resourceVersion=999999`);
  expect([future.status, future.json.reason]).toEqual([504, 'Timeout']);
});

test('bookmarks come by the clock to those who asked', async () => {
  const plain = await server.watch(`${POOLS}?watch=1`);
  const watch = await server.watch(`${POOLS}?watch=1&allowWatchBookmarks=true`);
  await server.post(CONFIG_MAPS, configMap('a'));
  const resourceVersion = await revision();
  clock.leap(30_000);
  const [bookmark] = await watch.take(1);
  expect(bookmark).toEqual({
    type: 'BOOKMARK',
    object: {
      kind: 'IPPool',
      apiVersion: 'projectcalico.org/v3',
      metadata: { resourceVersion, creationTimestamp: null },
    },
  });
  await server.post(POOLS, pool('p'));
  expect(seen(await plain.take(1))).toEqual(['ADDED p']);
  plain.close();
  watch.close();
});

test('sendInitialEvents=false begins with what comes next', async () => {
  await server.post(POOLS, pool('old'));
  const query = 'watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan';
  const watch = await server.watch(`${POOLS}?${query}`);
  await server.post(POOLS, pool('new'));
  expect(seen(await watch.take(1))).toEqual(['ADDED new']);
  watch.close();
});

test('a watch for a table has its columns once, and each object as a row', async () => {
  await server.post(POOLS, pool('a'));
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const watch = await server.watch(`${POOLS}?watch=1&timeoutSeconds=300`, { accept });
  await server.patch(`${POOLS}/a`, { spec: { disabled: true } });
  const [added, modified] = await watch.take(2);
  expect(added!.object).toMatchObject({
    kind: 'Table',
    columnDefinitions: expect.arrayContaining([expect.objectContaining({ name: 'CIDR' })]),
    rows: [{ cells: expect.arrayContaining(['a', '10.60.0.0/16']) }],
  });
  expect(modified!.object).toMatchObject({ columnDefinitions: null, rows: [{}] });
  watch.close();
});

test('a reader that pauses is sent all of it in order when it goes on, and others do not wait', async () => {
  const data = { x: 'x'.repeat(200_000) };
  const slow = await server.watch(`${CONFIG_MAPS}?watch=1`);
  const fast = await server.watch(`${CONFIG_MAPS}?watch=1`);
  await server.post(CONFIG_MAPS, configMap('a', data));
  // Far more than any socket's buffers hold.
  const count = 80;
  const following = fast.take(count + 1);
  for (let i = 0; i < count; i++)
    await server.patch(`${CONFIG_MAPS}/a`, { metadata: { labels: { i: `${i}` } } });
  expect(await following).toHaveLength(count + 1);
  const events = await slow.take(count + 1);
  expect(events.map(({ object }) => object.metadata.labels?.i)).toEqual([
    undefined,
    ...Array.from({ length: count }, (_, i) => `${i}`),
  ]);
  await server.post(CONFIG_MAPS, configMap('b'));
  expect(seen(await slow.take(1))).toEqual(['ADDED b']);
  slow.close();
  fast.close();
});

test('a reader that stays full is cut, and can go on from where it was', async () => {
  const data = { x: 'x'.repeat(500_000) };
  const watch = await server.watch(`${CONFIG_MAPS}?watch=1`);
  for (let i = 0; i < 30; i++) await server.post(CONFIG_MAPS, configMap(`m${i}`, data));
  clock.leap(30_000);
  const events = [];
  try {
    for (;;) {
      const [event] = await watch.take(1);
      if (event === undefined) break;
      events.push(event);
    }
  } catch (error) {
    expect((error as { code: string }).code).toBe('ECONNRESET');
  }
  expect(events.length).toBeLessThan(30);
  const from = events.at(-1)!.object.metadata.resourceVersion;
  const next = await server.watch(`${CONFIG_MAPS}?watch=1&resourceVersion=${from}`);
  const rest = await next.take(30 - events.length);
  expect(seen([...events, ...rest])).toEqual(Array.from({ length: 30 }, (_, i) => `ADDED m${i}`));
  next.close();
});

test('many writers and watchers: each watcher sees each change once, in order', async () => {
  const watches = await Promise.all(
    Array.from({ length: 10 }, () => server.watch(`${HANDLES}?watch=1`)),
  );
  const writers = Array.from({ length: 10 }, async (_, writer) => {
    for (let i = 0; i < 20; i++) {
      const name = `h-${writer}-${i}`;
      await server.post(HANDLES, { metadata: { name }, spec: { handleID: name, block: {} } });
    }
  });
  const views = await Promise.all(watches.map((watch) => watch.take(200)));
  await Promise.all(writers);
  const revisions = views.map((view) =>
    view.map(({ object }) => Number(object.metadata.resourceVersion)),
  );
  expect(new Set(revisions[0]).size).toBe(200);
  for (const one of revisions) expect(one).toEqual([...revisions[0]!].sort((a, b) => a - b));
  for (const watch of watches) watch.close();
});

test('events are forgotten after an hour', async () => {
  const events = '/api/v1/namespaces/default/events';
  const event = (name: string) => ({
    metadata: { name },
    involvedObject: { kind: 'Node', name: 'n1' },
    lastTimestamp: new Date(clock.now()).toISOString(),
  });
  await server.post(events, event('old'));
  clock.leap(50 * MINUTE_MS);
  await server.post(events, event('young'));
  clock.leap(15 * MINUTE_MS);
  const left = async () => (await server.get(events)).json.items;
  for (let i = 0; i < 3_000 && (await left()).length > 1; i++) await sleep(10);
  expect(await left()).toMatchObject([{ metadata: { name: 'young' } }]);
});

test('close ends the watches in order and answers what was asked', async () => {
  const watch = await server.watch(`${NODES}?watch=1`);
  await server.post(NODES, { metadata: { name: 'n1' } });
  expect(seen(await watch.take(1))).toEqual(['ADDED n1']);
  const asked = new Promise((resolve) => subscribe('http.server.request.start', resolve));
  const write = server.post(NODES, { metadata: { name: 'n2' } });
  await asked;
  await server.server.close();
  expect((await write).status).toBe(201);
  // To its end; the last write came too late for it, or not.
  expect((await watch.take(5)).length).toBeLessThan(2);
  await expect(server.get('/readyz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await server.start();
  expect((await server.get(`${NODES}/n2`)).status).toBe(200);
});
