/** Felix against the real kernel, in network namespaces of its own. Needs root. */

import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { formatPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import { openNetlink } from 'rtnetlink-ts';
import { cleanup } from '../../felix/cleanup.ts';
import { type EndpointRequest, Felix, hostInterfaceOf } from '../../felix/felix.ts';
import { type Kernel, openKernel } from '../../felix/kernel.ts';
import { FakeKernel } from './fake-kernel.ts';
import { eventually, TestNamespace } from './namespace.ts';
import { pod } from './pod.ts';
import { realClock, TestLog } from './ports.ts';

let host: TestNamespace;
let stateDir: string;
let kernel: Kernel;
let felix: Felix;
let log: TestLog;
const namespaces: TestNamespace[] = [];

async function makeNamespace(): Promise<TestNamespace> {
  const namespace = await TestNamespace.make();
  namespaces.push(namespace);
  return namespace;
}

function newFelix(options: { learnedDeadlineMs?: number } = {}): Felix {
  log = new TestLog();
  return new Felix({ kernel, clock: realClock, random: Math.random, log, stateDir, ...options });
}

beforeEach(async () => {
  host = await makeNamespace();
  stateDir = await mkdtemp(join(tmpdir(), 'felix-'));
  kernel = openKernel(host.path);
  felix = newFelix();
});

afterEach(async () => {
  await felix.close();
  kernel.host.close();
  for (const namespace of namespaces.splice(0)) namespace.end();
  await rm(stateDir, { recursive: true });
});

/** A started Felix that may write. */
async function run(): Promise<void> {
  await felix.start();
  felix.setDatastoreInSync();
  await eventually(() => felix.inspect().inSync);
}

/** Ends this one as a kill would, and starts another on what it left. */
async function restart(options: { learnedDeadlineMs?: number } = {}): Promise<void> {
  await felix.close();
  kernel.host.close();
  kernel = openKernel(host.path);
  felix = newFelix(options);
  await felix.start();
}

/** An interface with addresses of both families. */
async function addUplink(): Promise<void> {
  await host.addCable('eth0', '192.0.2.1/24', '2001:db8::1/64');
}

function learn(...routes: string[]): void {
  felix.updateLearned(
    routes.map((text) => {
      const [prefix, , ...hops] = text.split(' ');
      return { prefix: parsePrefix(prefix!), nextHops: hops.map(parseAddress) };
    }),
  );
}

async function has(...routes: string[]): Promise<void> {
  await eventually(
    async () => {
      const present = await host.routes(/proto 80|10\.60|fd60/);
      return present.join('\n') === routes.join('\n');
    },
    () => host.routes(),
  );
}

describe('pods', () => {
  test('two pods of a node that has no default route ping each other, IPv4 and IPv6 at once', async () => {
    const [a, b] = [await makeNamespace(), await makeNamespace()];
    await run();
    await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    await felix.addEndpoint(pod('b', b, '10.60.0.2', 'fd60::2'));
    const pings = await Promise.all([
      a.run('ping -c 1 -W 5 10.60.0.2'),
      a.run('ping -c 1 -W 5 fd60::2'),
      b.run('ping -c 1 -W 5 10.60.0.1'),
    ]);
    // Duplicate address detection would take longer.
    for (const answer of pings) expect(Number(/time=(\S+)/.exec(answer)![1])).toBeLessThan(2_000);
  });

  test('the host pings a pod, and the pod a host behind the node', async () => {
    const [a, router] = [await makeNamespace(), await makeNamespace()];
    await addUplink();
    await host.ip(`link set eth0p netns ${router.path.split('/')[2]}`);
    await router.ip('link set eth0p up');
    await router.ip('addr add 192.0.2.9/24 dev eth0p');
    await router.ip('route add 10.60.0.0/26 via 192.0.2.1');
    await run();
    await felix.addEndpoint(pod('a', a, '10.60.0.1'));
    await host.run('ping -c 1 -W 5 10.60.0.1');
    await a.run('ping -c 1 -W 5 192.0.2.9');
  });

  test('a pod is wired as Calico wires it', async () => {
    const a = await makeNamespace();
    // Of this sysctl and an interface's own the kernel takes the greater.
    await a.run('sysctl -qw net.ipv6.conf.all.accept_dad=1');
    await run();
    const endpoint = await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    const { hostInterface } = endpoint;
    expect(await a.ip('-6 addr show scope global tentative')).toBe('');
    expect(hostInterface).toBe(hostInterfaceOf('default', 'a'));
    expect(await host.ip(`-o link show ${hostInterface}`)).toMatch(
      /mtu 1450 .*state UP.* ee:ee:ee:ee:ee:ee /,
    );
    expect(await a.ip('-o link show eth0')).toMatch(
      new RegExp(`mtu 1450 .*state UP.* ${endpoint.mac} `),
    );
    expect(await a.routes()).toEqual([
      'default via 169.254.1.1 dev eth0',
      '169.254.1.1 dev eth0 scope link',
      'fd60::1 dev eth0 proto kernel metric 256',
      expect.stringMatching(/^fe80::/),
      'default via fe80::ecee:eeff:feee:eeee dev eth0 metric 1024',
    ]);
    expect(await a.ip('neigh show 169.254.1.1')).toMatch(/lladdr ee:ee:ee:ee:ee:ee PERMANENT/);
    expect(await a.ip('-o addr show eth0 scope global')).toMatch(
      /inet 10\.60\.0\.1\/32 (?:.|\n)*inet6 fd60::1\/128/,
    );
    const values: Record<string, string> = {
      'ipv4.conf.$.proxy_arp': '1',
      'ipv4.conf.$.forwarding': '1',
      'ipv4.conf.$.route_localnet': '1',
      'ipv4.neigh.$.proxy_delay': '0',
      'ipv6.conf.$.proxy_ndp': '1',
      'ipv6.conf.$.forwarding': '1',
      'ipv6.conf.$.accept_ra': '0',
      'ipv6.conf.$.accept_dad': '0',
      'ipv4.ip_forward': '1',
      'ipv6.conf.all.forwarding': '1',
    };
    const keys = Object.keys(values).map((key) => `net.${key.replace('$', hostInterface)}`);
    const read = await host.run(`sysctl -n ${keys.join(' ')}`);
    expect(read.trim().split('\n')).toEqual(Object.values(values));
    const podKeys = ['accept_dad', 'accept_ra'].map((key) => `net.ipv6.conf.eth0.${key}`);
    expect(await a.run(`sysctl -n ${podKeys.join(' ')}`)).toBe('0\n0\n');
    await has(
      `10.60.0.1 dev ${hostInterface} proto 80 scope link metric 1024`,
      `fd60::1 dev ${hostInterface} proto 80 metric 1024`,
    );
  });

  test('a MAC address and an interface name that were asked for', async () => {
    const a = await makeNamespace();
    await run();
    const mac = '02:00:00:ab:00:01';
    const request = { ...pod('a', a, '10.60.0.1', 'fd60::1'), ifname: 'net1.7', mac };
    const endpoint = await felix.addEndpoint(request);
    expect(endpoint.mac).toBe(mac);
    expect(await a.ip('-o link show net1.7')).toMatch(` ${mac} `);
    expect(await felix.checkEndpoint({ ...endpoint, netns: a.path })).toEqual([]);
    await host.run('ping -c 1 -W 5 fd60::1');
    expect(await felix.addEndpoint(request)).toEqual(endpoint);
  });

  test('one family is enough, and the other is left alone', async () => {
    const [a, b] = [await makeNamespace(), await makeNamespace()];
    await b.run('sysctl -qw net.ipv6.conf.default.disable_ipv6=1');
    await run();
    await felix.addEndpoint(pod('a', a, '10.60.0.1'));
    expect(await a.routes(/default|169/)).toEqual([
      'default via 169.254.1.1 dev eth0',
      '169.254.1.1 dev eth0 scope link',
    ]);
    // A runtime that turned IPv6 off did not know that the pod would have it.
    await felix.addEndpoint(pod('b', b, 'fd60::2'));
    expect(await b.routes(/default|169/)).toEqual([
      'default via fe80::ecee:eeff:feee:eeee dev eth0 metric 1024',
    ]);
    await host.run('ping -c 1 -W 5 fd60::2');
  });

  test('an ADD that is repeated changes nothing; one that finds damage repairs it', async () => {
    const a = await makeNamespace();
    await addUplink();
    await run();
    const first = await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    expect(await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'))).toBe(first);
    await a.ip('route del default');
    const second = await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    expect(second.mac).not.toBe(first.mac);
    expect(felix.endpoints()).toEqual([second]);
    expect(await felix.checkEndpoint({ ...second, netns: a.path })).toEqual([]);
    await host.run('ping -c 1 -W 5 10.60.0.1');
  });

  test('a pod’s next sandbox takes the interface; the DEL of the one before leaves it alone', async () => {
    const [old, next] = [await makeNamespace(), await makeNamespace()];
    await addUplink();
    await run();
    const before = await felix.addEndpoint(pod('a', old, '10.60.0.1'));
    const after = await felix.addEndpoint({ ...pod('a', next, '10.60.0.2'), containerID: 'c2' });
    expect(after.hostInterface).toBe(before.hostInterface);
    expect(felix.endpoints()).toEqual([after]);
    for (const netns of [undefined, old.path])
      await felix.removeEndpoint({ ...before, ...(netns && { netns }) });
    expect(await felix.checkEndpoint({ ...after, netns: next.path })).toEqual([]);
    await has(`10.60.0.2 dev ${after.hostInterface} proto 80 scope link metric 1024`);
    await host.run('ping -c 1 -W 5 10.60.0.2');
  });

  test('a DEL removes all, and is done again without harm, also with the namespace gone', async () => {
    const a = await makeNamespace();
    await run();
    const endpoint = await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    await felix.removeEndpoint({ ...endpoint, netns: a.path });
    expect(await host.ip('-o link show type veth')).toBe('');
    expect(await a.ip('-o link show type veth')).toBe('');
    expect(await readdir(join(stateDir, 'endpoints'))).toEqual([]);
    expect(felix.endpoints()).toEqual([]);
    await has();
    await felix.removeEndpoint({ ...endpoint, netns: a.path });
    await felix.removeEndpoint({ containerID: 'never', ifname: 'eth0', netns: '/proc/0/ns/net' });
    await felix.removeEndpoint({ containerID: 'never', ifname: 'eth0' });
  });

  test('a DEL whose endpoint file is lost finds the interface by its namespace', async () => {
    const [a, b] = [await makeNamespace(), await makeNamespace()];
    await run();
    const lost = await felix.addEndpoint(pod('a', a, '10.60.0.1'));
    await felix.addEndpoint(pod('b', b, '10.60.0.2'));
    // Not a pod's: a veth of somebody else, in a pod of somebody else.
    await host.ip(`link add other type veth peer name eth0 netns ${(await makeNamespace()).path}`);
    await rm(join(stateDir, 'endpoints', 'c-a@eth0.json'));
    await restart();
    for (const { path } of namespaces) {
      if (path !== b.path)
        await felix.removeEndpoint({ containerID: lost.containerID, ifname: 'eth0', netns: path });
    }
    expect((await host.ip('-o link show type veth')).split('\n').filter(Boolean)).toHaveLength(2);
    expect(felix.endpoints().map(({ pod: name }) => name)).toEqual(['b']);
    await eventually(() => felix.inspect().inDoubt.length === 0);
  });

  test('a DEL of a sandbox that was never ours leaves a pod of ours alone', async () => {
    const a = await makeNamespace();
    await run();
    const live = await felix.addEndpoint(pod('a', a, '10.60.0.1'));
    await felix.removeEndpoint({ containerID: 'c9', ifname: 'eth0', netns: a.path });
    expect(await felix.checkEndpoint({ ...live, netns: a.path })).toEqual([]);
  });

  test('an ADD and its DEL that cross leave nothing', async () => {
    const a = await makeNamespace();
    await run();
    const request = pod('a', a, '10.60.0.1');
    const added = felix.addEndpoint(request);
    // Let it begin: the runtime gives up on it now.
    await Promise.resolve();
    await felix.removeEndpoint(request);
    await added;
    expect(felix.endpoints()).toEqual([]);
    expect(await host.ip('-o link show type veth')).toBe('');
  });

  test('a failed ADD leaves nothing', async () => {
    const a = await makeNamespace();
    await run();
    await a.ip('link add eth0 type bridge');
    await expect(felix.addEndpoint(pod('a', a, '10.60.0.1'))).rejects.toMatchObject({
      code: 'EEXIST',
      message: expect.stringMatching(/sandbox has an interface eth0 that is not ours/),
    });
    const gone = { ...pod('b', a, '10.60.0.2'), netns: '/proc/0/ns/net' };
    await expect(felix.addEndpoint(gone)).rejects.toMatchObject({ code: 'ENOENT' });
    // The address is a node's: its route is refused.
    felix.setNodeAddresses([parseAddress('10.60.0.3')]);
    await felix.resync();
    const c = await makeNamespace();
    await expect(felix.addEndpoint(pod('c', c, '10.60.0.3'))).rejects.toThrow(/node address/);
    // A stranger's route has the pod's place.
    await host.ip('route add blackhole 10.60.0.4/32 metric 1024');
    await expect(felix.addEndpoint(pod('d', c, '10.60.0.4'))).rejects.toThrow(/not ours has its/);
    // The state folder does not take the file.
    await rm(join(stateDir, 'endpoints'), { recursive: true });
    await expect(felix.addEndpoint(pod('e', c, '10.60.0.5'))).rejects.toMatchObject({
      code: 'ENOENT',
    });
    await mkdir(join(stateDir, 'endpoints'));

    expect(felix.endpoints()).toEqual([]);
    expect(await host.ip('-o link show type veth')).toBe('');
    expect(await c.ip('-o link show type veth')).toBe('');
    await has('blackhole 10.60.0.4 metric 1024');
    const fine = await felix.addEndpoint(pod('c', c, '10.60.0.6'));
    expect(await felix.checkEndpoint({ ...fine, netns: c.path })).toEqual([]);
  });

  test.each<[fault: string, change: Partial<EndpointRequest>, message: RegExp]>([
    ['a container ID that is a path', { containerID: '../x' }, /container ID/],
    ['an interface name that is too long', { ifname: 'x'.repeat(16) }, /longer than 15/],
    ['no address', { addresses: [] }, /no address/],
    ['an MTU that IPv6 can’t do with', { mtu: 1279 }, /MTU 1279 is not one of 1280–65535/],
    ['an MTU that is none', { mtu: 1.5 }, /MTU 1\.5/],
    ['no pod name', { pod: '' }, /no name/],
  ])('%s is refused before anything is touched', async (_, change, message) => {
    const a = await makeNamespace();
    await run();
    const request = { ...pod('a', a, 'fd60::1'), ...change };
    await expect(felix.addEndpoint(request)).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringMatching(message),
    });
    expect(await host.ip('-o link show type veth')).toBe('');
  });

  test('fifty pods come and go, ten at a time, and leave nothing', async () => {
    const pods = await Promise.all(Array.from({ length: 50 }, makeNamespace));
    await run();
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    const add = async (netns: TestNamespace, i: number) => {
      const request = pod(`p${i}`, netns, `10.60.0.${i + 1}`, `fd60::${i + 1}`);
      await felix.addEndpoint(request);
      expect(await felix.checkEndpoint(request)).toEqual([]);
    };
    for (let i = 0; i < 50; i += 10)
      await Promise.all(pods.slice(i, i + 10).map((netns, j) => add(netns, i + j)));
    expect(await host.routes(/proto 80/)).toHaveLength(100);
    await pods[0]!.run('ping -c 1 -W 5 10.60.0.50');
    const { resyncs } = felix.inspect().routes;
    await Promise.all(felix.endpoints().map((endpoint) => felix.removeEndpoint(endpoint)));
    expect(felix.endpoints()).toEqual([]);
    expect(await host.ip('-o link show type veth')).toBe('');
    expect(await readdir(join(stateDir, 'endpoints'))).toEqual([]);
    await has();
    await eventually(() => felix.inspect().routes.pending === 0);
    expect(felix.inspect()).toMatchObject({ endpoints: 0, failed: [], inDoubt: [] });
    expect(felix.inspect().routes).toMatchObject({ desired: 0, failed: 0 });
    // Our own doing is no reason to read the table.
    expect(resyncs).toBe(1);
    await eventually(() => descriptors() <= before + 2, descriptors);
  });
});

describe('CHECK', () => {
  test.each<[fault: string, where: 'host' | 'pod', command: string, found: RegExp]>([
    ['the host’s end down', 'host', 'ip link set HOST down', /is down/],
    ['the host’s end gone', 'host', 'ip link del HOST', /host has no interface cali/],
    ['its MAC address changed', 'host', 'ip link set HOST address 02:00:00:00:00:01', /not ee:ee/],
    ['its MTU changed', 'host', 'ip link set HOST mtu 1300', /MTU 1300, not 1450/],
    ['its gateway address gone', 'host', 'ip addr flush dev HOST', /lacks fe80::ecee/],
    ['proxy ARP off', 'host', 'sysctl -qw net.ipv4.conf.HOST.proxy_arp=0', /proxy_arp is 0, not 1/],
    ['forwarding off', 'host', 'sysctl -qw net.ipv6.conf.HOST.forwarding=0', /forwarding is 0/],
    ['the pod’s end down', 'pod', 'ip link set eth0 down', /pod's eth0 is down/],
    ['the pod’s end renamed', 'pod', 'ip link set eth0 down name x', /pod has no interface eth0/],
    ['an address gone', 'pod', 'ip addr del 10.60.0.1/32 dev eth0', /lacks address 10\.60\.0\.1/],
    ['an IPv6 address gone', 'pod', 'ip addr del fd60::1/128 dev eth0', /lacks address fd60::1/],
    ['the default route gone', 'pod', 'ip route del default', /no default route via 169/],
    ['the gateway’s gone', 'pod', 'ip route del 169.254.1.1', /no route 169\.254\.1\.1 dev eth0/],
    ['IPv6’s gone', 'pod', 'ip -6 route del default', /no IPv6 default route/],
    ['the neighbour gone', 'pod', 'ip neigh del 169.254.1.1 dev eth0', /no permanent neighbour/],
    [
      'the neighbour another',
      'pod',
      'ip neigh replace 169.254.1.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent',
      /no permanent neighbour/,
    ],
    [
      'IPv6 off',
      'pod',
      'sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1',
      /in the pod, sysctl .*disable_ipv6 is 1/,
    ],
  ])('finds %s', async (_, where, command, found) => {
    const a = await makeNamespace();
    await run();
    const endpoint = await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    const ref = { ...endpoint, netns: a.path };
    expect(await felix.checkEndpoint(ref)).toEqual([]);
    const inside = where === 'host' ? host : a;
    await inside.run(command.replace('HOST', endpoint.hostInterface));
    expect((await felix.checkEndpoint(ref)).join('; ')).toMatch(found);
  });

  test('finds a route of the host gone, if it is not back by then', async () => {
    const a = await makeNamespace();
    await run();
    const endpoint = await felix.addEndpoint(pod('a', a, '10.60.0.1'));
    await felix.close();
    await host.ip('route del 10.60.0.1');
    expect(await felix.checkEndpoint({ ...endpoint, netns: a.path })).toEqual([
      expect.stringMatching(/host has no route 10\.60\.0\.1\/32 dev cali/),
    ]);
  });

  test('of what is not ours says so', async () => {
    await run();
    const ref = { containerID: 'c9', ifname: 'eth0', netns: host.path };
    expect(await felix.checkEndpoint(ref)).toEqual(['sandbox c9 has no interface eth0 of ours']);
  });
});

describe('before it is in sync', () => {
  test('nothing is written, and an ADD waits', async () => {
    const a = await makeNamespace();
    felix.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
    const added = felix.addEndpoint(pod('a', a, '10.60.0.1'));
    await felix.start();
    learn('10.60.1.0/26 via 192.0.2.2');
    await setTimeout(200);
    expect(await host.routes()).toEqual([]);
    expect(await host.ip('-o link show type veth')).toBe('');
    expect(await host.run('sysctl -n net.ipv4.ip_forward')).toBe('0\n');
    felix.setDatastoreInSync();
    await added;
    await eventually(async () => (await host.routes(/proto 80/)).length === 2);
  });

  test('an ADD that waits too long is told to come again', async () => {
    const { after } = realClock;
    // The wait is of ten seconds; here they are shorter.
    const clock = { ...realClock, after: (ms: number, fn: () => void) => after(ms / 100, fn) };
    felix = new Felix({ kernel, clock, random: Math.random, log, stateDir });
    await felix.start();
    await expect(felix.addEndpoint(pod('a', host, '10.60.0.1'))).rejects.toMatchObject({
      code: 'EAGAIN',
      message: 'not in sync yet with the datastore; try again',
    });
  });

  test('a DEL and a CHECK are done', async () => {
    const [a, b] = [await makeNamespace(), await makeNamespace()];
    await run();
    const gone = await felix.addEndpoint(pod('a', a, '10.60.0.1'));
    const live = await felix.addEndpoint(pod('b', b, '10.60.0.2'));
    await restart();
    await felix.removeEndpoint(gone);
    expect(await a.ip('-o link show type veth')).toBe('');
    expect(await felix.checkEndpoint({ ...live, netns: b.path })).toEqual([]);
  });
});

describe('routes', () => {
  beforeEach(addUplink);

  test('blocks, learned routes and ECMP come, change and go', async () => {
    await run();
    felix.setLocalBlocks(
      ['10.60.0.0/26', '10.60.9.9/32', 'fd60::/122', 'fd60:9::9/128'].map(parsePrefix),
    );
    learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2 192.0.2.3');
    learn('fd60:1::/122 via 2001:db8::2', 'fd60:2::/122 via 2001:db8::2 2001:db8::3');
    const blackholes = [
      'blackhole 10.60.0.0/26 proto 80 metric 1024',
      'blackhole fd60::/122 dev lo proto 80 metric 1024',
    ];
    await has(
      blackholes[0]!,
      '10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024',
      '10.60.2.0/26 proto 80 metric 1024 nexthop via 192.0.2.2 dev eth0 weight 1 nexthop via 192.0.2.3 dev eth0 weight 1',
      blackholes[1]!,
      'fd60:1::/122 via 2001:db8::2 dev eth0 proto 80 metric 1024',
      'fd60:2::/122 proto 80 metric 1024 nexthop via 2001:db8::2 dev eth0 weight 1 nexthop via 2001:db8::3 dev eth0 weight 1',
    );
    learn('10.60.1.0/26 via 192.0.2.2 192.0.2.4', '10.60.2.0/26 via 192.0.2.3');
    learn('fd60:1::/122 via 2001:db8::2 2001:db8::4', 'fd60:2::/122 via 2001:db8::3');
    await has(
      blackholes[0]!,
      '10.60.1.0/26 proto 80 metric 1024 nexthop via 192.0.2.2 dev eth0 weight 1 nexthop via 192.0.2.4 dev eth0 weight 1',
      '10.60.2.0/26 via 192.0.2.3 dev eth0 proto 80 metric 1024',
      blackholes[1]!,
      'fd60:1::/122 proto 80 metric 1024 nexthop via 2001:db8::2 dev eth0 weight 1 nexthop via 2001:db8::4 dev eth0 weight 1',
      'fd60:2::/122 via 2001:db8::3 dev eth0 proto 80 metric 1024',
    );
    felix.setLocalBlocks(['10.60.1.0/26', 'fd60:1::/122'].map(parsePrefix));
    learn('10.60.2.0/26 via', 'fd60:2::/122 via');
    await has(
      'blackhole 10.60.1.0/26 proto 80 metric 1024',
      'blackhole fd60:1::/122 dev lo proto 80 metric 1024',
    );
    expect(felix.inspect().refused.map(({ subject }) => subject)).toEqual([
      '10.60.1.0/26',
      'fd60:1::/122',
    ]);
    felix.setLocalBlocks([]);
    learn('10.60.1.0/26 via', 'fd60:1::/122 via');
    await has();
    expect(felix.inspect()).toMatchObject({ refused: [], failed: [] });
  });

  test('the way to a BGP peer is a route in the kernel, for as long as it is said', async () => {
    await run();
    const ways = [
      ['198.51.100.7', '192.0.2.2'],
      ['2001:db8:7::1', '2001:db8::2'],
    ];
    felix.setPeerRoutes(
      ways.map(([peer, gateway]) => ({
        peer: parseAddress(peer!),
        gateway: parseAddress(gateway!),
      })),
    );
    await has(
      '198.51.100.7 via 192.0.2.2 dev eth0 proto 80 metric 1024',
      '2001:db8:7::1 via 2001:db8::2 dev eth0 proto 80 metric 1024',
    );
    felix.setPeerRoutes([]);
    await has();
  });

  test('a second reading of what is there writes nothing', async () => {
    await run();
    felix.setLocalBlocks(['10.60.0.0/26', 'fd60::/122'].map(parsePrefix));
    learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2 192.0.2.3');
    learn('fd60:1::/122 via 2001:db8::2', 'fd60:2::/122 via 2001:db8::2 2001:db8::3');
    await felix.addEndpoint(pod('a', await makeNamespace(), '10.60.0.1', 'fd60::1'));
    await eventually(() => felix.inspect().routes.pending === 0);
    const { resyncs: _, ...before } = felix.inspect().routes;
    await felix.resync();
    await eventually(() => felix.inspect().routes.pending === 0);
    expect(felix.inspect().routes).toMatchObject(before);
  });

  test('a flap of the uplink, which the kernel is silent of, is repaired', async () => {
    await run();
    learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2 192.0.2.3');
    learn('fd60:1::/122 via 2001:db8::2');
    const v4 = [
      '10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024',
      '10.60.2.0/26 proto 80 metric 1024 nexthop via 192.0.2.2 dev eth0 weight 1 nexthop via 192.0.2.3 dev eth0 weight 1',
    ];
    const v6 = 'fd60:1::/122 via 2001:db8::2 dev eth0 proto 80 metric 1024';
    await has(...v4, v6);
    await host.ip('link set eth0 down');
    await has();
    await host.ip('link set eth0 up');
    // The kernel took the IPv6 address for good.
    await has(...v4);
    expect(felix.inspect().failed.map(({ subject }) => subject)).toEqual(['fd60:1::/122']);
    await host.ip('addr add 2001:db8::1/64 dev eth0 nodad');
    await has(...v4, v6);
    expect(felix.inspect().failed).toEqual([]);
  });

  test('a flap of a pod’s interface too', async () => {
    const a = await makeNamespace();
    await run();
    const endpoint = await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    const { hostInterface } = endpoint;
    await host.ip(`link set ${hostInterface} down`);
    await has();
    await host.ip(`link set ${hostInterface} up`);
    await has(
      `10.60.0.1 dev ${hostInterface} proto 80 scope link metric 1024`,
      `fd60::1 dev ${hostInterface} proto 80 metric 1024`,
    );
    await eventually(
      async () => (await felix.checkEndpoint({ ...endpoint, netns: a.path })).length === 0,
    );
    await a.run('ping -c 1 -W 5 -I 10.60.0.1 192.0.2.1');
  });

  test('routes of others stay, wherever ours come to', async () => {
    const theirs = [
      '10.60.1.0/26 via 192.0.2.9 dev eth0 proto static metric 1024',
      '10.60.2.0/26 via 192.0.2.9 dev eth0 proto bird metric 32',
      '10.60.3.0/26 via 192.0.2.9 dev eth0',
      'fd60:1::/122 via 2001:db8::9 dev eth0 proto static metric 1024',
    ];
    for (const route of theirs) await host.ip(`route add ${route}`);
    await run();
    learn(...[1, 2, 3].map((i) => `10.60.${i}.0/26 via 192.0.2.2`));
    learn('fd60:1::/122 via 2001:db8::2');
    const ours = [2, 3].map((i) => `10.60.${i}.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024`);
    const withOurs = [theirs[0]!, theirs[1]!, ours[0]!, theirs[2]!, ours[1]!, theirs[3]!];
    await has(...withOurs);
    expect(felix.inspect().failed).toEqual([
      { subject: '10.60.1.0/26', reason: expect.stringMatching(/192\.0\.2\.9.*protocol 4/) },
      { subject: 'fd60:1::/122', reason: expect.stringMatching(/2001:db8::9.*protocol 4/) },
    ]);
    // One is put before ours, in the same place: a replacement would take it.
    await host.ip('route prepend 10.60.2.0/26 via 192.0.2.8 proto static metric 1024');
    await felix.resync();
    await eventually(() => felix.inspect().routes.pending === 0);
    learn('10.60.2.0/26 via 192.0.2.3');
    await has(
      theirs[0]!,
      theirs[1]!,
      '10.60.2.0/26 via 192.0.2.8 dev eth0 proto static metric 1024',
      theirs[2]!,
      ours[1]!,
      theirs[3]!,
    );
    // They make way: ours take their places.
    await host.ip('route del 10.60.1.0/26');
    await host.ip('-6 route del fd60:1::/122');
    await has(
      '10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024',
      theirs[1]!,
      '10.60.2.0/26 via 192.0.2.8 dev eth0 proto static metric 1024',
      theirs[2]!,
      ours[1]!,
      'fd60:1::/122 via 2001:db8::2 dev eth0 proto 80 metric 1024',
    );
  });

  test('a learned route has a metric of its own, changes it, and leaves a stranger’s of that metric', async () => {
    await run();
    const withMetric = (text: string, metric?: number) =>
      felix.updateLearned([
        { prefix: parsePrefix(text), nextHops: [parseAddress('192.0.2.2')], metric },
      ]);
    withMetric('10.60.1.0/26', 100);
    await has('10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 100');
    withMetric('10.60.1.0/26', 200);
    await has('10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 200');
    await felix.resync();
    await has('10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 200');
    await host.ip('route add blackhole 10.60.1.0/26 metric 300');
    withMetric('10.60.1.0/26', 300);
    await has('blackhole 10.60.1.0/26 metric 300');
    await felix.resync();
    expect(felix.inspect().failed).toMatchObject([{ subject: '10.60.1.0/26' }]);
    withMetric('10.60.1.0/26');
    await has(
      'blackhole 10.60.1.0/26 metric 300',
      '10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024',
    );
    expect(felix.inspect().failed).toEqual([]);
  });

  test('many learned routes come, are read again, which writes nothing, and go', async () => {
    const MANY = 10_000;
    const learnMany = (routeAt: (i: number) => string) => {
      // As the speaker tells of them.
      for (let from = 0; from < MANY; from += 2000)
        learn(...Array.from({ length: 2000 }, (_, i) => routeAt(from + i)));
    };
    const prefixAt = (i: number) =>
      i % 2 === 0 ? `11.${i >> 8}.${i & 255}.0/24` : `fd61:0:${i.toString(16)}::/64`;
    const isDone = () => felix.inspect().routes.pending === 0;
    await run();
    felix.setLearnedInSync();
    learnMany((i) =>
      i % 2 === 0 ? `${prefixAt(i)} via 192.0.2.2` : `${prefixAt(i)} via 2001:db8::2`,
    );
    await eventually(isDone, () => felix.inspect());
    expect(felix.inspect()).toMatchObject({ failed: [], refused: [] });
    expect(await kernel.host.routes({ table: 254, protocol: 80 })).toHaveLength(MANY);
    // The uplink's own IPv6 routes, and hints that it is there, may come as late as now.
    const changes: string[] = [];
    const observer = openNetlink({ netns: host.path });
    const monitor = observer.monitor(
      ['route'],
      (event) => {
        if (event.kind !== 'route') return;
        const { destination, table, protocol } = event.route;
        const text = formatPrefix(destination);
        if (protocol === 80 || (table === 254 && text === '10.99.0.0/24')) changes.push(text);
      },
      () => changes.push('some were lost'),
    );
    const { resyncs, ...written } = felix.inspect().routes;
    await felix.resync();
    expect(felix.inspect().routes).toMatchObject(written);
    expect(felix.inspect().routes.resyncs).toBeGreaterThan(resyncs);
    await host.ip('route add 10.99.0.0/24 dev lo');
    await eventually(
      () => changes.length > 0,
      () => changes,
    );
    expect(changes).toEqual(['10.99.0.0/24']);
    monitor.close();
    observer.close();
    learnMany((i) => `${prefixAt(i)} via`);
    await eventually(isDone, () => felix.inspect());
    expect(await kernel.host.routes({ table: 254, protocol: 80 })).toEqual([]);
  });

  test('routes of ours in another table, and of others, are nobody’s business', async () => {
    await host.ip('route add 10.60.1.0/26 via 192.0.2.9 table 100 proto 80');
    await host.ip('route add 10.60.2.0/26 via 192.0.2.9');
    await run();
    felix.setLearnedInSync();
    await felix.resync();
    expect(await host.ip('route show table 100')).toMatch(/10\.60\.1\.0\/26/);
    expect(await host.routes(/10\.60/)).toEqual(['10.60.2.0/26 via 192.0.2.9 dev eth0']);
  });

  test('no learned route takes the nodes’ own network', async () => {
    felix.setNodeAddresses(['192.0.2.1', '192.0.2.2', '2001:db8::1'].map(parseAddress));
    await run();
    learn('192.0.2.0/24 via 192.0.2.2', '192.0.2.0/25 via 192.0.2.2', '192.0.2.2/32 via 192.0.2.9');
    learn('2001:db8::/64 via 2001:db8::2', '169.254.0.0/16 via 192.0.2.2');
    learn('10.60.1.0/26 via 192.0.2.2', '0.0.0.0/0 via 192.0.2.2');
    await has(
      'default via 192.0.2.2 dev eth0 proto 80 metric 1024',
      '10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024',
    );
    expect(felix.inspect().refused).toHaveLength(5);
  });
});

describe('a restart', () => {
  test('finds its pods by their files, and changes nothing', async () => {
    const [a, b] = [await makeNamespace(), await makeNamespace()];
    await run();
    felix.setLocalBlocks(['10.60.0.0/26', 'fd60::/122'].map(parsePrefix));
    const first = await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    const second = await felix.addEndpoint(pod('b', b, '10.60.0.2', 'fd60::2'));
    await eventually(() => felix.inspect().routes.pending === 0);
    const before = await host.routes();
    await restart();
    expect(await host.routes()).toEqual(before);
    expect(felix.endpoints()).toEqual([first, second]);
    felix.setLocalBlocks(['10.60.0.0/26', 'fd60::/122'].map(parsePrefix));
    felix.setAllocations(
      felix
        .endpoints()
        .flatMap(({ addresses, handleId, namespace, pod: name }) =>
          addresses.map((address) => ({ address, handleId, namespace, pod: name })),
        ),
    );
    felix.setDatastoreInSync();
    felix.setLearnedInSync();
    await eventually(() => felix.inspect().inSync);
    await felix.resync();
    expect(await host.routes()).toEqual(before);
    expect(felix.inspect().routes).toMatchObject({ added: 0, replaced: 0, removed: 0, failed: 0 });
    expect(felix.inspect().inDoubt).toEqual([]);
    await a.run('ping -c 1 -W 5 fd60::2');
    for (const endpoint of felix.endpoints()) await felix.removeEndpoint(endpoint);
    expect(await host.ip('-o link show type veth')).toBe('');
  });

  test('what was lost meanwhile is repaired', async () => {
    const a = await makeNamespace();
    await run();
    const { hostInterface } = await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    await felix.close();
    await host.ip(`link set ${hostInterface} down`);
    await host.ip(`link set ${hostInterface} up`);
    expect(await host.routes(/proto 80/)).toEqual([]);
    await restart();
    felix.setDatastoreInSync();
    await has(
      `10.60.0.1 dev ${hostInterface} proto 80 scope link metric 1024`,
      `fd60::1 dev ${hostInterface} proto 80 metric 1024`,
    );
  });

  test('what is in doubt stays, and is told of', async () => {
    const [a, b, c] = [await makeNamespace(), await makeNamespace(), await makeNamespace()];
    await run();
    felix.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
    const lost = await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    const torn = await felix.addEndpoint(pod('b', b, '10.60.0.2'));
    const bare = await felix.addEndpoint(pod('c', c, '10.60.0.3'));
    await felix.close();
    const files = join(stateDir, 'endpoints');
    await rm(join(files, 'c-a@eth0.json'));
    await truncate(join(files, 'c-b@eth0.json'), 40);
    await host.ip(`link del ${bare.hostInterface}`);

    await restart();
    felix.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
    felix.setAllocations([]);
    felix.setDatastoreInSync();
    felix.setLearnedInSync();
    await eventually(() => felix.inspect().inSync);
    await felix.resync();
    const inDoubt = felix.inspect().inDoubt.map(({ subject, reason }) => `${subject}: ${reason}`);
    expect(inDoubt).toHaveLength(5);
    for (const pattern of [
      /^10\.60\.0\.3: pod default\/c .*free in IPAM/,
      /^\/.*c-b@eth0\.json: it is not JSON/,
      `^${torn.hostInterface}: .*no endpoint file.*10.60.0.2`,
      `^${bare.hostInterface}: .*the interface is gone`,
      `^${lost.hostInterface}: .*no endpoint file.*10.60.0.1, fd60::1`,
    ])
      expect(inDoubt).toContainEqual(expect.stringMatching(pattern));
    expect(log.lines.filter((line) => line.includes('no endpoint file'))).toHaveLength(2);
    expect((await readdir(files)).sort()).toEqual(['c-b@eth0.json', 'c-c@eth0.json']);

    // They are kept as others are: what goes is put back.
    await host.ip(`link set ${lost.hostInterface} down`);
    await host.ip(`link set ${lost.hostInterface} up`);
    await has(
      'blackhole 10.60.0.0/26 proto 80 metric 1024',
      `10.60.0.1 dev ${lost.hostInterface} proto 80 scope link metric 1024`,
      `10.60.0.2 dev ${torn.hostInterface} proto 80 scope link metric 1024`,
      `fd60::1 dev ${lost.hostInterface} proto 80 metric 1024`,
    );
    await a.run('ping -c 1 -W 5 10.60.0.2');

    // A new sandbox of the pod puts an end to the doubt.
    await felix.addEndpoint({ ...pod('a', a, '10.60.0.5'), containerID: 'c-a2' });
    expect(felix.inspect().inDoubt.map(({ subject }) => subject)).not.toContain(lost.hostInterface);
    await has(
      'blackhole 10.60.0.0/26 proto 80 metric 1024',
      `10.60.0.2 dev ${torn.hostInterface} proto 80 scope link metric 1024`,
      `10.60.0.5 dev ${lost.hostInterface} proto 80 scope link metric 1024`,
    );
  });

  test('allocations are held against what was there when they were read', async () => {
    const [a, b] = [await makeNamespace(), await makeNamespace()];
    await run();
    const first = await felix.addEndpoint(pod('a', a, '10.60.0.1'));
    await restart();
    felix.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
    const allocated = { handleId: first.handleId, namespace: 'default', pod: 'a' };
    const leaked = { handleId: 'k8s.c-x', namespace: 'default', pod: 'x' };
    felix.setAllocations([
      { ...allocated, address: parseAddress('10.60.0.1') },
      { ...leaked, address: parseAddress('10.60.0.9') },
    ]);
    felix.setDatastoreInSync();
    const subjects = () => felix.inspect().inDoubt.map(({ subject }) => subject);
    expect(subjects()).toEqual(['10.60.0.9']);
    await felix.addEndpoint(pod('b', b, '10.60.0.2'));
    await felix.removeEndpoint(first);
    expect(subjects()).toEqual(['10.60.0.9']);
    felix.setAllocations([]);
    expect(subjects()).toEqual(['10.60.0.2']);
  });

  test('of two files for one interface the newer counts; the DEL of the older leaves it', async () => {
    const [old, next] = [await makeNamespace(), await makeNamespace()];
    await run();
    const before = await felix.addEndpoint(pod('a', old, '10.60.0.1'));
    const file = join(stateDir, 'endpoints', 'c-a@eth0.json');
    const content = await readFile(file);
    const after = await felix.addEndpoint({ ...pod('a', next, '10.60.0.2'), containerID: 'c2' });
    // As a crash between the two steps leaves it.
    await writeFile(file, content);
    await restart();
    felix.setDatastoreInSync();
    expect(felix.endpoints()).toHaveLength(2);
    expect(felix.inspect().inDoubt).toEqual([
      {
        subject: after.hostInterface,
        reason: expect.stringMatching(/both claim it; the newer, c2/),
      },
    ]);
    await felix.removeEndpoint(before);
    expect(felix.endpoints()).toEqual([after]);
    expect(felix.inspect().inDoubt).toEqual([]);
    expect(await felix.checkEndpoint({ ...after, netns: next.path })).toEqual([]);
    await has(`10.60.0.2 dev ${after.hostInterface} proto 80 scope link metric 1024`);
  });

  test('a pod that Calico wired is known by its allocation', async () => {
    const a = await makeNamespace();
    const name = hostInterfaceOf('default', 'a');
    await host.ip(`link add ${name} type veth peer name eth0 netns ${a.path}`);
    await a.ip('link set eth0 up');
    await host.ip(`link set ${name} up`);
    await host.ip(`route add 10.60.0.1/32 dev ${name} proto 80`);
    await felix.start();
    felix.setAllocations([
      { address: parseAddress('fd60::1'), handleId: 'k8s.c-a', namespace: 'default', pod: 'a' },
    ]);
    felix.setDatastoreInSync();
    await has(
      `10.60.0.1 dev ${name} proto 80 scope link metric 1024`,
      `fd60::1 dev ${name} proto 80 metric 1024`,
    );
  });

  test('learned routes stay over it', async () => {
    await addUplink();
    await run();
    learn(
      '10.60.1.0/26 via 192.0.2.2',
      '10.60.2.0/26 via 192.0.2.2',
      'fd60:1::/122 via 2001:db8::2',
    );
    await eventually(() => felix.inspect().routes.pending === 0);
    const before = await host.routes(/10\.60|fd60/);
    expect(before).toHaveLength(3);
    await restart({ learnedDeadlineMs: 60_000 });
    felix.setDatastoreInSync();
    await eventually(() => felix.inspect().inSync);
    await felix.resync();
    learn('10.60.1.0/26 via 192.0.2.2');
    await felix.resync();
    expect(await host.routes(/10\.60|fd60/)).toEqual(before);
    felix.setLearnedInSync();
    await has('10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024');
  });
});

test('notifications that come late of an interface in doubt do not hurt the pod that took its name', async () => {
  const fake = new FakeKernel();
  const name = hostInterfaceOf('default', 'a');
  const peer = { name: 'eth0', namespace: fake.addPod('old') };
  fake
    .stranger()
    .change(
      { action: 'add', link: { name, kind: { kind: 'veth', peer } } },
      { action: 'change', link: { name, up: true } },
    );
  const late: (() => void)[] = [];
  const clock = realClock;
  felix = new Felix({ kernel: fake, clock, random: Math.random, log: new TestLog(), stateDir });
  await run();
  expect(felix.inspect().inDoubt).toHaveLength(1);
  fake.deliver = (event) => late.push(event);
  await felix.addEndpoint({ ...pod('a', host, '10.60.0.1'), netns: fake.addPod('next') });
  expect(late.length).toBeGreaterThan(0);
  for (const event of late) event();
  await felix.resync();
  await eventually(() => felix.inspect().routes.pending === 0);
  const routes = await fake.stranger().routes({ protocol: 80 });
  expect(routes.map(({ oif }) => oif)).toEqual([fake.host.link(name)!.index]);
  expect(felix.inspect()).toMatchObject({ endpoints: 1, inDoubt: [], failed: [] });
});

test('close removes nothing; cleanup removes all that is ours, and nothing else', async () => {
  await addUplink();
  const [a, b] = [await makeNamespace(), await makeNamespace()];
  await host.ip('route add 10.99.0.0/16 via 192.0.2.9');
  const before = await host.routes();
  await run();
  felix.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
  learn('10.60.1.0/26 via 192.0.2.2', 'fd60:2::/122 via 2001:db8::2 2001:db8::3');
  await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
  await felix.addEndpoint(pod('b', b, '10.60.0.2'));
  await eventually(() => felix.inspect().routes.pending === 0);
  const during = await host.routes();
  await felix.close();
  expect(await host.routes()).toEqual(during);
  expect(await host.ip('nexthop')).toMatch(/ group .* proto 80/);
  const malformed = join(stateDir, 'endpoints', 'x@eth0.json');
  await writeFile(malformed, '{');
  await host.ip('link add vxlan.calico type vxlan id 4096 dstport 4789 local 192.0.2.1');
  await host.ip('link add vxlan.other type vxlan id 7 dstport 4790 local 192.0.2.1');

  expect(await cleanup({ kernel, stateDir })).toEqual({
    interfaces: 2,
    tunnels: 1,
    routes: 6,
    packetTable: true,
    endpointFiles: 2,
    faults: [expect.stringContaining(malformed)],
  });
  expect(await host.routes()).toEqual(before);
  expect(await host.ip('nexthop')).toBe('');
  expect(await host.ip('-o link show eth0')).toMatch(/state UP/);
  expect(await host.ip('-o link show type vxlan')).toMatch(/^\S+ vxlan.other/);
  expect(await cleanup({ kernel, stateDir })).toMatchObject({ interfaces: 0, routes: 0 });
});
