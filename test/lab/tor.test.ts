/** Two nodes behind a BIRD top-of-rack router, over eBGP. Needs root and BIRD; all in namespaces of the lab's own. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabPod } from '../../src/lab/pods.ts';
import { lostPings, onePodANode, packetsLostInRestart, startLabWithPods } from './lab-with-pods.ts';

const NODES = ['node1', 'node2'];
let lab: Lab;
let pods: LabPod[];

beforeAll(async () => {
  ({ lab, pods } = await startLabWithPods('deploy/containerlab/tor.clab.yml', NODES));
}, 120_000);

afterAll(async () => {
  await lab?.close();
}, 60_000);

test('pods reach each other through the router, over IPv4 and IPv6', async () => {
  expect(pods).toHaveLength(4);
  expect(await lostPings(lab, pods, 30_000)).toEqual([]);
}, 60_000);

test('the nodes learn what is behind the router', async () => {
  const route = await lab.mustRun('node1', ['ip', 'route', 'show', '203.0.113.0/24']);
  expect(route).toContain('via 10.20.1.254');
});

test('natOutgoing: what is behind the router sees the node’s address, another node’s pod the pod’s own', async () => {
  // The table is written beside the routes; where nft fails, again in the next pass.
  const table = () => lab.run('node1', ['nft', 'list', 'table', 'inet', 'tortie']);
  const deadline = performance.now() + 100_000;
  while (!(await table()).stdout.includes('masquerade') && performance.now() < deadline)
    await sleep(200);
  const nft = (...words: string[]) => lab.mustRun('tor', ['nft', ...words]);
  await nft('add table inet seen');
  await nft('add set inet seen sources { type ipv4_addr . ipv4_addr; flags dynamic; size 999; }');
  await nft('add chain inet seen in { type filter hook prerouting priority 0; }');
  await nft('add rule inet seen in add @sources { ip saddr . ip daddr }');
  const [pod, other] = NODES.map((node) => pods.find((one) => one.node === node)!);
  const ping = (address: string) =>
    lab.mustRun('node1', ['ip', 'netns', 'exec', pod!.name, 'ping', '-c', '1', '-W', '5', address]);
  await ping('203.0.113.1');
  await ping(other!.addresses[0]!);
  const seen = await nft('list set inet seen sources');
  expect(seen).toContain('10.20.1.1 . 203.0.113.1');
  expect(seen).toContain(`${pod!.addresses[0]} . ${other!.addresses[0]}`);
  expect(seen).not.toContain(`${pod!.addresses[0]} . 203.0.113.1`);
  await nft('delete table inet seen');
}, 130_000);

test('BIRD has the nodes’ blocks with their AS, and nothing more specific', async () => {
  const routes = await lab.mustRun('tor', [
    'birdc',
    'show',
    'route',
    'all',
    'where',
    'source = RTS_BGP',
  ]);
  const prefixes = [...routes.matchAll(/^(\S+\/\d+)\s/gm)].map(([, prefix]) => prefix!);
  expect(prefixes).toHaveLength(4);
  expect(prefixes.every((prefix) => /\/(26|122)$/.test(prefix))).toBe(true);
  expect(routes).toMatch(/BGP\.as_path: 64601/);
  expect(routes).toMatch(/BGP\.as_path: 64602/);
});

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'an agent ended by %s and started again next to BIRD: no packet is lost between the nodes’ pods',
  async (signal) => {
    expect(await packetsLostInRestart(lab, onePodANode(pods), ['node1'], signal)).toEqual([]);
  },
  90_000,
);

test('tortiectl node leave: BIRD hears GRACEFUL_SHUTDOWN (RFC 8326), then why (RFC 9003), and drops the routes', async () => {
  const ask = (...command: string[]) => lab.mustRun('tor', ['birdc', ...command]);
  const leave = ['tortiectl', 'node', 'leave', '--drain', '5', '--reason', 'moved to rack 9'];
  const leaving = lab.mustRun('node2', leave);
  const deadline = performance.now() + 30_000;
  let isAsked = false;
  while (!isAsked && performance.now() < deadline)
    isAsked = /65535,0/.test(await ask('show', 'route', 'protocol', 'node2_v4', 'all'));
  expect(isAsked).toBe(true);
  expect(await leaving).toContain('This node has left');
  const protocol = await ask('show', 'protocols', 'all', 'node2_v4');
  expect(protocol).toMatch(/Administrative shutdown/i);
  expect(protocol).toContain('moved to rack 9');
  expect(await ask('show', 'route', 'where', 'proto ~ "node2_*"')).not.toMatch(/^10\.244/m);
}, 60_000);
