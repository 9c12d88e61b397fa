/** Two racks with an FRR top-of-rack router each, over eBGP. Needs root and FRR; all in namespaces of the lab's own. */
import type { Lab } from '../../src/lab/lab.ts';
import type { LabPod } from '../../src/lab/pods.ts';
import { lostPings, onePodANode, packetsLostInRestart, startLabWithPods } from './lab-with-pods.ts';

const NODES = ['node1', 'node2', 'node3', 'node4'];
let lab: Lab;
let pods: LabPod[];

beforeAll(async () => {
  ({ lab, pods } = await startLabWithPods('deploy/containerlab/tor-frr.clab.yml', NODES));
}, 120_000);

afterAll(async () => {
  await lab?.close();
}, 30_000);

interface FrrRoute {
  valid: boolean;
  path: string;
  nexthops: { ip: string }[];
}

async function frrRoutes(router: string, family: 'ipv4' | 'ipv6'): Promise<[string, FrrRoute[]][]> {
  const command = ['vtysh', '-c', `show bgp ${family} unicast json`];
  const { routes } = JSON.parse(await lab.mustRun(router, command));
  return Object.entries(routes);
}

test('pods reach each other within a rack and across the racks, over IPv4 and IPv6', async () => {
  expect(pods).toHaveLength(8);
  expect(await lostPings(lab, pods, 20_000)).toEqual([]);
}, 60_000);

test('across the racks by the router, within the rack directly', async () => {
  const routes = await lab.mustRun('node1', ['ip', 'route', 'show', 'proto', '80']);
  const hops = [...routes.matchAll(/^10\.244\.\S+\/26 via (\S+)/gm)].map(([, hop]) => hop);
  expect(hops.sort()).toEqual(['10.40.1.2', '10.40.1.254', '10.40.1.254']);
});

test.each([
  ['ipv4', /^10\.244\.\S+\/26$/],
  ['ipv6', /^fd44:\S+\/122$/],
] as const)(
  'FRR has every node’s %s block, its own rack’s and the other’s, and no pod’s address',
  async (family, block) => {
    const ofPods = (await frrRoutes('tor1', family)).filter(([prefix]) =>
      /^(10\.244|fd44)/.test(prefix),
    );
    expect(ofPods.map(([prefix]) => prefix).filter((prefix) => !block.test(prefix))).toEqual([]);
    expect(ofPods).toHaveLength(4);
    const paths = ofPods.flatMap(([, routes]) => routes.map(({ path }) => path));
    expect(new Set(paths)).toEqual(new Set(['64601', '65002 64602']));
  },
);

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'an agent ended by %s and started again next to FRR: no packet is lost between any two nodes’ pods',
  async (signal) => {
    expect(await packetsLostInRestart(lab, onePodANode(pods), ['node1'], signal)).toEqual([]);
  },
  90_000,
);
