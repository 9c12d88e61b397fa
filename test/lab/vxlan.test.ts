/** Three nodes in two subnets, VXLAN and then UDP between these, no BGP at first. Needs root; all in namespaces of the lab's own. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentStatus } from '../../src/inspect/agent-status.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabPod } from '../../src/lab/pods.ts';
import { agentStatuses, agentsConverged } from '../../src/lab/show.ts';
import {
  lostPings,
  onePodANode,
  packetsLostInRestart,
  routesTouchedDuring,
  startLabWithPods,
  within,
} from './lab-with-pods.ts';
import { setPoolModes } from './pool-modes.ts';

const NODES = ['node1', 'node2', 'node3'];
const UDP_POOLS = [
  ['pods-ipv4', '10.244.0.0/16', 26],
  ['pods-ipv6', 'fd44::/48', 122],
].map(([name, cidr, blockSize]) => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'IPPool',
  metadata: { name },
  spec: { cidr, blockSize, vxlanMode: 'Never', udpMode: 'CrossSubnet' },
}));
let lab: Lab;
let pods: LabPod[];

beforeAll(async () => {
  ({ lab, pods } = await startLabWithPods('deploy/containerlab/vxlan.clab.yml', NODES));
}, 120_000);

afterAll(async () => {
  await lab?.close();
}, 60_000);

test('every pod reaches every other one, over IPv4 and IPv6', async () => {
  expect(pods).toHaveLength(6);
  expect(await lostPings(lab, pods, 30_000)).toEqual([]);
}, 60_000);

/** Lines of `ip route` and `ip -6 route` that are ours, and remote: by a gateway, or by a tunnel that needs none. */
async function remoteRoutes(node: string): Promise<string[]> {
  const text = await lab.mustRun(node, ['sh', '-c', 'ip route; ip -6 route']);
  return text
    .split('\n')
    .map((line) => line.replace(' pref medium', '').trim())
    .filter((line) => /proto 80 /.test(`${line} `) && / via | dev udp/.test(line));
}

test('CrossSubnet: to the same subnet by the NIC, to the other by VXLAN, over both families', async () => {
  const [block4, block6] = [String.raw`10\.244\.\d+\.\d+/26`, String.raw`fd44:\S+/122`];
  const toNode2 = [
    `^${block4} via 10\\.31\\.1\\.2 dev eth1 proto 80 metric 1024$`,
    `^${block6} via fd31:1::2 dev eth1 proto 80 metric 1024$`,
  ];
  const toNode3 = [
    `^${block4} via 10\\.244\\.\\d+\\.\\d+ dev vxlan\\.calico proto 80 metric 1024 onlink$`,
    `^${block6} via fd44:\\S+ dev vxlan-v6\\.calico proto 80 metric 1024 onlink$`,
  ];
  const routes = await remoteRoutes('node1');
  for (const pattern of [...toNode2, ...toNode3])
    expect(routes.filter((route) => new RegExp(pattern).test(route))).toHaveLength(1);
  expect(routes).toHaveLength(4);
  expect((await remoteRoutes('node3')).every((route) => / dev vxlan/.test(route))).toBe(true);
});

test('devices, neighbours and forwarding entries are as Calico has them', async () => {
  const { items } = JSON.parse(
    await lab.mustRun('api', ['tortiectl', 'get', 'nodes', '-o', 'json']),
  );
  const node3 = items.find(
    (node: { metadata: { name: string } }) => node.metadata.name === 'node3',
  );
  const { annotations } = node3.metadata as { annotations: Record<string, string> };
  const address4 = annotations['projectcalico.org/IPv4VXLANTunnelAddr'];
  const address6 = annotations['projectcalico.org/IPv6VXLANTunnelAddr'];
  const own = await lab.mustRun('node3', ['ip', '-d', 'addr', 'show', 'dev', 'vxlan.calico']);
  expect(own).toMatch(/mtu 1450 /);
  expect(own).toMatch(/vxlan id 4096 local 10\.31\.2\.1 dev eth1 .*dstport 4789 nolearning/);
  expect(own).toContain(`inet ${address4}/32 scope global`);
  const own6 = await lab.mustRun('node3', ['ip', '-d', 'addr', 'show', 'dev', 'vxlan-v6.calico']);
  expect(own6).toMatch(/mtu 1430 /);
  expect(own6).toMatch(/vxlan id 4096 local fd31:2::1 dev eth1 .*dstport 4789 nolearning/);
  expect(own6).toContain(`inet6 ${address6}/128 scope global`);
  const mac = /link\/ether (\S+)/.exec(own)![1]!;
  // printf node3 | sha1sum
  expect(mac).toBe('66:a4:6f:e0:c4:da');
  const neighbours = await lab.mustRun('node1', ['ip', 'neigh', 'show', 'dev', 'vxlan.calico']);
  expect(neighbours).toContain(`${address4} lladdr ${mac} PERMANENT`);
  const fdb = await lab.mustRun('node1', ['bridge', 'fdb', 'show', 'dev', 'vxlan.calico']);
  expect(fdb).toContain(`${mac} dst 10.31.2.1 self permanent`);
});

test('a packet of the pod’s MTU passes unbroken, one byte more does not', async () => {
  const [from, to] = ['node1', 'node3'].map((node) => pods.find((pod) => pod.node === node)!);
  const link = await lab.mustRun('node1', [
    ...['ip', 'netns', 'exec', from!.name],
    ...['ip', '-o', 'link', 'show', 'eth0'],
  ]);
  // The smaller of both families' tunnels.
  expect(link).toContain('mtu 1430 ');
  for (const [address, header] of [
    [to!.addresses[0]!, 28],
    [to!.addresses[1]!, 48],
  ] as const) {
    const ping = (size: number) =>
      lab.run('node1', [
        ...['ip', 'netns', 'exec', from!.name],
        ...[
          'ping',
          '-n',
          '-c',
          '3',
          '-i',
          '0.2',
          '-W',
          '2',
          '-M',
          'do',
          '-s',
          String(size),
          address,
        ],
      ]);
    expect((await ping(1430 - header)).stdout).toContain(' 0% packet loss');
    expect((await ping(1431 - header)).code).not.toBe(0);
  }
}, 60_000);

test('BGP announces the same blocks: not one route changes', async () => {
  const before = await Promise.all(NODES.map(remoteRoutes));
  const mesh =
    'apiVersion: projectcalico.org/v3\nkind: BGPConfiguration\nmetadata: {name: default}\nspec: {nodeToNodeMeshEnabled: true}\n';
  const touched = await routesTouchedDuring(lab, 'node1', async () => {
    await lab.mustRun('api', ['tortiectl', 'apply', '-f', '-'], mesh);
    for (let haveAll = false; !haveAll; ) {
      const statuses = await agentsConverged(lab, NODES, () => {});
      for (const { problems } of statuses) expect(problems).toEqual([]);
      haveAll = statuses.every(
        ({ sessions }) => sessions.length === 4 && sessions.every(({ received }) => received > 0),
      );
    }
    // Long enough for what has come to be chosen and written.
    await sleep(2_000);
  });
  expect(touched).toEqual([]);
  expect(await Promise.all(NODES.map(remoteRoutes))).toEqual(before);
}, 60_000);

test('the pools change to UDP: the other subnet by its tunnel, over both families', async () => {
  for (const pool of UDP_POOLS)
    await lab.mustRun('api', ['tortiectl', 'apply', '-f', '-'], JSON.stringify(pool));
  const device = () => lab.mustRun('node3', ['sh', '-c', 'ip addr show dev udp.tortie || true']);
  const isDone = async () => {
    const routes = await Promise.all(NODES.map(remoteRoutes));
    const counts = routes.map((all) => all.filter((one) => / dev udp\.tortie /.test(one)).length);
    const hasAddresses = /inet 10\.244\.\S+\/32 (.|\n)*inet6 fd44:\S+\/128 /.test(await device());
    return hasAddresses && `${counts}` === '2,2,4' && !/vxlan/.test(`${routes}`);
  };
  for (const end = performance.now() + 30_000; !(await isDone()) && performance.now() < end; )
    await sleep(200);
  expect(await remoteRoutes('node1')).toEqual([
    expect.stringMatching(/^10\.244\.\S+ (via 10\.31\.1\.2 dev eth1|dev udp\.tortie) proto 80 /),
    expect.stringMatching(/^10\.244\.\S+ (via 10\.31\.1\.2 dev eth1|dev udp\.tortie) proto 80 /),
    expect.stringMatching(/^fd44:\S+ (via fd31:1::2 dev eth1|dev udp\.tortie) proto 80 /),
    expect.stringMatching(/^fd44:\S+ (via fd31:1::2 dev eth1|dev udp\.tortie) proto 80 /),
  ]);
  expect(await lostPings(lab, pods, 30_000)).toEqual([]);
  expect(await device()).toMatch(
    /mtu 1452 (.|\n)*inet 10\.244\.\S+\/32 (.|\n)*inet6 fd44:\S+\/128 /,
  );
  expect(await lab.mustRun('node3', ['tortiectl', 'node', 'status'])).toMatch(
    /UDP tunnel: [1-9]\d* packets sent, [1-9]\d* received/,
  );
}, 90_000);

test('UDP: a kill -9 of the agents loses no packet, and the forwarders are taken over', async () => {
  const forwarders = () =>
    Promise.all(NODES.map((node) => lab.mustRun(node, ['pidof', 'forwarder'])));
  const before = await forwarders();
  const lost = await packetsLostInRestart(lab, onePodANode(pods), NODES, 'SIGKILL');
  expect(lost).toEqual([]);
  expect(await forwarders()).toEqual(before);

  await Promise.all(before.map((pid, i) => lab.mustRun(NODES[i]!, ['kill', '-9', pid.trim()])));
  expect(await lostPings(lab, pods, 30_000)).toEqual([]);
}, 120_000);

test('programClusterRoutes: BGP’s routes become the datastore’s and BGP’s again, and not one is touched', async () => {
  const configure = (kind: string, spec: object) => {
    const configuration = {
      apiVersion: 'projectcalico.org/v3',
      kind,
      metadata: { name: 'default' },
    };
    return lab.mustRun(
      'api',
      ['tortiectl', 'apply', '-f', '-'],
      JSON.stringify({ ...configuration, spec }),
    );
  };
  /** Of every agent. */
  const until = async (isDone: (status: AgentStatus) => boolean) => {
    const check = async () =>
      (await agentStatuses(lab, NODES)).every((status) => status !== undefined && isDone(status));
    expect(await within(40_000, check)).toBe(true);
  };
  const tells = (text: string) => (status: AgentStatus) =>
    status.problems.some((problem) => problem.includes(text));
  const hears = ({ sessions }: AgentStatus) =>
    sessions.length === 4 && sessions.every(({ received }) => received > 0);

  await setPoolModes(lab, {});
  // Another subnet's node by the router, as the host's own routes say.
  const ways = [
    String.raw`10\.31\.1\.2 dev eth1`,
    String.raw`10\.31\.1\.254 dev eth1`,
    'fd31:1::2 dev eth1',
    'fd31:1::ff dev eth1',
  ];
  const areDirect = async () => {
    const routes = await Promise.all(NODES.map(remoteRoutes));
    return (
      routes.every((all) => all.length === 4 && all.every((route) => / dev eth1 /.test(route))) &&
      ways.every((way) => routes[0]!.some((route) => new RegExp(` via ${way} `).test(route)))
    );
  };
  expect(await within(40_000, areDirect)).toBe(true);
  const before = await Promise.all(NODES.map(remoteRoutes));

  const touched = await routesTouchedDuring(lab, 'node1', async () => {
    await configure('BGPConfiguration', {
      nodeToNodeMeshEnabled: true,
      programClusterRoutes: 'Enabled',
    });
    await configure('FelixConfiguration', { programClusterRoutes: 'Enabled' });
    await until(tells('both program the routes of unencapsulated pools'));
    await configure('BGPConfiguration', {
      nodeToNodeMeshEnabled: false,
      programClusterRoutes: 'Disabled',
    });
    await until(({ sessions, problems }) => sessions.length === 0 && problems.length === 0);
    expect(await Promise.all(NODES.map(remoteRoutes))).toEqual(before);
    await configure('BGPConfiguration', {
      nodeToNodeMeshEnabled: true,
      programClusterRoutes: 'Disabled',
    });
    await until(hears);
    await configure('FelixConfiguration', { programClusterRoutes: 'Disabled' });
    await until(tells('neither programs the routes of unencapsulated pools'));
    expect(await Promise.all(NODES.map(remoteRoutes))).toEqual(before);
  });
  expect(touched).toEqual([]);

  await configure('BGPConfiguration', {
    nodeToNodeMeshEnabled: false,
    programClusterRoutes: 'Enabled',
  });
  const areGone = async () => (await remoteRoutes('node1')).length === 0;
  expect(await within(40_000, areGone)).toBe(true);
}, 180_000);
