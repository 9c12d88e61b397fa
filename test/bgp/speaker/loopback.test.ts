/** Speakers over the kernel's TCP, on loopback addresses and free ports. */

import { createServer } from 'node:net';
import { formatAddress, formatPrefix } from 'net-ipaddr';
import { type PeerConfig, Speaker, type SpeakerConfig } from '../../../bgp/speaker.ts';
import type { Clock } from '../../../ports.ts';
import { recordingLog } from '../session/world.ts';

const clock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

const DEADLINE_MS = 30_000;
const running: Speaker[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((speaker) => speaker.close({ forGood: false })));
});

/** A speaker that listens on `address`, and the port that it got. */
async function start(
  address: string,
  routerId: string,
  originations: string[],
): Promise<{ speaker: Speaker; config: SpeakerConfig; port: number; table: Map<string, string> }> {
  const speaker = new Speaker({ clock, random: Math.random, log: recordingLog() });
  running.push(speaker);
  const table = new Map<string, string>();
  speaker.onRoutes((ids, count, routes) => {
    for (const id of ids.subarray(0, count)) {
      const prefix = formatPrefix(routes.prefix(id));
      if (!routes.hasRoute(id)) table.delete(prefix);
      else table.set(prefix, routes.nextHops(id).map(formatAddress).join(' '));
    }
  });
  const config: SpeakerConfig = {
    localAs: 64512,
    routerId,
    listen: [{ address, port: 0 }],
    peers: [],
    originations: originations.map((prefix) => ({ prefix })),
  };
  speaker.configure(config);
  await until(() => speaker.inspect().listeners[0]!.isListening);
  return { speaker, config, port: speaker.inspect().listeners[0]!.port, table };
}

async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`not within ${DEADLINE_MS} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const everything = { importPolicy: 'all', exportPolicy: 'all' } as const;

test.each([
  ['IPv4', '127.0.1.1', '127.0.1.2'],
  // There is but one IPv6 loopback address: told apart by port.
  ['IPv6', '::1', '::1'],
])('routes of both families over %s, from both who dial each other', async (_, here, there) => {
  const own = { localAddress4: '192.0.2.1', localAddress6: '2001:db8::1' };
  const other = { localAddress4: '192.0.2.2', localAddress6: '2001:db8::2' };
  const a = await start(here, '10.0.0.1', ['10.1.0.0/26', 'fd00:1::/122']);
  const b = await start(there, '10.0.0.2', ['10.2.0.0/26', 'fd00:2::/122']);
  const peer = (address: string, port: number, more: Partial<PeerConfig>): PeerConfig => ({
    name: 'peer',
    address,
    port,
    remoteAs: 64512,
    ...everything,
    ...more,
  });
  a.speaker.configure({
    ...a.config,
    peers: [peer(there, b.port, { sourceAddress: here, ...own })],
  });
  b.speaker.configure({
    ...b.config,
    peers: [peer(here, a.port, { sourceAddress: there, ...other })],
  });
  expect(await a.speaker.whenConverged(DEADLINE_MS)).toBe(true);
  expect(await b.speaker.whenConverged(DEADLINE_MS)).toBe(true);
  expect(Object.fromEntries(a.table)).toMatchObject({
    '10.2.0.0/26': '192.0.2.2',
    'fd00:2::/122': '2001:db8::2',
  });
  expect(Object.fromEntries(b.table)).toMatchObject({
    '10.1.0.0/26': '192.0.2.1',
    'fd00:1::/122': '2001:db8::1',
  });
  const [session] = a.speaker.inspect().peers;
  expect(session).toMatchObject({
    state: 'Established',
    negotiated: { localAddress: here, remoteAddress: there, families: [4, 6] },
  });

  await a.speaker.close({ forGood: true });
  await until(() => b.table.size === 2);
  expect(b.speaker.inspect().peers[0]!.lastNotification).toMatchObject({
    name: 'Cease / Hard Reset: Cease / Administrative Shutdown',
  });
});

test('a peer that nobody listens for, a port that is taken, a name where an address should be', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen({ host: '127.0.2.1', port: 0 }, resolve));
  const { port } = taken.address() as { port: number };
  const a = await start('127.0.2.2', '10.0.0.1', []);
  a.speaker.configure({
    ...a.config,
    listen: [{ address: '127.0.2.1', port }],
    peers: [{ name: 'nobody', address: '127.0.2.3', port: 1, remoteAs: 64512, ...everything }],
  });
  await until(() => a.speaker.inspect().listeners[0]!.error !== undefined);
  expect(a.speaker.inspect().listeners[0]!.error).toContain('EADDRINUSE');
  await until(() => a.speaker.inspect().peers[0]!.lastError !== undefined);
  expect(a.speaker.inspect().peers[0]!.lastError!.name).toContain('ECONNREFUSED');
  await new Promise((resolve) => taken.close(resolve));
  await until(() => a.speaker.inspect().listeners[0]!.isListening);
});

test('a table of 20,000 routes arrives whole, and goes when the session does', async () => {
  const blocks = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  const a = await start('127.0.3.1', '10.0.0.1', []);
  const b = await start('127.0.3.2', '10.0.0.2', blocks);
  const peer = { name: 'peer', remoteAs: 64512, ...everything };
  const source = { sourceAddress: '127.0.3.1', address: '127.0.3.2', port: b.port };
  a.speaker.configure({ ...a.config, peers: [{ ...peer, ...source }] });
  b.speaker.configure({ ...b.config, peers: [{ ...peer, address: '127.0.3.1', passive: true }] });
  expect(await a.speaker.whenConverged(DEADLINE_MS)).toBe(true);
  expect(a.table.size).toBe(20_000);
  expect(blocks.every((block) => a.table.get(block) === '127.0.3.2')).toBe(true);
  expect(a.speaker.inspect().peers[0]!.routes).toMatchObject({
    received: 20_000,
    accepted: 20_000,
  });
  await b.speaker.close({ forGood: true });
  await until(() => a.table.size === 0);
  expect([...a.speaker.routes()]).toEqual([]);
});
