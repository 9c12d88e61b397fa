/** Four nodes and two route reflectors, no mesh. Needs root; all in namespaces of the lab's own. */
import type { Lab } from '../../src/lab/lab.ts';
import type { LabPod } from '../../src/lab/pods.ts';
import { agentStatuses } from '../../src/lab/show.ts';
import { ipRoutes } from '../ip-routes.ts';
import {
  lostPings,
  onePodANode,
  packetsLostDuring,
  packetsLostInRestart,
  startLabWithPods,
} from './lab-with-pods.ts';

const NODES = ['node1', 'node2', 'node3', 'node4'];
const REFLECTORS = ['rr1', 'rr2'];
let lab: Lab;
let pods: LabPod[];

beforeAll(async () => {
  const topology = 'deploy/containerlab/rr.clab.yml';
  ({ lab, pods } = await startLabWithPods(topology, NODES, REFLECTORS));
}, 120_000);

afterAll(async () => {
  await lab?.close();
}, 60_000);

test('pods reach each other over IPv4 and IPv6, straight, by routes that the reflectors brought', async () => {
  expect(pods).toHaveLength(8);
  expect(await lostPings(lab, pods, 30_000)).toEqual([]);
  const routes = await lab.mustRun('node1', ['ip', 'route', 'show', 'proto', '80']);
  const hops = [
    ...ipRoutes(routes)
      .join('\n')
      .matchAll(/^10\.244\.\S+\/26 via (\S+)/gm),
  ].map(([, hop]) => hop);
  expect(hops.sort()).toEqual(['10.30.0.2', '10.30.0.3', '10.30.0.4']);
}, 60_000);

test('a node has sessions with the reflectors alone, a reflector with all', async () => {
  const [node, reflector] = await agentStatuses(lab, ['node1', 'rr1']);
  const peersOf = (addresses: string[]) => addresses.filter((one) => !one.includes(':')).sort();
  expect(peersOf(node!.sessions.map(({ address }) => address))).toEqual([
    '10.30.0.251',
    '10.30.0.252',
  ]);
  expect(peersOf(reflector!.sessions.map(({ address }) => address))).toEqual([
    '10.30.0.1',
    '10.30.0.2',
    '10.30.0.252',
    '10.30.0.3',
    '10.30.0.4',
  ]);
});

test('RFC 4456 §8: a reflected route names who announced it, and the cluster that it went through', async () => {
  const command = ['tortiectl', 'bgp', 'routes', '--from', '10.30.0.251', '-o', 'json'];
  const routes = JSON.parse(await lab.mustRun('node1', command)) as {
    paths: { peer: string; attributes: { originatorId?: string; clusterList?: string[] } }[];
  }[];
  expect(routes).toHaveLength(3);
  const reflected = routes.flatMap(({ paths }) => paths.map(({ attributes }) => attributes));
  expect(reflected.map(({ originatorId }) => originatorId).sort()).toEqual(
    ['10.30.0.2', '10.30.0.3', '10.30.0.4'].flatMap((id) => [id, id]),
  );
  expect(reflected.map(({ clusterList }) => clusterList)).toEqual(
    reflected.map(() => ['244.0.0.1']),
  );
});

test.each([
  ['a node’s agent', ['node1'], 'SIGKILL'],
  ['a node’s agent', ['node1'], 'SIGTERM'],
  ['a reflector', ['rr1'], 'SIGKILL'],
  ['both reflectors at once', REFLECTORS, 'SIGKILL'],
] as const)(
  '%s ended and started again (%j, %s): no packet is lost between any two nodes’ pods',
  async (_, nodes, signal) => {
    expect(await packetsLostInRestart(lab, onePodANode(pods), nodes, signal)).toEqual([]);
  },
  90_000,
);

test('a reflector that dies costs no ping', async () => {
  const death = () => lab.killProgram('rr1', 'SIGKILL');
  expect(await packetsLostDuring(lab, onePodANode(pods), death)).toEqual([]);
}, 60_000);
