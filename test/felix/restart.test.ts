/** What Felix does until it is in sync, finds when it starts again, and leaves when it ends, on the real kernel. Needs root. */

import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseAddress, parsePrefix } from 'net-ipaddr';
import { cleanup } from '../../felix/cleanup.ts';
import { Felix, hostInterfaceOf } from '../../felix/felix.ts';
import { FakeKernel } from './fake-kernel.ts';
import { eventually } from './namespace.ts';
import { OneNode } from './one-node.ts';
import { pod } from './pod.ts';
import { realClock, TestLog } from './ports.ts';

let node: OneNode;

beforeEach(async () => {
  node = await OneNode.make();
});

afterEach(() => node.end());

describe('before it is in sync', () => {
  test('nothing is written, and an ADD waits', async () => {
    const a = await node.makeNamespace();
    node.felix.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
    const added = node.felix.addEndpoint(pod('a', a, '10.60.0.1'));
    await node.felix.start();
    node.learn('10.60.1.0/26 via 192.0.2.2');
    await setTimeout(200);
    expect(await node.host.routes()).toEqual([]);
    expect(await node.host.ip('-o link show type veth')).toBe('');
    expect(await node.host.run('sysctl -n net.ipv4.ip_forward')).toBe('0\n');
    node.felix.setDatastoreInSync();
    await added;
    await eventually(async () => (await node.host.routes(/proto 80/)).length === 2);
  });

  test('an ADD that waits too long is told to come again', async () => {
    const { after } = realClock;
    // The wait is of ten seconds; here they are shorter.
    const clock = { ...realClock, after: (ms: number, fn: () => void) => after(ms / 100, fn) };
    node.felix = new Felix({ ...node, clock, random: Math.random });
    await node.felix.start();
    await expect(node.felix.addEndpoint(pod('a', node.host, '10.60.0.1'))).rejects.toMatchObject({
      code: 'EAGAIN',
      message: 'not in sync yet with the datastore; try again',
    });
  });

  test('a DEL and a CHECK are done', async () => {
    const [a, b] = [await node.makeNamespace(), await node.makeNamespace()];
    await node.run();
    const gone = await node.felix.addEndpoint(pod('a', a, '10.60.0.1'));
    const live = await node.felix.addEndpoint(pod('b', b, '10.60.0.2'));
    await node.restart();
    await node.felix.removeEndpoint(gone);
    expect(await a.ip('-o link show type veth')).toBe('');
    expect(await node.felix.checkEndpoint({ ...live, netns: b.path })).toEqual([]);
  });
});

describe('a restart', () => {
  test('finds its pods by their files, and changes nothing', async () => {
    const [a, b] = [await node.makeNamespace(), await node.makeNamespace()];
    await node.run();
    node.felix.setLocalBlocks(['10.60.0.0/26', 'fd60::/122'].map(parsePrefix));
    const first = await node.felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    const second = await node.felix.addEndpoint(pod('b', b, '10.60.0.2', 'fd60::2'));
    await eventually(() => node.felix.inspect().routes.pending === 0);
    const before = await node.host.routes();
    await node.restart();
    expect(await node.host.routes()).toEqual(before);
    expect(node.felix.endpoints()).toEqual([first, second]);
    node.felix.setLocalBlocks(['10.60.0.0/26', 'fd60::/122'].map(parsePrefix));
    node.felix.setAllocations(
      node.felix
        .endpoints()
        .flatMap(({ addresses, handleId, namespace, pod: name }) =>
          addresses.map((address) => ({ address, handleId, namespace, pod: name })),
        ),
    );
    node.felix.setDatastoreInSync();
    node.felix.setLearnedInSync();
    await eventually(() => node.felix.inspect().inSync);
    await node.felix.resync();
    expect(await node.host.routes()).toEqual(before);
    expect(node.felix.inspect().routes).toMatchObject({
      added: 0,
      replaced: 0,
      removed: 0,
      failed: 0,
    });
    expect(node.felix.inspect().inDoubt).toEqual([]);
    await a.run('ping -c 1 -W 5 fd60::2');
    for (const endpoint of node.felix.endpoints()) await node.felix.removeEndpoint(endpoint);
    expect(await node.host.ip('-o link show type veth')).toBe('');
  });

  test('what was lost meanwhile is repaired', async () => {
    const a = await node.makeNamespace();
    await node.run();
    const { hostInterface } = await node.felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    await node.felix.close();
    await node.host.ip(`link set ${hostInterface} down`);
    await node.host.ip(`link set ${hostInterface} up`);
    expect(await node.host.routes(/proto 80/)).toEqual([]);
    await node.restart();
    node.felix.setDatastoreInSync();
    await node.has(
      `10.60.0.1 dev ${hostInterface} proto 80 scope link metric 1024`,
      `fd60::1 dev ${hostInterface} proto 80 metric 1024`,
    );
  });

  test('what is in doubt stays, and is told of', async () => {
    const [a, b, c] = [
      await node.makeNamespace(),
      await node.makeNamespace(),
      await node.makeNamespace(),
    ];
    await node.run();
    node.felix.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
    const lost = await node.felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
    const torn = await node.felix.addEndpoint(pod('b', b, '10.60.0.2'));
    const bare = await node.felix.addEndpoint(pod('c', c, '10.60.0.3'));
    await node.felix.close();
    const files = join(node.stateDir, 'endpoints');
    await rm(join(files, 'c-a@eth0.json'));
    await truncate(join(files, 'c-b@eth0.json'), 40);
    await node.host.ip(`link del ${bare.hostInterface}`);

    await node.restart();
    node.felix.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
    node.felix.setAllocations([]);
    node.felix.setDatastoreInSync();
    node.felix.setLearnedInSync();
    await eventually(() => node.felix.inspect().inSync);
    await node.felix.resync();
    const inDoubt = node.felix
      .inspect()
      .inDoubt.map(({ subject, reason }) => `${subject}: ${reason}`);
    expect(inDoubt).toHaveLength(5);
    for (const pattern of [
      /^10\.60\.0\.3: pod default\/c .*free in IPAM/,
      /^\/.*c-b@eth0\.json: it is not JSON/,
      `^${torn.hostInterface}: .*no endpoint file.*10.60.0.2`,
      `^${bare.hostInterface}: .*the interface is gone`,
      `^${lost.hostInterface}: .*no endpoint file.*10.60.0.1, fd60::1`,
    ])
      expect(inDoubt).toContainEqual(expect.stringMatching(pattern));
    expect(node.log.lines.filter((line) => line.includes('no endpoint file'))).toHaveLength(2);
    expect((await readdir(files)).sort()).toEqual(['c-b@eth0.json', 'c-c@eth0.json']);

    // They are kept as others are: what goes is put back.
    await node.host.ip(`link set ${lost.hostInterface} down`);
    await node.host.ip(`link set ${lost.hostInterface} up`);
    await node.has(
      'blackhole 10.60.0.0/26 proto 80 metric 1024',
      `10.60.0.1 dev ${lost.hostInterface} proto 80 scope link metric 1024`,
      `10.60.0.2 dev ${torn.hostInterface} proto 80 scope link metric 1024`,
      `fd60::1 dev ${lost.hostInterface} proto 80 metric 1024`,
    );
    await a.run('ping -c 1 -W 5 10.60.0.2');

    // A new sandbox of the pod puts an end to the doubt.
    await node.felix.addEndpoint({ ...pod('a', a, '10.60.0.5'), containerID: 'c-a2' });
    expect(node.felix.inspect().inDoubt.map(({ subject }) => subject)).not.toContain(
      lost.hostInterface,
    );
    await node.has(
      'blackhole 10.60.0.0/26 proto 80 metric 1024',
      `10.60.0.2 dev ${torn.hostInterface} proto 80 scope link metric 1024`,
      `10.60.0.5 dev ${lost.hostInterface} proto 80 scope link metric 1024`,
    );
  });

  test('allocations are held against what was there when they were read', async () => {
    const [a, b] = [await node.makeNamespace(), await node.makeNamespace()];
    await node.run();
    const first = await node.felix.addEndpoint(pod('a', a, '10.60.0.1'));
    await node.restart();
    node.felix.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
    const allocated = { handleId: first.handleId, namespace: 'default', pod: 'a' };
    const leaked = { handleId: 'k8s.c-x', namespace: 'default', pod: 'x' };
    node.felix.setAllocations([
      { ...allocated, address: parseAddress('10.60.0.1') },
      { ...leaked, address: parseAddress('10.60.0.9') },
    ]);
    node.felix.setDatastoreInSync();
    const subjects = () => node.felix.inspect().inDoubt.map(({ subject }) => subject);
    expect(subjects()).toEqual(['10.60.0.9']);
    await node.felix.addEndpoint(pod('b', b, '10.60.0.2'));
    await node.felix.removeEndpoint(first);
    expect(subjects()).toEqual(['10.60.0.9']);
    node.felix.setAllocations([]);
    expect(subjects()).toEqual(['10.60.0.2']);
  });

  test('of two files for one interface the newer counts; the DEL of the older leaves it', async () => {
    const [old, next] = [await node.makeNamespace(), await node.makeNamespace()];
    await node.run();
    const before = await node.felix.addEndpoint(pod('a', old, '10.60.0.1'));
    const file = join(node.stateDir, 'endpoints', 'c-a@eth0.json');
    const content = await readFile(file);
    const after = await node.felix.addEndpoint({
      ...pod('a', next, '10.60.0.2'),
      containerID: 'c2',
    });
    // As a crash between the two steps leaves it.
    await writeFile(file, content);
    await node.restart();
    node.felix.setDatastoreInSync();
    expect(node.felix.endpoints()).toHaveLength(2);
    expect(node.felix.inspect().inDoubt).toEqual([
      {
        subject: after.hostInterface,
        reason: expect.stringMatching(/both claim it; the newer, c2/),
      },
    ]);
    await node.felix.removeEndpoint(before);
    expect(node.felix.endpoints()).toEqual([after]);
    expect(node.felix.inspect().inDoubt).toEqual([]);
    expect(await node.felix.checkEndpoint({ ...after, netns: next.path })).toEqual([]);
    await node.has(`10.60.0.2 dev ${after.hostInterface} proto 80 scope link metric 1024`);
  });

  test('a pod that Calico wired is known by its allocation', async () => {
    const a = await node.makeNamespace();
    const name = hostInterfaceOf('default', 'a');
    await node.host.ip(`link add ${name} type veth peer name eth0 netns ${a.path}`);
    await a.ip('link set eth0 up');
    await node.host.ip(`link set ${name} up`);
    await node.host.ip(`route add 10.60.0.1/32 dev ${name} proto 80`);
    await node.felix.start();
    node.felix.setAllocations([
      { address: parseAddress('fd60::1'), handleId: 'k8s.c-a', namespace: 'default', pod: 'a' },
    ]);
    node.felix.setDatastoreInSync();
    await node.has(
      `10.60.0.1 dev ${name} proto 80 scope link metric 1024`,
      `fd60::1 dev ${name} proto 80 metric 1024`,
    );
  });

  test('learned routes stay over it', async () => {
    await node.addUplink();
    await node.run();
    node.learn(
      '10.60.1.0/26 via 192.0.2.2',
      '10.60.2.0/26 via 192.0.2.2',
      'fd60:1::/122 via 2001:db8::2',
    );
    await eventually(() => node.felix.inspect().routes.pending === 0);
    const before = await node.host.routes(/10\.60|fd60/);
    expect(before).toHaveLength(3);
    await node.restart({ learnedDeadlineMs: 60_000 });
    node.felix.setDatastoreInSync();
    await eventually(() => node.felix.inspect().inSync);
    await node.felix.resync();
    node.learn('10.60.1.0/26 via 192.0.2.2');
    await node.felix.resync();
    expect(await node.host.routes(/10\.60|fd60/)).toEqual(before);
    node.felix.setLearnedInSync();
    await node.has('10.60.1.0/26 via 192.0.2.2 dev eth0 proto 80 metric 1024');
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
  node.felix = new Felix({
    kernel: fake,
    clock,
    random: Math.random,
    log: new TestLog(),
    stateDir: node.stateDir,
  });
  await node.run();
  expect(node.felix.inspect().inDoubt).toHaveLength(1);
  fake.deliver = (event) => late.push(event);
  await node.felix.addEndpoint({ ...pod('a', node.host, '10.60.0.1'), netns: fake.addPod('next') });
  expect(late.length).toBeGreaterThan(0);
  for (const event of late) event();
  await node.felix.resync();
  await eventually(() => node.felix.inspect().routes.pending === 0);
  const routes = await fake.stranger().routes({ protocol: 80 });
  expect(routes.map(({ oif }) => oif)).toEqual([fake.host.link(name)!.index]);
  expect(node.felix.inspect()).toMatchObject({ endpoints: 1, inDoubt: [], failed: [] });
});

test('close removes nothing; cleanup removes all that is ours, and nothing else', async () => {
  await node.addUplink();
  const [a, b] = [await node.makeNamespace(), await node.makeNamespace()];
  await node.host.ip('route add 10.99.0.0/16 via 192.0.2.9');
  const before = await node.host.routes();
  await node.run();
  node.felix.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
  node.learn('10.60.1.0/26 via 192.0.2.2', 'fd60:2::/122 via 2001:db8::2 2001:db8::3');
  await node.felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
  await node.felix.addEndpoint(pod('b', b, '10.60.0.2'));
  await eventually(() => node.felix.inspect().routes.pending === 0);
  const during = await node.host.routes();
  await node.felix.close();
  expect(await node.host.routes()).toEqual(during);
  expect(await node.host.ip('nexthop')).toMatch(/ group .* proto 80/);
  const malformed = join(node.stateDir, 'endpoints', 'x@eth0.json');
  await writeFile(malformed, '{');
  await node.host.ip('link add vxlan.calico type vxlan id 4096 dstport 4789 local 192.0.2.1');
  await node.host.ip('link add vxlan.other type vxlan id 7 dstport 4790 local 192.0.2.1');

  expect(await cleanup(node)).toEqual({
    interfaces: 2,
    tunnels: 1,
    routes: 6,
    packetTable: true,
    endpointFiles: 2,
    faults: [expect.stringContaining(malformed)],
  });
  expect(await node.host.routes()).toEqual(before);
  expect(await node.host.ip('nexthop')).toBe('');
  expect(await node.host.ip('-o link show eth0')).toMatch(/state UP/);
  expect(await node.host.ip('-o link show type vxlan')).toMatch(/^\S+ vxlan.other/);
  expect(await cleanup(node)).toMatchObject({ interfaces: 0, routes: 0 });
});
