/** Three nodes without any IPv4 address, in a full mesh. Needs root; all in namespaces of the lab's own. */
import type { Lab } from '../../src/lab/lab.ts';
import { cni, type LabPod } from '../../src/lab/pods.ts';
import { agentStatuses } from '../../src/lab/show.ts';
import { lostPings, peersOf, startLabWithPods, within } from './lab-with-pods.ts';
import { IPV6_POOL, TO_VXLAN_FIRST, transfersThroughModes, UNBROKEN } from './pool-modes.ts';

/** The mesh's lab, which runs alone, judges the second that is promised. */
const LONGEST_STALL_MS = 5_000;
const NODES = ['node1', 'node2', 'node3'];
let lab: Lab;
let plugin: string;
let pods: LabPod[];

beforeAll(async () => {
  ({ lab, plugin, pods } = await startLabWithPods('deploy/containerlab/ipv6.clab.yml', NODES));
}, 120_000);

afterAll(async () => {
  await lab?.close();
}, 60_000);

/** Of all interfaces but the loopback. */
async function ipv4Of(node: string, ...inside: string[]): Promise<string> {
  const show = 'ip -4 -o addr show | grep -vw lo; ip -4 route show table all | grep -vw lo';
  return (await lab.run(node, [...inside, 'sh', '-c', show])).stdout;
}

test('every pod reaches every other one, and nothing anywhere has an IPv4 address', async () => {
  expect(pods).toHaveLength(6);
  expect(await lostPings(lab, pods, 30_000)).toEqual([]);
  for (const pod of pods) {
    expect(pod.addresses).toEqual([expect.stringMatching(/^fd44:/)]);
    expect(await cni(lab, plugin, 'CHECK', pod)).toBe('');
    expect(await ipv4Of(pod.node, 'ip', 'netns', 'exec', pod.name)).toBe('');
  }
  for (const node of NODES) expect(await ipv4Of(node)).toBe('');
}, 60_000);

test('natOutgoing: what knows no way to pods answers their node', async () => {
  const ping = ['ping', '-n', '-c', '1', '-W', '2', 'fd10::a'];
  for (const { node, name } of pods) {
    const isAnswered = async () =>
      (await lab.run(node, ['ip', 'netns', 'exec', name, ...ping])).code === 0;
    expect(await within(30_000, isAnswered)).toBe(true);
  }
}, 60_000);

test('RFC 6286: without an IPv4 address each node has a BGP Identifier of its own, which is not zero', async () => {
  const peers = (await Promise.all(NODES.map((node) => peersOf(lab, node)))).flat();
  expect(peers.map(({ state }) => state)).toEqual(Array(6).fill('Established'));
  const ids = new Set(peers.map(({ negotiated }) => negotiated!.remoteRouterId));
  expect(ids.size).toBe(NODES.length);
  expect(ids).not.toContain('0.0.0.0');
});

test('the pool goes from no encapsulation to VXLAN, to UDP, and back: TCP between pods goes on', async () => {
  expect(
    await transfersThroughModes(lab, pods, TO_VXLAN_FIRST, LONGEST_STALL_MS, [IPV6_POOL]),
  ).toEqual([UNBROKEN, UNBROKEN]);
  const problems = (await agentStatuses(lab, NODES)).flatMap((status) => status!.problems);
  expect(problems).toEqual([]);
}, 150_000);
