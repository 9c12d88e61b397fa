/** Next hop objects of learned routes, in the real kernel, in a network namespace of its own. Needs root. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAddress, parsePrefix } from 'net-ipaddr';
import type { Operation } from 'rtnetlink-ts';
import { Felix } from '../../felix/felix.ts';
import { type Kernel, type Netlink, openKernel } from '../../felix/kernel.ts';
import { eventually, TestNamespace } from './namespace.ts';
import { realClock, TestLog } from './ports.ts';

const MANY = 500;
/** The lowest of ours. */
const FIRST = 80 * 2 ** 24;

let host: TestNamespace;
let stateDir: string;
let kernel: Kernel;
let felix: Felix;
/** Of routes and next hops, as they were sent. */
let sent: string[];

beforeEach(async () => {
  host = await TestNamespace.make();
  stateDir = await mkdtemp(join(tmpdir(), 'felix-'));
  await host.addCable('eth0', '192.0.2.1/24', '2001:db8::1/64');
  await host.addCable('eth1', '198.51.100.1/24');
});

afterEach(async () => {
  await stop();
  host.end();
  await rm(stateDir, { recursive: true });
});

async function start(): Promise<void> {
  const opened = openKernel(host.path);
  kernel = { ...opened, host: recorded(opened.host) };
  sent = [];
  felix = new Felix({
    kernel,
    clock: realClock,
    random: Math.random,
    log: new TestLog(),
    stateDir,
  });
  await felix.start();
  felix.setDatastoreInSync();
  await eventually(() => felix.inspect().inSync);
}

async function stop(): Promise<void> {
  await felix.close();
  kernel.host.close();
}

function recorded(netlink: Netlink): Netlink {
  const record = (operations: readonly Operation[]) => {
    for (const one of operations) {
      if ('route' in one) sent.push(`${one.action} route`);
      else if ('nextHop' in one)
        sent.push(`${one.action} ${one.nextHop.group ? 'group' : 'next hop'}`);
    }
    return operations;
  };
  return new Proxy(netlink, {
    get(target, name) {
      if (name === 'batch' || name === 'batchOffLoop')
        return (operations: Iterable<Operation>) => target[name](record([...operations]));
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function learn(...routes: string[]): void {
  felix.updateLearned(
    routes.map((text) => {
      const [prefix, , ...hops] = text.split(' ');
      return { prefix: parsePrefix(prefix!), nextHops: hops.map(parseAddress) };
    }),
  );
}

function learnMany(nextHops: string): void {
  for (let i = 0; i < MANY; i++) learn(`10.${60 + (i >> 8)}.${i & 255}.0/24 via ${nextHops}`);
}

/** The distinct ways of our routes, without their prefixes: `nhid 7 via 192.0.2.2 dev eth0`. */
async function ways(): Promise<string[]> {
  const shown = await host.ip('-o route show proto 80');
  const lines = shown.split('\n').filter((line) => line !== '');
  const each = lines.map((line) =>
    line
      .replace(/^\S+ /, '')
      .replaceAll(/\\\t|\s+/g, ' ')
      .trim(),
  );
  return [...new Set(each)];
}

/** All our routes, so many, go by these gateways. */
async function allBy(count: number, ...gateways: string[]): Promise<void> {
  await eventually(
    async () => {
      const lines = (await host.ip('-o route show proto 80')).split('\n').slice(0, -1);
      const by = (line: string) => [...line.matchAll(/ via (\S+)/g)].map(([, via]) => via).join();
      return lines.length === count && lines.every((line) => by(line) === gateways.join());
    },
    () => ways(),
  );
}

async function objects(): Promise<string[]> {
  const shown = await host.ip('nexthop show');
  return shown.split('\n').flatMap((line) => (line === '' ? [] : line.trim()));
}

async function written(): Promise<void> {
  await eventually(() => felix.inspect().routes.pending === 0);
}

test('routes by the same next hops are by one object, those by others by another', async () => {
  await start();
  learn('10.1.0.0/16 via 192.0.2.2', '10.2.0.0/16 via 192.0.2.2');
  learn('10.3.0.0/16 via 192.0.2.2 198.51.100.2', 'fd01::/64 via 2001:db8::2');
  await written();
  const shown = (await host.ip('route show proto 80')) + (await host.ip('-6 route show proto 80'));
  const ids = [...shown.matchAll(/^(\S+) nhid (\d+)/gm)].map(([, prefix, id]) => [prefix, id]);
  const byPrefix = Object.fromEntries(ids);
  expect(byPrefix['10.1.0.0/16']).toBe(byPrefix['10.2.0.0/16']);
  expect(new Set(Object.values(byPrefix)).size).toBe(3);
  // Two gateways of IPv4, of which one is in two groups, and one of IPv6.
  expect((await objects()).filter((line) => line.includes(' via '))).toHaveLength(3);
  expect((await objects()).every((line) => line.endsWith('proto 80'))).toBe(true);
});

describe('the way to next hops is another', () => {
  beforeEach(async () => {
    await host.ip(
      'route add 203.0.113.0/24 nexthop via 192.0.2.2 dev eth0 nexthop via 198.51.100.2 dev eth1',
    );
    await start();
    learnMany('203.0.113.9');
    await allBy(MANY, '192.0.2.2', '198.51.100.2');
    await written();
    sent = [];
  });

  test('a dead gateway is one message, however many routes go by it', async () => {
    await host.ip('route replace 203.0.113.0/24 via 198.51.100.2 dev eth1');
    await allBy(MANY, '198.51.100.2');
    await felix.resync();
    await written();
    expect(sent).toEqual(['delete next hop']);
  });

  test('another gateway: one message moves all routes', async () => {
    await host.ip('route replace 203.0.113.0/24 via 192.0.2.7 dev eth0');
    await allBy(MANY, '192.0.2.7');
    await felix.resync();
    await written();
    expect(sent.sort()).toEqual([
      'add next hop',
      'delete next hop',
      'delete next hop',
      'replace group',
    ]);
  });

  test('a link that goes down, or loses its carrier, takes its share at once; one that comes back has it again', async () => {
    for (const link of ['eth1', 'eth1p']) {
      await host.ip(`link set ${link} down`);
      await allBy(MANY, '192.0.2.2');
      await host.ip(`link set ${link} up`);
      // Lost with the link, it is not the kernel's to bring back.
      if (link === 'eth1')
        await host.ip(
          'route replace 203.0.113.0/24 nexthop via 192.0.2.2 dev eth0 nexthop via 198.51.100.2 dev eth1',
        );
      await allBy(MANY, '192.0.2.2', '198.51.100.2');
    }
    await written();
    expect(sent.filter((one) => one.endsWith('route'))).toEqual([]);
  });
});

test.each([
  ['groups, by which routes go too', 'nexthop flush proto 80'],
  ['a group', `nexthop del id ${FIRST}`],
  ['a member', `nexthop del id ${FIRST + 1}`],
  ['what a group leads by', `nexthop replace id ${FIRST} group 7 proto 80`],
])('by hand: %s. It is repaired', async (_, command) => {
  await host.ip('nexthop add id 7 via 192.0.2.77 dev eth0');
  await start();
  learnMany('192.0.2.2');
  learn('fd01::/64 via 2001:db8::2');
  await allBy(MANY, '192.0.2.2');
  await written();
  await host.ip(command);
  await allBy(MANY, '192.0.2.2');
  await eventually(async () => (await host.ip('-6 route show proto 80')).includes('2001:db8::2'));
  // A stranger's stays as it was.
  expect(await objects()).toContain('id 7 via 192.0.2.77 dev eth0 scope link');
});

test('a link without a carrier takes routes with it, in silence, and gives them back', async () => {
  await start();
  learnMany('192.0.2.2');
  await allBy(MANY, '192.0.2.2');
  await host.ip('link set eth0p down');
  await allBy(0);
  await eventually(() => felix.inspect().routes.failing === MANY);
  expect(felix.inspect().failed[0]!.reason).toMatch(/next hop .* 192\.0\.2\.2 .*ENETDOWN/);
  await host.ip('link set eth0p up');
  await allBy(MANY, '192.0.2.2');
});

test('a restart finds its objects, and writes nothing', async () => {
  await host.ip('route add 203.0.113.0/24 via 192.0.2.2');
  const learnAll = () => {
    // Two sets, which lead the same way: each has its own back.
    learn('10.1.0.0/16 via 203.0.113.1', '10.2.0.0/16 via 203.0.113.2');
    learn('10.3.0.0/16 via 192.0.2.2 198.51.100.2');
  };
  await start();
  learnAll();
  await written();
  const before = [await ways(), await objects()];
  await stop();

  await start();
  learn('10.2.0.0/16 via 203.0.113.2');
  learnAll();
  felix.setLearnedInSync();
  await written();
  await felix.resync();
  await written();
  expect(sent).toEqual([]);
  expect([await ways(), await objects()]).toEqual(before);
});

test('routes that an older agent wrote with their gateways are each replaced in one message', async () => {
  await host.ip('route add 10.1.0.0/16 via 192.0.2.2 proto 80 metric 1024');
  await host.ip('-6 route add fd01::/64 via 2001:db8::2 proto 80 metric 1024');
  await start();
  learn('10.1.0.0/16 via 192.0.2.2', 'fd01::/64 via 2001:db8::2');
  await written();
  expect(sent.filter((one) => one.endsWith('route'))).toEqual(['replace route', 'replace route']);
  expect(await ways()).toEqual([expect.stringMatching(/^nhid \d+ via 192\.0\.2\.2 dev eth0/)]);
});

test('what no route is by any more goes with the next look, and others’ never', async () => {
  // Of our protocol, of our ids, of neither.
  const theirs = [
    'id 7 via 192.0.2.2 dev eth0 scope link',
    'id 8 via 192.0.2.2 dev eth0 scope link proto 80',
    `id ${FIRST} via 192.0.2.2 dev eth0 scope link proto static`,
  ];
  for (const line of theirs) await host.ip(`nexthop add ${line.replace(' scope link', '')}`);
  await start();
  learn('10.1.0.0/16 via 192.0.2.2', '10.2.0.0/16 via 192.0.2.3');
  await written();
  expect(await objects()).toHaveLength(7);
  learn('10.1.0.0/16 via', '10.2.0.0/16 via');
  await written();
  await felix.resync();
  await eventually(
    async () => (await objects()).length === 3,
    () => objects(),
  );
  expect(await objects()).toEqual(theirs);
});
