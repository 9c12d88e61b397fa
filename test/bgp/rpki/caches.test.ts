/** Caches as servers on a virtual network: what is asked of them, and what of their answers counts, when. */

import { PrefixTable, parsePrefix } from 'net-ipaddr';
import type { CacheStatus } from '../../../bgp/rpki/cache.ts';
import { Caches } from '../../../bgp/rpki/caches.ts';
import { Schedule } from '../../../bgp/schedule.ts';
import { recordingLog, World } from '../session/world.ts';
import { PORT, RpkiServer } from './server.ts';

const SERVER = '10.0.0.9';
const SOON_MS = 3_000;

let world: World;
let server: RpkiServer;
let caches: Caches;
let changes: number;
let open: number;

beforeEach(() => {
  world = new World();
  const { clock, random, immediate } = world;
  server = new RpkiServer(world.host(SERVER), SERVER);
  server.payloads = ['192.0.2.0/24-24 AS 65001', '198.51.100.0/24-26 AS 65002'];
  changes = 0;
  open = 0;
  const around = {
    clock,
    random,
    schedule: new Schedule(clock, immediate),
    transport: world.host('10.0.0.1'),
    log: recordingLog(),
    changed: () => void changes++,
    closing: () => {
      open++;
      return () => void open--;
    },
  };
  caches = new Caches(around);
  caches.set([{ address: SERVER, port: PORT }]);
});

const prefixes = new PrefixTable(1);
const validity = (route: string, as: number) =>
  caches.table!.validity(prefixes, prefixes.intern(parsePrefix(route)), as);
const status = (): CacheStatus => caches.status[0]!;

test('what the cache has told counts', () => {
  world.run(SOON_MS);
  expect(status()).toMatchObject({
    phase: 'synchronised',
    version: 1,
    sessionId: 1,
    serial: 1,
    vrps: 2,
    lastError: undefined,
  });
  expect(validity('192.0.2.0/24', 65001)).toBe('valid');
  expect(validity('192.0.2.0/24', 65002)).toBe('invalid');
  expect(changes).toBe(1);
});

test('what changes is asked for and told as a difference', () => {
  world.run(SOON_MS);
  server.serial = 2;
  server.changes.set(1, ['-192.0.2.0/24-24 AS 65001', '+192.0.2.0/24-24 AS 65003']);
  server.notify();
  world.run(100);
  expect(server.asked).toEqual(['reset', 'serial 1']);
  expect(status()).toMatchObject({ serial: 2, vrps: 2 });
  expect(validity('192.0.2.0/24', 65003)).toBe('valid');
  expect(validity('198.51.100.0/24', 65002)).toBe('valid');
});

test('without a notice it is asked after the refresh interval, and nothing new is no change', () => {
  world.run(SOON_MS + 3600_000);
  expect(server.asked).toEqual(['reset', 'serial 1']);
  expect(changes).toBe(1);
});

test('a cache that has forgotten what we know tells everything again, and what stays stays', () => {
  world.run(SOON_MS);
  server.serial = 9;
  server.payloads = ['198.51.100.0/24-26 AS 65002'];
  server.notify();
  world.run(100);
  expect(server.asked).toEqual(['reset', 'serial 1', 'reset']);
  expect(status()).toMatchObject({ serial: 9, vrps: 1 });
  expect(validity('192.0.2.0/24', 65001)).toBe('not-found');
});

test('a cache that only speaks version 0', () => {
  server.version = 0;
  world.run(SOON_MS);
  expect(server.asked).toEqual(['reset', 'reset']);
  expect(status()).toMatchObject({ phase: 'synchronised', version: 0, vrps: 2 });
});

test('a cache without data is asked again after the retry interval', () => {
  server.hasData = false;
  world.run(SOON_MS);
  expect(status()).toMatchObject({ phase: 'waiting', vrps: 0 });
  server.hasData = true;
  world.run(600_000);
  expect(server.asked).toEqual(['reset', 'reset']);
  expect(status()).toMatchObject({ phase: 'synchronised', vrps: 2 });
});

test('while a cache is away, what it has told counts until it expires', () => {
  world.run(SOON_MS);
  server.close();
  world.run(7_190_000);
  expect(status()).toMatchObject({ phase: 'disconnected', vrps: 2 });
  expect(validity('192.0.2.0/24', 65002)).toBe('invalid');
  world.run(10_000);
  expect(status()).toMatchObject({ vrps: 0, sessionId: undefined });
  expect(validity('192.0.2.0/24', 65002)).toBe('not-found');
  expect(changes).toBe(2);
});

test('a cache that comes back soon is asked only for what has changed', () => {
  world.run(SOON_MS);
  server.close();
  server = new RpkiServer(world.host(SERVER), SERVER);
  world.run(5_000);
  expect(server.asked).toEqual(['serial 1']);
  expect(status()).toMatchObject({ phase: 'synchronised', vrps: 2, lastError: undefined });
});

test('another session under the same address: the old data goes, the new comes', () => {
  world.run(SOON_MS);
  server.sessionId = 2;
  server.payloads = ['192.0.2.0/24-24 AS 65007'];
  server.notify();
  world.run(5_000);
  expect(server.asked).toEqual(['reset', 'error 0', 'reset']);
  expect(status()).toMatchObject({ sessionId: 2, vrps: 1 });
  expect(validity('192.0.2.0/24', 65007)).toBe('valid');
});

test('an answer that is wrong is void, and is asked for again', () => {
  server.payloads = ['192.0.2.0/24-24 AS 65001', '192.0.2.0/24-24 AS 65001'];
  world.run(500);
  expect(server.asked).toEqual(['reset', 'error 7']);
  expect(status()).toMatchObject({ phase: 'disconnected', vrps: 0 });
  expect(status().lastError).toMatch('announced already');
  server.payloads = ['192.0.2.0/24-24 AS 65001'];
  world.run(SOON_MS);
  expect(status()).toMatchObject({ phase: 'synchronised', vrps: 1 });
});

test('a stream of nonsense ends the connection', () => {
  world.run(SOON_MS);
  server.write(new Uint8Array(64).fill(0xff));
  world.run(10);
  expect(server.asked).toEqual(['reset', 'error 0']);
  expect(status()).toMatchObject({ phase: 'disconnected', vrps: 2 });
});

test('attempts in vain come later and later, a minute apart at most', () => {
  world.run(SOON_MS);
  server.close();
  const before = world.nowMs;
  let attempts = 0;
  world.host(SERVER).listen(
    { address: SERVER, port: PORT },
    {
      listening() {},
      failed() {},
      incoming(stream) {
        attempts++;
        stream.destroy();
      },
    },
  );
  world.run(600_000);
  expect(world.nowMs - before).toBe(600_000);
  expect(attempts).toBeGreaterThan(10);
  expect(attempts).toBeLessThan(22);
});

test('a server that does not answer at all', () => {
  world.cut('10.0.0.1', SERVER);
  world.run(11_000);
  expect(status()).toMatchObject({
    phase: 'disconnected',
    lastError: 'the server does not answer',
  });
  world.mend('10.0.0.1', SERVER);
  world.run(20_000);
  expect(status().phase).toBe('synchronised');
});

test('a server that is configured no more: its data goes, and its connection; another one stays', () => {
  const other = new RpkiServer(world.host('10.0.0.8'), '10.0.0.8');
  other.payloads = ['192.0.2.0/24-24 AS 65001'];
  const both = [SERVER, '10.0.0.8'].map((address) => ({ address, port: PORT }));
  caches.set(both);
  world.run(SOON_MS);
  expect(caches.status.map(({ vrps }) => vrps)).toEqual([2, 1]);
  caches.set(both.slice(1));
  expect(validity('192.0.2.0/24', 65001)).toBe('valid');
  expect(validity('198.51.100.0/24', 65002)).toBe('not-found');
  world.run(SOON_MS);
  expect(open).toBe(0);
  expect(other.asked).toEqual(['reset']);
  expect(caches.status).toHaveLength(1);
});
