/** StayRTR, an RPKI cache that operators run, on a port of the loopback. Needs Debian's stayrtr. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrefixTable, parsePrefix } from 'net-ipaddr';
import type { CacheStatus } from '../../../bgp/rpki/cache.ts';
import { Caches } from '../../../bgp/rpki/caches.ts';
import { Schedule } from '../../../bgp/schedule.ts';
import { tcpTransport } from '../../../bgp/transport/tcp.ts';
import { systemClock } from '../../../src/system.ts';
import { freePort } from '../../free-port.ts';
import { recordingLog } from '../session/world.ts';

const ADDRESS = '127.0.0.1';
const DEADLINE_MS = 60_000;
const TEST_MS = 3 * DEADLINE_MS;

let folder: string;
let port: number;
let server: ChildProcess | undefined;
let caches: Caches;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-stayrtr-'));
  port = await freePort();
  const clock = systemClock;
  caches = new Caches({
    clock,
    random: Math.random,
    schedule: new Schedule(clock, (fn) => void setImmediate(fn)),
    transport: tcpTransport(clock),
    log: recordingLog(),
    changed() {},
    closing: () => () => {},
  });
});

afterEach(async () => {
  caches.set([]);
  await stop();
  rmSync(folder, { recursive: true });
});

/** Payloads as `192.0.2.0/24-26 AS 65001`; the server looks at them every second. */
function publish(...payloads: string[]): void {
  const roas = payloads.map((text) => {
    const [, prefix, maxLength, as] = /^(.+)-(\d+) AS (\d+)$/.exec(text)!;
    return { prefix, maxLength: Number(maxLength), asn: Number(as) };
  });
  writeFileSync(join(folder, 'vrps.json'), JSON.stringify({ metadata: {}, roas }));
}

function serve(protocol: 0 | 1): void {
  const options = {
    bind: `${ADDRESS}:${port}`,
    cache: join(folder, 'vrps.json'),
    checktime: false,
    refresh: 1,
    protocol,
    'metrics.addr': `${ADDRESS}:0`,
  };
  const flags = Object.entries(options).map(([name, value]) => `-${name}=${value}`);
  server = spawn('stayrtr', flags, { stdio: 'ignore' });
}

async function stop(): Promise<void> {
  const running = server;
  server = undefined;
  if (running?.exitCode !== null) return;
  running.kill();
  await once(running, 'exit');
}

const second = (): number => Math.floor(Date.now() / 1000);

const status = (): CacheStatus => caches.status[0]!;

async function until(what: string, holds: () => boolean): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  while (!holds()) {
    if (performance.now() > endMs)
      throw new Error(`waited in vain for ${what}: ${JSON.stringify(status())}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function validity(route: string, as: number): string {
  const routes = new PrefixTable(1);
  return caches.table!.validity(routes, routes.intern(parsePrefix(route)), as);
}

test(
  'version 1: everything, then what changes, by a Serial Notify',
  async () => {
    publish('192.0.2.0/24-26 AS 65001', '2001:db8::/32-48 AS 4200000001');
    serve(1);
    caches.set([{ address: ADDRESS, port }]);
    await until('the payloads', () => status().vrps === 2);
    expect(status()).toMatchObject({ phase: 'synchronised', version: 1, lastError: undefined });
    expect(validity('192.0.2.64/26', 65001)).toBe('valid');
    expect(validity('2001:db8:1::/48', 4200000001)).toBe('valid');
    expect(validity('2001:db8:1::/49', 4200000001)).toBe('invalid');
    const { sessionId, serial } = status();

    publish(
      '192.0.2.0/24-24 AS 65001',
      '2001:db8::/32-48 AS 4200000001',
      '198.51.100.0/24-24 AS 0',
    );
    await until('the change', () => status().vrps === 3);
    expect(status()).toMatchObject({ sessionId, serial: serial! + 1 });
    expect(validity('192.0.2.64/26', 65001)).toBe('invalid');
    expect(validity('198.51.100.0/24', 65001)).toBe('invalid');
  },
  TEST_MS,
);

test(
  'a server that was restarted has another session: its payloads take the place of the old',
  async () => {
    publish('192.0.2.0/24-26 AS 65001');
    serve(1);
    caches.set([{ address: ADDRESS, port }]);
    await until('the payloads', () => status().vrps === 1);
    const { sessionId } = status();
    const answered = second();
    await stop();
    await until('the loss', () => status().phase === 'disconnected');
    expect(validity('192.0.2.0/24', 65001)).toBe('valid');
    publish('192.0.2.0/24-24 AS 65009', '198.51.100.0/24-24 AS 65009');
    // StayRTR draws its session ID by the second it starts in: one more start in it would be the same session.
    await until('a later second', () => second() > answered);
    serve(1);
    await until('the other payloads', () => status().vrps === 2);
    expect(status().sessionId).not.toBe(sessionId);
    expect(validity('192.0.2.0/24', 65009)).toBe('valid');
    expect(validity('192.0.2.0/24', 65001)).toBe('invalid');
  },
  TEST_MS,
);

test(
  'version 0, when the server knows no other',
  async () => {
    publish('192.0.2.0/24-26 AS 65001');
    serve(0);
    caches.set([{ address: ADDRESS, port }]);
    await until('the payloads', () => status().vrps === 1);
    expect(status()).toMatchObject({ phase: 'synchronised', version: 0 });
  },
  TEST_MS,
);
