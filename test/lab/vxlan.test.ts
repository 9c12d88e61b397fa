/**
 * Three nodes in two subnets: VXLAN between these, then UDP, then nothing but a router that knows the blocks. No BGP at
 * first. Needs root; all in namespaces of the lab's own.
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { askForwarder } from '../../felix/tunnel/udp/question.ts';
import type { AgentStatus } from '../../src/inspect/agent-status.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabPod } from '../../src/lab/pods.ts';
import { agentStatuses, agentsConverged } from '../../src/lab/show.ts';
import { ipRoutes } from '../ip-routes.ts';
import { send } from './lab-api.ts';
import {
  lostPings,
  onePodANode,
  packetsLostDuring,
  packetsLostInRestart,
  routesTouchedDuring,
  startLabWithPods,
  within,
} from './lab-with-pods.ts';
import { runContainer } from './manifest.ts';
import { nodeEvents } from './node-events.ts';
import { setPoolModes } from './pool-modes.ts';
import { podman, prepareRuntimes, removeCgroups } from './runtimes.ts';
import { packetsSent, ways } from './ways.ts';

const NODES = ['node1', 'node2', 'node3'];
const NODE_ADDRESSES: Record<string, readonly [string, string]> = {
  node1: ['10.31.1.1', 'fd31:1::1'],
  node2: ['10.31.1.2', 'fd31:1::2'],
  node3: ['10.31.2.1', 'fd31:2::1'],
};
let lab: Lab;
let pods: LabPod[];

beforeAll(async () => {
  ({ lab, pods } = await startLabWithPods('deploy/containerlab/vxlan.clab.yml', NODES));
}, 120_000);

afterAll(async () => {
  await lab?.close();
  await removeCgroups();
}, 60_000);

test('every pod reaches every other one, over IPv4 and IPv6', async () => {
  expect(pods).toHaveLength(6);
  expect(await lostPings(lab, pods, 30_000)).toEqual([]);
}, 60_000);

/** Lines of `ip route` and `ip -6 route` that are ours, and remote: by a gateway, or by a tunnel that needs none. */
async function remoteRoutes(node: string): Promise<string[]> {
  const text = await lab.mustRun(node, ['sh', '-c', 'ip route; ip -6 route']);
  return ipRoutes(text).filter(
    (line) => /proto 80 /.test(`${line} `) && / via | dev udp/.test(line),
  );
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

const BY_ROUTER = ['via 10.31.1.254 dev eth1, no tunnel', 'via fd31:1::ff dev eth1, no tunnel'];
const WITHIN_SUBNET = ['via 10.31.1.2 dev eth1, no tunnel', 'via fd31:1::2 dev eth1, no tunnel'];

test('CrossSubnet: what node1’s kernel sends to node2 goes by no tunnel, to node3 by VXLAN', async () => {
  expect(await ways(lab, pods)).toEqual([
    ...WITHIN_SUBNET,
    expect.stringMatching(/^via 10\.244\.\S+ dev vxlan\.calico, vxlan\.calico$/),
    expect.stringMatching(/^via fd44:\S+ dev vxlan-v6\.calico, vxlan-v6\.calico$/),
  ]);
}, 60_000);

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
  await setPoolModes(lab, { udpMode: 'CrossSubnet' });
  const device = () => lab.mustRun('node3', ['sh', '-c', 'ip addr show dev udp.tortie || true']);
  const isDone = async () => {
    const routes = await Promise.all(NODES.map(remoteRoutes));
    const counts = routes.map((all) => all.filter((one) => / dev udp\.tortie /.test(one)).length);
    const hasAddresses = /inet 10\.244\.\S+\/32 (.|\n)*inet6 fd44:\S+\/128 /.test(await device());
    return hasAddresses && `${counts}` === '2,2,4' && !/vxlan/.test(`${routes}`);
  };
  expect(await within(30_000, isDone)).toBe(true);
  expect(await lostPings(lab, pods, 30_000)).toEqual([]);
  expect(await ways(lab, pods)).toEqual([
    ...WITHIN_SUBNET,
    'dev udp.tortie, udp.tortie',
    'via fe80::1 dev udp.tortie, udp.tortie',
  ]);
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

test('UDP: in a container with what deploy/kubernetes grants the forwarder takes over, and no packet is lost, nor when the agent dies', async () => {
  await prepareRuntimes(lab, 'node1');
  const socket = `/proc/${lab.node('node1').pid}/root/var/lib/tortie/udp/socket`;
  const isApart = async () => (await askForwarder(socket))?.isApart;
  let container: Promise<void> | undefined;
  const lost = await packetsLostDuring(lab, onePodANode(pods), async () => {
    container = runContainer(lab, 'node1', 'udp-forwarder.yaml');
    const isInPlace = within(60_000, async () => (await isApart()) === true);
    // One that does not begin says why.
    expect(await Promise.race([isInPlace, container])).toBe(true);
    await lab.killProgram('node1', 'SIGKILL');
    lab.startProgram('node1');
    await agentsConverged(lab, NODES, () => {});
  });
  expect(lost).toEqual([]);
  expect(await isApart()).toBe(true);
  // The agent's own has ended.
  expect((await lab.mustRun('node1', ['pidof', 'forwarder'])).trim()).toMatch(/^\d+$/);

  // As the kubelet ends it: its code is 0, and the agent's own forwarder takes the device up.
  await podman(lab, 'node1', ['stop', '--time', '30', 'udp-forwarder']);
  await container;
  expect(await within(30_000, async () => (await isApart()) === false)).toBe(true);
  expect(await lostPings(lab, pods, 30_000)).toEqual([]);
}, 180_000);

test('the pools change to no encapsulation: the other subnet by the router, which BGP’s next hops are reached through', async () => {
  const statuses = await agentStatuses(lab, NODES);
  for (const { node, blocks } of statuses.map((status) => status!))
    for (const block of blocks) {
      const address = NODE_ADDRESSES[node]![block.includes(':') ? 1 : 0];
      await lab.mustRun('router', ['ip', 'route', 'add', block, 'via', address]);
    }
  await setPoolModes(lab, {});
  const isDone = async () => {
    const routes = (await Promise.all(NODES.map(remoteRoutes))).flat();
    const tunnels = await Promise.all(NODES.map((node) => packetsSent(lab, node)));
    return (
      routes.every((route) => / dev eth1 /.test(route)) && tunnels.every(({ size }) => size === 0)
    );
  };
  expect(await within(30_000, isDone)).toBe(true);
  expect(await lostPings(lab, pods, 30_000)).toEqual([]);
  expect(await ways(lab, pods)).toEqual([...WITHIN_SUBNET, ...BY_ROUTER]);
}, 90_000);

/** What this machine's kernel lacks, User-Mode Linux's has. */
const hasIpip = spawnSync('unshare', ['--net', 'ip', 'link', 'add', 'type', 'ipip']).status === 0;
const LACK = 'tunl0: this kernel has no such tunnels';

(hasIpip ? test.skip : test)(
  'a pool changes to IPIP, which this kernel lacks: said once in log, status and an Event of each node, and all else works',
  async () => {
    await setPoolModes(lab, { ipipMode: 'CrossSubnet' });
    expect(await within(30_000, async () => (await lackIsNamedBy()).length === 3)).toBe(true);
    // Each change of a link is a reason to look at the tunnels again.
    const passes =
      'for i in 1 2 3; do ip link add br1 type bridge; sleep 0.2; ip link del br1; done';
    await Promise.all(NODES.map((node) => lab.mustRun(node, ['sh', '-c', passes])));
    expect(await lostPings(lab, pods, 30_000)).toEqual([]);
    expect(await ways(lab, pods)).toEqual([...WITHIN_SUBNET, ...BY_ROUTER]);
    for (const node of NODES) {
      const log = await lab.mustRun(node, ['cat', `/var/log/${node}.log`]);
      expect(log.match(/this kernel has no such tunnels/g)).toHaveLength(1);
    }
    expect(await lab.mustRun('node1', ['tortiectl', 'node', 'status'])).toContain(
      `Problem: ${LACK}`,
    );
    const events = await nodeEvents(lab);
    expect(events).toEqual(
      NODES.map((node) => expect.stringMatching(`^${node} TunnelNotSupported ${LACK}`)),
    );

    await setPoolModes(lab, {});
    expect(await within(30_000, async () => (await lackIsNamedBy()).length === 0)).toBe(true);
    // It tells what was: the API server forgets it as all Events.
    expect(await nodeEvents(lab)).toEqual(events);
  },
  90_000,
);

async function lackIsNamedBy(): Promise<string[]> {
  const statuses = (await agentStatuses(lab, NODES)).map((status) => status!);
  return statuses
    .filter(({ problems }) => problems.some((problem) => problem.startsWith(LACK)))
    .map(({ node }) => node);
}

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
  const hops = [
    String.raw`10\.31\.1\.2 dev eth1`,
    String.raw`10\.31\.1\.254 dev eth1`,
    'fd31:1::2 dev eth1',
    'fd31:1::ff dev eth1',
  ];
  const areDirect = async () => {
    const routes = await Promise.all(NODES.map(remoteRoutes));
    return (
      routes.every((all) => all.length === 4 && all.every((route) => / dev eth1 /.test(route))) &&
      hops.every((hop) => routes[0]!.some((route) => new RegExp(` via ${hop} `).test(route)))
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

  const idle = 'kept, and without effect in this version: bpfEnabled';
  await configure('FelixConfiguration', { programClusterRoutes: 'Disabled', bpfEnabled: true });
  await until(tells(idle));
  await configure('BGPConfiguration', {
    nodeToNodeMeshEnabled: false,
    programClusterRoutes: 'Enabled',
  });
  const areGone = async () => (await remoteRoutes('node1')).length === 0;
  expect(await within(40_000, areGone)).toBe(true);
  // Named once, however often all was derived anew.
  const log = await lab.mustRun('node1', ['cat', '/var/log/node1.log']);
  expect(log.split(idle)).toHaveLength(2);
}, 180_000);

test('a Node without its annotations, as after it was made anew, has them again, and no agent was restarted', async () => {
  const annotated = async () => {
    const node3 = JSON.parse(
      await lab.mustRun('api', ['tortiectl', 'get', 'node', 'node3', '-o', 'json']),
    );
    return (node3.metadata.annotations ?? {}) as Record<string, string>;
  };
  const gone = Object.fromEntries(Object.keys(await annotated()).map((name) => [name, null]));
  await send(lab, 'PATCH', '/api/v1/nodes/node3', { metadata: { annotations: gone } });
  const isBack = async () => {
    const annotations = await annotated();
    const addresses = [4, 6].map((family) => annotations[`projectcalico.org/IPv${family}Address`]);
    const tunnels = ['tortie/ReceivingTunnels', 'tortie/SendingTunnels'];
    return (
      addresses.join() === '10.31.2.1/24,fd31:2::1/64' &&
      tunnels.every((name) => name in annotations)
    );
  };
  expect(await within(30_000, isBack)).toBe(true);
}, 60_000);
