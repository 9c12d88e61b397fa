/** Felix and its pods, on the real kernel in network namespaces of its own. Needs root. */

import { readdirSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAddress } from 'net-ipaddr';
import { type EndpointRequest, hostInterfaceOf } from '../../felix/felix.ts';
import { eventually, type TestNamespace } from './namespace.ts';
import { OneNode } from './one-node.ts';
import { pod } from './pod.ts';

let node: OneNode;

beforeEach(async () => {
  node = await OneNode.make();
});

afterEach(() => node.end());

describe('pods', () => {
  test('two pods of a node that has no default route ping each other, IPv4 and IPv6 at once', async () => {
    const [a, b] = [await node.makeNamespace(), await node.makeNamespace()];
    await node.run();
    await node.felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    await node.felix.addEndpoint(pod('b', b, '10.60.0.2', 'fd60::2'));
    const pings = await Promise.all([
      a.run('ping -c 1 -W 5 10.60.0.2'),
      a.run('ping -c 1 -W 5 fd60::2'),
      b.run('ping -c 1 -W 5 10.60.0.1'),
    ]);
    // Duplicate address detection would take longer.
    for (const answer of pings) expect(Number(/time=(\S+)/.exec(answer)![1])).toBeLessThan(2_000);
  });

  test('the host pings a pod, and the pod a host behind the node', async () => {
    const [a, router] = [await node.makeNamespace(), await node.makeNamespace()];
    await node.addUplink();
    await node.host.ip(`link set eth0p netns ${router.path.split('/')[2]}`);
    await router.ip('link set eth0p up');
    await router.ip('addr add 192.0.2.9/24 dev eth0p');
    await router.ip('route add 10.60.0.0/26 via 192.0.2.1');
    await node.run();
    await node.felix.addEndpoint(pod('a', a, '10.60.0.1'));
    await node.host.run('ping -c 1 -W 5 10.60.0.1');
    await a.run('ping -c 1 -W 5 192.0.2.9');
  });

  test('a pod is wired as Calico wires it', async () => {
    const a = await node.makeNamespace();
    // Of this sysctl and an interface's own the kernel takes the greater.
    await a.run('sysctl -qw net.ipv6.conf.all.accept_dad=1');
    await node.run();
    const endpoint = await node.felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    const { hostInterface } = endpoint;
    expect(await a.ip('-6 addr show scope global tentative')).toBe('');
    expect(hostInterface).toBe(hostInterfaceOf('default', 'a'));
    expect(await node.host.ip(`-o link show ${hostInterface}`)).toMatch(
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
    const read = await node.host.run(`sysctl -n ${keys.join(' ')}`);
    expect(read.trim().split('\n')).toEqual(Object.values(values));
    const podKeys = ['accept_dad', 'accept_ra'].map((key) => `net.ipv6.conf.eth0.${key}`);
    expect(await a.run(`sysctl -n ${podKeys.join(' ')}`)).toBe('0\n0\n');
    await node.has(
      `10.60.0.1 dev ${hostInterface} proto 80 scope link metric 1024`,
      `fd60::1 dev ${hostInterface} proto 80 metric 1024`,
    );
  });

  test('a MAC address and an interface name that were asked for', async () => {
    const a = await node.makeNamespace();
    await node.run();
    const mac = '02:00:00:ab:00:01';
    const request = { ...pod('a', a, '10.60.0.1', 'fd60::1'), ifname: 'net1.7', mac };
    const endpoint = await node.felix.addEndpoint(request);
    expect(endpoint.mac).toBe(mac);
    expect(await a.ip('-o link show net1.7')).toMatch(` ${mac} `);
    expect(await node.felix.checkEndpoint({ ...endpoint, netns: a.path })).toEqual([]);
    await node.host.run('ping -c 1 -W 5 fd60::1');
    expect(await node.felix.addEndpoint(request)).toEqual(endpoint);
  });

  test('one family is enough, and the other is left alone', async () => {
    const [a, b] = [await node.makeNamespace(), await node.makeNamespace()];
    await b.run('sysctl -qw net.ipv6.conf.default.disable_ipv6=1');
    await node.run();
    await node.felix.addEndpoint(pod('a', a, '10.60.0.1'));
    expect(await a.routes(/default|169/)).toEqual([
      'default via 169.254.1.1 dev eth0',
      '169.254.1.1 dev eth0 scope link',
    ]);
    // A runtime that turned IPv6 off did not know that the pod would have it.
    await node.felix.addEndpoint(pod('b', b, 'fd60::2'));
    expect(await b.routes(/default|169/)).toEqual([
      'default via fe80::ecee:eeff:feee:eeee dev eth0 metric 1024',
    ]);
    await node.host.run('ping -c 1 -W 5 fd60::2');
  });

  test('an ADD that is repeated changes nothing; one that finds damage repairs it', async () => {
    const a = await node.makeNamespace();
    await node.addUplink();
    await node.run();
    const first = await node.felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    expect(await node.felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'))).toBe(first);
    await a.ip('route del default');
    const second = await node.felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    expect(second.mac).not.toBe(first.mac);
    expect(node.felix.endpoints()).toEqual([second]);
    expect(await node.felix.checkEndpoint({ ...second, netns: a.path })).toEqual([]);
    await node.host.run('ping -c 1 -W 5 10.60.0.1');
  });

  test('a pod’s next sandbox takes the interface; the DEL of the one before leaves it alone', async () => {
    const [old, next] = [await node.makeNamespace(), await node.makeNamespace()];
    await node.addUplink();
    await node.run();
    const before = await node.felix.addEndpoint(pod('a', old, '10.60.0.1'));
    const after = await node.felix.addEndpoint({
      ...pod('a', next, '10.60.0.2'),
      containerID: 'c2',
    });
    expect(after.hostInterface).toBe(before.hostInterface);
    expect(node.felix.endpoints()).toEqual([after]);
    for (const netns of [undefined, old.path])
      await node.felix.removeEndpoint({ ...before, ...(netns && { netns }) });
    expect(await node.felix.checkEndpoint({ ...after, netns: next.path })).toEqual([]);
    await node.has(`10.60.0.2 dev ${after.hostInterface} proto 80 scope link metric 1024`);
    await node.host.run('ping -c 1 -W 5 10.60.0.2');
  });

  test('a DEL removes all, and is done again without harm, also with the namespace gone', async () => {
    const a = await node.makeNamespace();
    await node.run();
    const endpoint = await node.felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    await node.felix.removeEndpoint({ ...endpoint, netns: a.path });
    expect(await node.host.ip('-o link show type veth')).toBe('');
    expect(await a.ip('-o link show type veth')).toBe('');
    expect(await readdir(join(node.stateDir, 'endpoints'))).toEqual([]);
    expect(node.felix.endpoints()).toEqual([]);
    await node.has();
    await node.felix.removeEndpoint({ ...endpoint, netns: a.path });
    await node.felix.removeEndpoint({
      containerID: 'never',
      ifname: 'eth0',
      netns: '/proc/0/ns/net',
    });
    await node.felix.removeEndpoint({ containerID: 'never', ifname: 'eth0' });
  });

  test('a DEL whose endpoint file is lost finds the interface by its namespace', async () => {
    const [a, b] = [await node.makeNamespace(), await node.makeNamespace()];
    await node.run();
    const lost = await node.felix.addEndpoint(pod('a', a, '10.60.0.1'));
    await node.felix.addEndpoint(pod('b', b, '10.60.0.2'));
    // Not a pod's: a veth of somebody else, in a pod of somebody else.
    await node.host.ip(
      `link add other type veth peer name eth0 netns ${(await node.makeNamespace()).path}`,
    );
    await rm(join(node.stateDir, 'endpoints', 'c-a@eth0.json'));
    await node.restart();
    for (const { path } of node.namespaces) {
      if (path !== b.path)
        await node.felix.removeEndpoint({
          containerID: lost.containerID,
          ifname: 'eth0',
          netns: path,
        });
    }
    expect((await node.host.ip('-o link show type veth')).split('\n').filter(Boolean)).toHaveLength(
      2,
    );
    expect(node.felix.endpoints().map(({ pod: name }) => name)).toEqual(['b']);
    await eventually(() => node.felix.inspect().inDoubt.length === 0);
  });

  test('a DEL of a sandbox that was never ours leaves a pod of ours alone', async () => {
    const a = await node.makeNamespace();
    await node.run();
    const live = await node.felix.addEndpoint(pod('a', a, '10.60.0.1'));
    await node.felix.removeEndpoint({ containerID: 'c9', ifname: 'eth0', netns: a.path });
    expect(await node.felix.checkEndpoint({ ...live, netns: a.path })).toEqual([]);
  });

  test('an ADD and its DEL that cross leave nothing', async () => {
    const a = await node.makeNamespace();
    await node.run();
    const request = pod('a', a, '10.60.0.1');
    const added = node.felix.addEndpoint(request);
    // Let it begin: the runtime gives up on it now.
    await Promise.resolve();
    await node.felix.removeEndpoint(request);
    await added;
    expect(node.felix.endpoints()).toEqual([]);
    expect(await node.host.ip('-o link show type veth')).toBe('');
  });

  test('a failed ADD leaves nothing', async () => {
    const a = await node.makeNamespace();
    await node.run();
    await a.ip('link add eth0 type bridge');
    await expect(node.felix.addEndpoint(pod('a', a, '10.60.0.1'))).rejects.toMatchObject({
      code: 'EEXIST',
      message: expect.stringMatching(/sandbox has an interface eth0 that is not ours/),
    });
    const gone = { ...pod('b', a, '10.60.0.2'), netns: '/proc/0/ns/net' };
    await expect(node.felix.addEndpoint(gone)).rejects.toMatchObject({ code: 'ENOENT' });
    // The address is a node's: its route is refused.
    node.felix.setNodeAddresses([parseAddress('10.60.0.3')]);
    await node.felix.resync();
    const c = await node.makeNamespace();
    await expect(node.felix.addEndpoint(pod('c', c, '10.60.0.3'))).rejects.toThrow(/node address/);
    // A stranger's route has the pod's place.
    await node.host.ip('route add blackhole 10.60.0.4/32 metric 1024');
    await expect(node.felix.addEndpoint(pod('d', c, '10.60.0.4'))).rejects.toThrow(
      /not ours has its/,
    );
    // The state folder does not take the file.
    await rm(join(node.stateDir, 'endpoints'), { recursive: true });
    await expect(node.felix.addEndpoint(pod('e', c, '10.60.0.5'))).rejects.toMatchObject({
      code: 'ENOENT',
    });
    await mkdir(join(node.stateDir, 'endpoints'));

    expect(node.felix.endpoints()).toEqual([]);
    expect(await node.host.ip('-o link show type veth')).toBe('');
    expect(await c.ip('-o link show type veth')).toBe('');
    await node.has('blackhole 10.60.0.4 metric 1024');
    const fine = await node.felix.addEndpoint(pod('c', c, '10.60.0.6'));
    expect(await node.felix.checkEndpoint({ ...fine, netns: c.path })).toEqual([]);
  });

  test.each<[fault: string, change: Partial<EndpointRequest>, message: RegExp]>([
    ['a container ID that is a path', { containerID: '../x' }, /container ID/],
    ['an interface name that is too long', { ifname: 'x'.repeat(16) }, /longer than 15/],
    ['no address', { addresses: [] }, /no address/],
    ['an MTU that IPv6 can’t do with', { mtu: 1279 }, /MTU 1279 is not one of 1280–65535/],
    ['an MTU that is none', { mtu: 1.5 }, /MTU 1\.5/],
    ['no pod name', { pod: '' }, /no name/],
  ])('%s is refused before anything is touched', async (_, change, message) => {
    const a = await node.makeNamespace();
    await node.run();
    const request = { ...pod('a', a, 'fd60::1'), ...change };
    await expect(node.felix.addEndpoint(request)).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringMatching(message),
    });
    expect(await node.host.ip('-o link show type veth')).toBe('');
  });

  test('fifty pods come and go, ten at a time, and leave nothing', async () => {
    const pods = await Promise.all(Array.from({ length: 50 }, () => node.makeNamespace()));
    await node.run();
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    const add = async (netns: TestNamespace, i: number) => {
      const request = pod(`p${i}`, netns, `10.60.0.${i + 1}`, `fd60::${i + 1}`);
      await node.felix.addEndpoint(request);
      expect(await node.felix.checkEndpoint(request)).toEqual([]);
    };
    for (let i = 0; i < 50; i += 10)
      await Promise.all(pods.slice(i, i + 10).map((netns, j) => add(netns, i + j)));
    expect(await node.host.routes(/proto 80/)).toHaveLength(100);
    await pods[0]!.run('ping -c 1 -W 5 10.60.0.50');
    const { resyncs } = node.felix.inspect().routes;
    await Promise.all(
      node.felix.endpoints().map((endpoint) => node.felix.removeEndpoint(endpoint)),
    );
    expect(node.felix.endpoints()).toEqual([]);
    expect(await node.host.ip('-o link show type veth')).toBe('');
    expect(await readdir(join(node.stateDir, 'endpoints'))).toEqual([]);
    await node.has();
    await eventually(() => node.felix.inspect().routes.pending === 0);
    expect(node.felix.inspect()).toMatchObject({ endpoints: 0, failed: [], inDoubt: [] });
    expect(node.felix.inspect().routes).toMatchObject({ desired: 0, failed: 0 });
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
    const a = await node.makeNamespace();
    await node.run();
    const endpoint = await node.felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    const ref = { ...endpoint, netns: a.path };
    expect(await node.felix.checkEndpoint(ref)).toEqual([]);
    const inside = where === 'host' ? node.host : a;
    await inside.run(command.replace('HOST', endpoint.hostInterface));
    expect((await node.felix.checkEndpoint(ref)).join('; ')).toMatch(found);
  });

  test('finds a route of the host gone, if it is not back by then', async () => {
    const a = await node.makeNamespace();
    await node.run();
    const endpoint = await node.felix.addEndpoint(pod('a', a, '10.60.0.1'));
    await node.felix.close();
    await node.host.ip('route del 10.60.0.1');
    expect(await node.felix.checkEndpoint({ ...endpoint, netns: a.path })).toEqual([
      expect.stringMatching(/host has no route 10\.60\.0\.1\/32 dev cali/),
    ]);
  });

  test('of what is not ours says so', async () => {
    await node.run();
    const ref = { containerID: 'c9', ifname: 'eth0', netns: node.host.path };
    expect(await node.felix.checkEndpoint(ref)).toEqual([
      'sandbox c9 has no interface eth0 of ours',
    ]);
  });
});
