/**
 * What others do to the host's routes is repaired within one pass, by the real kernel, in network namespaces of
 * its own. Needs root. Tunnels, neighbours and forwarding entries: tunnel/vxlan.test.ts; nftables: nat/nat.test.ts.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import { type NetlinkEvent, openNetlink } from 'rtnetlink-ts';
import { Felix, hostInterfaceOf } from '../../felix/felix.ts';
import { type Kernel, openKernel } from '../../felix/kernel.ts';
import { deaf } from './deaf.ts';
import { eventually, TestNamespace } from './namespace.ts';
import { pod } from './pod.ts';
import { realClock, TestLog } from './ports.ts';

const POD = hostInterfaceOf('default', 'a');

let host: TestNamespace;
let a: TestNamespace;
let stateDir: string;
let kernel: Kernel;
let felix: Felix;
let log: TestLog;

beforeEach(async () => {
  [host, a] = [await TestNamespace.make(), await TestNamespace.make()];
  stateDir = await mkdtemp(join(tmpdir(), 'felix-'));
  kernel = openKernel(host.path);
  await host.addCable('eth0', '192.0.2.1/24', '2001:db8::1/64');
});

afterEach(async () => {
  await felix.close();
  kernel.host.close();
  for (const namespace of [host, a]) namespace.end();
  await rm(stateDir, { recursive: true });
});

/** Felix with a pod, a block and learned routes of every form, all of which are in the kernel. */
async function run(node: Kernel): Promise<void> {
  log = new TestLog();
  felix = new Felix({ kernel: node, clock: realClock, random: Math.random, log, stateDir });
  await felix.start();
  felix.setDatastoreInSync();
  felix.setLearnedInSync();
  await eventually(() => felix.inspect().inSync);
  await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
  felix.setLocalBlocks(['10.60.0.0/26', 'fd60::/122'].map(parsePrefix));
  learn(
    '10.60.1.0/26 via 192.0.2.2',
    '10.60.2.0/26 via 192.0.2.2 192.0.2.3',
    'fd60:1::/122 via 2001:db8::2',
    'fd60:2::/122 via 2001:db8::2 2001:db8::3',
    'fd60:3::/122 via fe80::2%eth0',
  );
  await settled();
  expect(await host.routes(/proto 80/)).toHaveLength(9);
  expect(felix.inspect().failed).toEqual([]);
}

function learn(...routes: string[]): void {
  felix.updateLearned(
    routes.map((text) => {
      const [prefix, , ...hops] = text.split(' ');
      const nextHops = hops.map((hop) => {
        const [address, zone] = hop.split('%');
        return { ...parseAddress(address!), ...(zone && { zone }) };
      });
      return { prefix: parsePrefix(prefix!), nextHops };
    }),
  );
}

/** All is written that was to be written: nothing waits to be tried again. */
function settled(): Promise<void> {
  return eventually(
    () => felix.inspect().routes.pending === 0,
    () => felix.inspect(),
  );
}

/** The host's, but for the link-local ones of the kernel. */
async function routes(): Promise<string[]> {
  return (await host.routes()).filter((route) => !route.startsWith('fe80::/64')).sort();
}

/** One look, and what comes of it. */
async function onePass(): Promise<void> {
  const { resyncs } = felix.inspect().routes;
  await felix.resync();
  await settled();
  expect(felix.inspect().routes.resyncs).toBe(resyncs + 1);
}

/** One by one: to flush them iproute2 names both a route's next hop object and its gateway, which is refused. */
const FLUSH = [
  ...['10.60.0.0/26', '10.60.0.1', '10.60.1.0/26', '10.60.2.0/26'],
  ...['fd60::/122', 'fd60::1', 'fd60:1::/122', 'fd60:2::/122', 'fd60:3::/122'],
].map((prefix) => `ip route del ${prefix} proto 80`);

/** What is done by hand. */
const HARMS: [name: string, commands: string[]][] = [
  ['routes deleted', [...FLUSH]],
  ['next hop objects deleted, and with them routes', ['ip nexthop flush proto 80']],
  ['one next hop of several deleted', ['ip -6 route del fd60:2::/122 via 2001:db8::2']],
  [
    'another gateway',
    [
      'ip route change 10.60.1.0/26 via 192.0.2.66 proto 80 metric 1024',
      'ip route change fd60:1::/122 via 2001:db8::66 proto 80 metric 1024',
      'ip route change 10.60.2.0/26 via 192.0.2.2 proto 80 metric 1024',
    ],
  ],
  [
    'a block that is no blackhole any more, one route that is',
    [
      'ip route change 10.60.0.0/26 via 192.0.2.66 proto 80 metric 1024',
      'ip route change blackhole 10.60.1.0/26 proto 80 metric 1024',
    ],
  ],
  [
    'routes of ours that nobody wants',
    [
      'ip route add 10.60.77.0/26 via 192.0.2.9 proto 80',
      'ip route add 10.60.1.0/26 via 192.0.2.9 proto 80 metric 5',
      'ip route add fd60:77::/122 via 2001:db8::9 proto 80',
    ],
  ],
  [
    'the uplink flaps: IPv4’s routes go in silence, IPv6’s with their address',
    ['ip link set eth0 down', 'ip link set eth0 up', 'ip addr add 2001:db8::1/64 dev eth0 nodad'],
  ],
  ['the pod’s link flaps', [`ip link set ${POD} down`, `ip link set ${POD} up`]],
];

test('a pass repairs whatever was done by hand, also where the kernel told of nothing', async () => {
  await run(deaf(kernel));
  const before = await routes();
  for (const [name, commands] of HARMS) {
    for (const command of commands) await host.run(command);
    expect([name, await routes()]).not.toEqual([name, before]);
    await onePass();
    expect([name, await routes()]).toEqual([name, before]);
    expect([name, felix.inspect().failed]).toEqual([name, []]);
  }
  await a.run('ping -n -c 1 -W 5 192.0.2.1');
  await a.run('ping -n -c 1 -W 5 2001:db8::1');
});

test('what the kernel tells of is repaired without waiting for the next look', async () => {
  await run(kernel);
  const before = await routes();
  for (const [name, commands] of HARMS) {
    for (const command of commands) await host.run(command);
    await eventually(
      async () => (await routes()).join() === before.join() && felix.inspect().failed.length === 0,
      async () => [name, await routes(), felix.inspect()],
    );
  }
});

test('it looks from time to time, though nobody tells of anything', async () => {
  await run(deaf(kernel));
  felix.setRefreshInterval(500);
  const before = await routes();
  await host.ip('route del 10.60.1.0/26 proto 80');
  await host.run('sysctl -qw net.ipv4.ip_forward=0');
  await eventually(async () => (await routes()).join() === before.join(), routes);
  await eventually(async () => (await host.run('sysctl -n net.ipv4.ip_forward')) === '1\n');
});

test('notifications that the kernel had to drop (ENOBUFS): it looks, and repairs', async () => {
  await run(kernel);
  const before = await routes();
  let isLost = false;
  const heard: NetlinkEvent[] = [];
  const stranger = openNetlink({ netns: host.path });
  stranger.monitor(
    ['link', 'address', 'route'],
    (event) => heard.push(event),
    () => {
      isLost = true;
    },
  );
  const [ours] = (await stranger.routes({ protocol: 80, family: 4 })).filter(
    ({ destination }) => formatPrefix(destination) === '10.60.1.0/26',
  );
  // In one turn of the event loop, in which nobody reads what the kernel tells.
  const other = openNetlink({ netns: host.path });
  const flood = Array.from({ length: 20_000 }, (_, i) => ({
    action: 'add' as const,
    route: {
      destination: parsePrefix(`11.${i >> 8}.${i & 255}.0/24`),
      type: 'blackhole' as const,
      table: 200,
    },
  }));
  expect(other.batch(flood).filter(Boolean)).toEqual([]);
  other.change({ action: 'delete', route: ours! });
  other.close();
  await eventually(() => isLost);
  const isOurs = (event: NetlinkEvent) => event.kind === 'route' && event.route.protocol === 80;
  expect(heard.filter(isOurs)).toEqual([]);
  stranger.close();
  await eventually(async () => (await routes()).join() === before.join(), routes);
});

describe('others come in between, and felix has not heard of it', () => {
  beforeEach(() => run(deaf(kernel)));

  test('EEXIST: a stranger’s route is there, which stays; when it goes ours comes', async () => {
    const theirs = '10.60.7.0/26 via 192.0.2.9 dev eth0 proto static metric 1024';
    await host.ip(`route add ${theirs}`);
    learn('10.60.7.0/26 via 192.0.2.2');
    const reasons = () => felix.inspect().failed.map(({ reason }) => reason);
    await eventually(
      () => /not ours has its place.*192\.0\.2\.9.*protocol 4/.test(reasons().join()),
      reasons,
    );
    expect(await host.routes(/10\.60\.7\./)).toEqual([theirs]);
    await host.ip(`route del ${theirs}`);
    await onePass();
    expect(await host.routes(/10\.60\.7\./)).toEqual([
      '10.60.7.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024',
    ]);
    expect(felix.inspect().failed).toEqual([]);
  });

  test('EEXIST: a stranger’s route in the place of ours that was deleted is not replaced', async () => {
    const theirs = 'fd60:1::/122 via 2001:db8::9 dev eth0 proto static metric 1024';
    await host.ip('-6 route del fd60:1::/122 proto 80');
    await host.ip(`-6 route add ${theirs}`);
    await onePass();
    learn('fd60:1::/122 via 2001:db8::3');
    await settled();
    expect(await host.routes(/fd60:1::/)).toEqual([theirs]);
    expect(felix.inspect().failed).toEqual([
      { subject: 'fd60:1::/122', reason: expect.stringMatching(/2001:db8::9.*protocol 4/) },
    ]);
  });

  test('ESRCH: what is to be removed is gone already; ENOENT: what is to be replaced too', async () => {
    for (const command of FLUSH) await host.run(command);
    learn('10.60.1.0/26 via', 'fd60:1::/122 via', 'fd60:2::/122 via');
    learn('10.60.2.0/26 via 192.0.2.7', 'fd60:3::/122 via fe80::7%eth0');
    await settled();
    expect(await host.routes(/proto 80/)).toEqual([
      '10.60.2.0/26 via 192.0.2.7 dev eth0 proto 80 metric 1024',
      'fd60:3::/122 via fe80::7 dev eth0 proto 80 metric 1024',
    ]);
    expect(felix.inspect().failed).toEqual([]);
  });

  test('ENETUNREACH, EHOSTUNREACH: the gateway’s network is gone; once it is back so are its routes', async () => {
    await host.ip('addr del 192.0.2.1/24 dev eth0');
    await host.ip('addr del 2001:db8::1/64 dev eth0');
    learn('10.60.8.0/26 via 192.0.2.8', 'fd60:8::/122 via 2001:db8::8');
    await eventually(() => felix.inspect().failed.length === 2);
    expect(felix.inspect().failed.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/ENETUNREACH/),
      expect.stringMatching(/EHOSTUNREACH/),
    ]);
    await host.ip('addr add 192.0.2.1/24 dev eth0');
    await host.ip('addr add 2001:db8::1/64 dev eth0 nodad');
    await felix.resync();
    await settled();
    expect(felix.inspect().failed).toEqual([]);
    expect(await host.routes(/proto 80/)).toHaveLength(11);
  });

  test('the interface is another of its name, and its next hops are gone', async () => {
    const before = await routes();
    await host.ip('link del eth0');
    await host.ip('link add eth0 type veth peer name eth0p');
    learn('fd60:9::/122 via fe80::2%eth0');
    await eventually(
      () =>
        felix
          .inspect()
          .failed.some(
            ({ reason, subject }) =>
              subject === 'fd60:9::/122' && /Nexthop id does not exist|ENETDOWN/.test(reason),
          ),
      () => felix.inspect().failed,
    );
    for (const command of [
      ...['link set eth0p up', 'link set eth0 up', 'addr add 192.0.2.1/24 dev eth0'],
      'addr add 2001:db8::1/64 dev eth0 nodad',
    ])
      await host.ip(command);
    await felix.resync();
    await settled();
    const also = 'fd60:9::/122 via fe80::2 dev eth0 proto 80 metric 1024';
    expect(await routes()).toEqual([...before, also].sort());
    expect(felix.inspect().failed).toEqual([]);
  });
});

test('forwarding: turned on, back when somebody turns it off, and the advertised default route stays', async () => {
  const forwarding = async () =>
    (
      await host.run(
        'sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv6.conf.eth0.accept_ra net.ipv6.conf.eth0p.accept_ra',
      )
    ).replaceAll('\n', ' ');
  await host.ip('-6 route add default via fe80::9 dev eth0 proto ra');
  expect(await forwarding()).toBe('0 0 1 1 ');
  await run(deaf(kernel));
  expect(await forwarding()).toBe('1 1 2 1 ');
  await host.run('sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0');
  await onePass();
  expect(await forwarding()).toBe('1 1 2 1 ');
  expect(log.lines.filter((line) => /forward/.test(line))).toHaveLength(5);
});
