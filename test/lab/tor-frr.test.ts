/** Two racks with an FRR top-of-rack router each, over eBGP. Needs root, nft and FRR; all in namespaces of the lab's own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabPod } from '../../src/lab/pods.ts';
import { agentsConverged } from '../../src/lab/show.ts';
import { ipRoutes } from '../ip-routes.ts';
import {
  lostPings,
  onePodANode,
  packetsLostInRestart,
  peersOf,
  startLabWithPods,
  within,
} from './lab-with-pods.ts';

const NODES = ['node1', 'node2', 'node3', 'node4'];
let lab: Lab;
let pods: LabPod[];

beforeAll(async () => {
  ({ lab, pods } = await startLabWithPods('deploy/containerlab/tor-frr.clab.yml', NODES));
}, 120_000);

afterAll(async () => {
  await lab?.close();
}, 60_000);

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
  expect(await lostPings(lab, pods, 30_000)).toEqual([]);
}, 60_000);

/** What `read` finds once that is what is wanted, or after half a minute. */
async function settled<T>(read: () => Promise<T>, wanted: T): Promise<T> {
  await within(30_000, async () => isDeepStrictEqual(await read(), wanted));
  return read();
}

test('across the racks by the router, within the rack directly', async () => {
  const hops = async () => {
    const routes = await lab.mustRun('node1', ['ip', 'route', 'show', 'proto', '80']);
    return [
      ...ipRoutes(routes)
        .join('\n')
        .matchAll(/^10\.244\.\S+\/26 via (\S+)/gm),
    ]
      .map(([, hop]) => hop)
      .sort();
  };
  const wanted = ['10.40.1.2', '10.40.1.254', '10.40.1.254'];
  expect(await settled(hops, wanted)).toEqual(wanted);
}, 60_000);

test.each(['4', '6'])(
  'RFC 8950: unnumbered, IPv%s goes by link-local next hops: straight to the other rack, to one’s own by both routers',
  async (family) => {
    const links = async () => {
      const show = ['ip', `-${family}`, '-o', 'route', 'show', 'proto', '80'];
      const routes = (await lab.mustRun('node3', show)).match(/^(10\.244|fd44).* via .*$/gm) ?? [];
      return routes
        .map((line) =>
          [...line.matchAll(/via (?:inet6 )?fe80:\S+ dev (\S+)/g)].map(([, link]) => link),
        )
        .map((hops) => hops.sort())
        .sort();
    };
    const wanted = [['eth1', 'eth2'], ['eth2'], ['eth2']];
    expect(await settled(links, wanted)).toEqual(wanted);
  },
  60_000,
);

test.each([
  ['ipv4', /^10\.244\.\S+\/26$/],
  ['ipv6', /^fd44:\S+\/122$/],
] as const)(
  'FRR has every node’s %s block, its own rack’s and the other’s, and no pod’s address',
  async (family, block) => {
    const seen = async () => {
      const ofPods = (await frrRoutes('tor1', family)).filter(([prefix]) =>
        /^(10\.244|fd44)/.test(prefix),
      );
      const paths = ofPods.flatMap(([, routes]) => routes.map(({ path }) => path));
      return {
        blocks: ofPods.filter(([prefix]) => block.test(prefix)).length,
        others: ofPods.map(([prefix]) => prefix).filter((prefix) => !block.test(prefix)),
        paths: [...new Set(paths)].sort(),
      };
    };
    const paths = ['64601', '64603', '64604', '65002 64603', '65002 64604'];
    const wanted = { blocks: 4, others: [], paths };
    expect(await settled<object>(seen, wanted)).toEqual(wanted);
  },
  60_000,
);

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'agents ended by %s and started again next to FRR, numbered and not: no packet is lost between any two nodes’ pods',
  async (signal) => {
    const nodes = ['node1', 'node3'];
    expect(await packetsLostInRestart(lab, onePodANode(pods), nodes, signal)).toEqual([]);
  },
  90_000,
);

/** Nothing comes through the interface any more, either way, and nobody is told. */
async function cut(node: string, device: string): Promise<void> {
  const chain = (hook: string) =>
    `chain ${hook} { type filter hook ${hook} device "${device}" priority 0; policy drop; }`;
  await lab.mustRun(node, [
    'nft',
    `table netdev cut {\n${chain('ingress')}\n${chain('egress')}\n}`,
  ]);
}

test('BFD, single hop and over link-local addresses: a link that is cut in silence is routed around long before the hold time', async () => {
  const areWatched = async () =>
    (await Promise.all(NODES.map((node) => peersOf(lab, node))))
      .flat()
      .every(({ bfd }) => bfd?.state === 'Up' && bfd.detectionTimeMs === 600);
  expect(await within(30_000, areWatched)).toBe(true);

  const [from, , to] = onePodANode(pods) as [LabPod, LabPod, LabPod];
  const pinging = to.addresses.map((address) =>
    lab.run(from.node, [
      ...['ip', 'netns', 'exec', from.name],
      ...['ping', '-n', '-q', '-i', '0.02', '-c', '300', '-W', '2', address],
    ]),
  );
  await sleep(1_000);
  await cut('node3', 'eth2');
  const lostMs = (await Promise.all(pinging)).map(({ stdout }) => {
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(stdout)!;
    return 20 * (Number(sent) - Number(received));
  });
  console.log(`the cut link was routed around after ${lostMs.join(', ')} ms`);
  expect(Math.min(...lostMs)).toBeGreaterThan(0);
  // It is 0.6 s, and what a busy machine adds.
  expect(Math.max(...lostMs)).toBeLessThan(3_000);
  const [, other] = await peersOf(lab, 'node3');
  expect(other).toMatchObject({
    name: 'eth2',
    lastNotification: { name: expect.stringContaining('BFD Down') },
  });
  await lab.mustRun('node3', ['nft', 'delete', 'table', 'netdev', 'cut']);
  await agentsConverged(lab, NODES, () => {});
}, 120_000);
