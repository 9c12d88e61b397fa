import { IPPool } from '../../api/index.ts';
import type { Log } from '../../ports.ts';
import type { Page } from '../../src/datastore/client.ts';
import { DatastoreError, Reflector, type ReflectorOptions } from '../../src/datastore/index.ts';
import { settle, VirtualClock } from './virtual-clock.ts';

const pool = (name: string, resourceVersion: number, uid = `uid-${name}`): IPPool => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'IPPool',
  metadata: { name, uid, resourceVersion: String(resourceVersion) },
  spec: { cidr: '10.0.0.0/16' },
});

const event = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;
const bookmark = (revision: number) =>
  event('BOOKMARK', { metadata: { resourceVersion: String(revision) } });
const expired = () => new DatastoreError('Expired', 'too old');
const down = () => new DatastoreError('Unavailable', 'down');

/** A server that answers as the test says, and keeps what it was asked. */
class ScriptedServer {
  readonly lists: object[] = [];
  readonly watches: { resourceVersion: string; timeoutSeconds: number }[] = [];
  answers: (Page<IPPool> | Error)[] = [];
  refusals: Error[] = [];
  #deliver: ((item: Buffer | Error | undefined) => void) | undefined;
  #queue: (Buffer | Error | undefined)[] = [];
  closed = 0;

  async listPage(_type: unknown, options: object): Promise<never> {
    this.lists.push(options);
    const answer = this.answers.shift() ?? down();
    if (answer instanceof Error) throw answer;
    return answer as never;
  }

  async watch(_type: unknown, options: { resourceVersion: string; timeoutSeconds: number }) {
    this.watches.push(options);
    const refusal = this.refusals.shift();
    if (refusal) throw refusal;
    this.#queue = [];
    return {
      response: this.#chunks(),
      error: (object: unknown) => ((object as { code?: number }).code === 410 ? expired() : down()),
      close: () => {
        this.closed++;
        this.send(new Error('aborted'));
      },
    };
  }

  async *#chunks(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      if (this.#queue.length === 0)
        await new Promise<void>((resolve) => {
          this.#deliver = () => resolve();
        });
      const item = this.#queue.shift();
      if (item instanceof Error) throw item;
      if (item === undefined) return;
      yield item;
    }
  }

  /** Bytes; an Error breaks the connection, undefined ends it. */
  send(item: string | Error | undefined): void {
    this.#queue.push(typeof item === 'string' ? Buffer.from(item) : item);
    this.#deliver?.(undefined);
  }
}

let clock: VirtualClock;
let server: ScriptedServer;
let reflector: Reflector<IPPool>;
let seen: string[];
let logged: string[];

const keep = (_fields: object, message: string) => void logged.push(message);
const log: Log = { debug: keep, info: keep, warn: keep, error: keep, child: () => log };

function start(options: Partial<ReflectorOptions<IPPool>> = {}): void {
  reflector = new Reflector<IPPool>({
    store: server as unknown as ReflectorOptions<IPPool>['store'],
    type: IPPool,
    clock,
    random: () => 0.5,
    log,
    onChange: (kind, { metadata }, old) =>
      seen.push(
        `${kind} ${metadata.name} ${metadata.resourceVersion} ${old?.metadata.resourceVersion ?? '-'}`,
      ),
    onSynced: () => seen.push('synced'),
    ...options,
  });
}

beforeEach(() => {
  clock = new VirtualClock();
  server = new ScriptedServer();
  seen = [];
  logged = [];
});
afterEach(async () => {
  reflector.close();
  await settle();
  expect(clock.pending).toBe(0);
});

test('pages, then synced once, then events; chunks may cut anywhere', async () => {
  server.answers = [
    { items: [pool('a', 1), pool('b', 2)], resourceVersion: '10', continue: 'more' },
    { items: [pool('c', 3)], resourceVersion: '10' },
  ];
  start();
  await settle();
  expect(seen).toEqual(['added a 1 -', 'added b 2 -', 'added c 3 -', 'synced']);
  expect(server.lists).toEqual([
    expect.objectContaining({ limit: 500 }),
    expect.objectContaining({ limit: 500, continue: 'more' }),
  ]);
  expect(server.watches).toEqual([
    expect.objectContaining({ resourceVersion: '10', timeoutSeconds: 450 }),
  ]);

  seen.length = 0;
  const bytes =
    event('ADDED', pool('d', 11)) +
    event('MODIFIED', pool('a', 12)) +
    event('DELETED', pool('b', 13));
  for (const char of bytes) server.send(char);
  await settle();
  for (let i = 0; i < 50; i++) await settle();
  expect(seen).toEqual(['added d 11 -', 'updated a 12 1', 'deleted b 13 2']);
  expect([...reflector.list()].map(({ metadata }) => metadata.name)).toEqual(['a', 'c', 'd']);
  expect(reflector.get('a')?.metadata.resourceVersion).toBe('12');
  expect(reflector.get('b')).toBeUndefined();
});

test('after a break the watch goes on from the last event or bookmark, without a list', async () => {
  server.answers = [{ items: [], resourceVersion: '10' }];
  start();
  await settle();
  server.send(event('ADDED', pool('a', 11)) + bookmark(20));
  await settle();
  server.send(new Error('socket hang up'));
  await clock.advance(1000);
  expect(server.watches.map(({ resourceVersion }) => resourceVersion)).toEqual(['10', '20']);
  server.send(event('ADDED', pool('a', 11)));
  await settle();
  expect(seen).toEqual(['synced', 'added a 11 -']);
  expect(server.lists).toHaveLength(1);
});

test('410, in an event or at the start of a watch, lists again and reports the difference', async () => {
  server.answers = [
    { items: [pool('a', 1), pool('b', 2), pool('c', 3)], resourceVersion: '10' },
    { items: [pool('a', 1), pool('b', 12, 'another'), pool('d', 13)], resourceVersion: '20' },
    { items: [pool('d', 21)], resourceVersion: '30' },
  ];
  start();
  await settle();
  seen.length = 0;
  server.send(event('ERROR', { kind: 'Status', code: 410, reason: 'Expired' }));
  await clock.advance(1000);
  expect(seen).toEqual(['deleted b 2 2', 'added b 12 -', 'added d 13 -', 'deleted c 3 3']);

  seen.length = 0;
  server.refusals = [expired()];
  server.send(undefined);
  await clock.advance(2000);
  expect(seen).toEqual(['updated d 21 13', 'deleted a 1 1', 'deleted b 12 12']);
  expect(server.watches.at(-1)?.resourceVersion).toBe('30');
});

test('pages that expire are read again in one piece', async () => {
  server.answers = [
    { items: [pool('a', 1)], resourceVersion: '10', continue: 'more' },
    expired(),
    { items: [pool('b', 2)], resourceVersion: '20' },
  ];
  start();
  await settle();
  expect(seen).toEqual(['added a 1 -', 'added b 2 -', 'deleted a 1 1', 'synced']);
  expect(server.lists.at(-1)).not.toHaveProperty('limit');
});

test('a silent watch is given up; one with bookmarks is not', async () => {
  server.answers = [{ items: [], resourceVersion: '10' }];
  start({ silenceMs: 60_000 });
  await settle();
  for (let i = 1; i <= 5; i++) {
    await clock.advance(50_000);
    server.send(bookmark(10 + i));
    await settle();
  }
  expect(server.watches).toHaveLength(1);
  await clock.advance(61_000);
  expect(logged).toEqual(['ippools: the watch was silent for 60 s']);
  expect(server.watches.map(({ resourceVersion }) => resourceVersion)).toEqual(['10', '15']);
});

test('while the server is down the waits grow to 30 s and vary; an event resets them', async () => {
  const at: number[] = [];
  start({ random: () => 0 });
  const listPage = server.listPage.bind(server);
  server.listPage = async (...args) => {
    at.push(clock.monotonic());
    return listPage(...args);
  };
  await clock.advance(200_000);
  const waits = at.slice(1).map((time, i) => time - at[i]!);
  expect(waits.slice(0, 10)).toEqual([200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000, 15000]);
  expect(logged[0]).toBe('ippools: down');

  server.answers = [{ items: [], resourceVersion: '10' }];
  await clock.advance(15_000);
  server.send(bookmark(11));
  await settle();
  const broken = clock.monotonic();
  server.refusals = [down()];
  server.send(new Error('reset'));
  await clock.advance(99);
  expect(server.watches).toHaveLength(1);
  await clock.advance(1);
  expect(server.watches).toHaveLength(2);
  expect(clock.monotonic() - broken).toBe(100);
});

test('a server that ends every watch at once is not asked in a tight loop', async () => {
  server.answers = [{ items: [], resourceVersion: '10' }];
  start();
  const watch = server.watch.bind(server);
  server.watch = async (...args) => {
    const stream = await watch(...args);
    server.send(undefined);
    return stream;
  };
  await clock.advance(60_000);
  expect(server.watches.length).toBeGreaterThan(3);
  expect(server.watches.length).toBeLessThan(12);
});

test.each([
  ['a line that is not JSON', '{"type":\n'],
  ['a line without end', 'x'.repeat(17 * 1024 * 1024)],
  ['an event without an object', '{"type":"ADDED"}\n'],
])('%s breaks the watch, which starts anew', async (_what, bytes) => {
  server.answers = [{ items: [], resourceVersion: '10' }];
  start();
  await settle();
  server.send(bytes);
  await clock.advance(1000);
  expect(logged).toHaveLength(1);
  expect(server.watches).toHaveLength(2);
});

test('a listener that throws is logged, and the copy goes on', async () => {
  server.answers = [{ items: [pool('a', 1)], resourceVersion: '10' }];
  start({
    onChange: () => {
      throw new Error('mine');
    },
  });
  await settle();
  server.send(event('ADDED', pool('b', 11)));
  await settle();
  expect(reflector.size).toBe(2);
  expect(logged).toEqual(['ippools: a listener failed', 'ippools: a listener failed']);
});

test('no callback comes after close', async () => {
  server.answers = [{ items: [pool('a', 1)], resourceVersion: '10' }];
  start();
  await settle();
  seen.length = 0;
  server.send(event('ADDED', pool('b', 11)));
  reflector.close();
  await settle();
  expect(seen).toEqual([]);
  expect(server.closed).toBeGreaterThan(0);
});
