/** RFC 4456: route reflectors, their clients and their clusters, over a virtual network and clock. */

import type { SpeakerConfig } from '../../../bgp/speaker.ts';
import { World } from '../session/world.ts';
import { Node, peer } from './node.ts';

const CLUSTER = '224.0.0.1';
const OTHER_CLUSTER = '224.0.0.2';

let world: World;
beforeEach(() => {
  world = new World();
});

function client(index: number, reflectors: readonly number[]): Node {
  const node = new Node(world, index);
  node.configure({
    peers: reflectors.map((one) => peer(one)),
    originations: [{ prefix: `10.${index}.0.0/26` }],
  });
  return node;
}

function reflector(
  index: number,
  clusterId: string,
  clients: readonly number[],
  others: readonly number[],
): Node {
  const node = new Node(world, index);
  const peers: SpeakerConfig['peers'] = [
    ...clients.map((one) => peer(one, { routeReflectorClient: true })),
    ...others.map((one) => peer(one)),
  ];
  node.configure({ clusterId, peers });
  return node;
}

/** Of each path: whose it is, and how it fared. */
function paths(node: Node, prefix: string): string[] {
  const [route] = [...node.speaker.routes(prefix)];
  return (route?.paths ?? [])
    .map(({ peer, state, reason }) => `${peer} ${state}: ${reason}`)
    .sort();
}

test('§7: two reflectors of one cluster: each refuses what the other reflects of their clients', () => {
  const first = reflector(1, CLUSTER, [3, 4], [2]);
  const second = reflector(2, CLUSTER, [3, 4], [1]);
  const [a, b] = [client(3, [1, 2]), client(4, [1, 2])];
  world.run(5_000);
  expect(paths(first, '10.3.0.0/26')).toEqual([
    'n2 rejected: own cluster id in the cluster list',
    'n3 best: only path',
  ]);
  expect(b.routes).toEqual({ '10.3.0.0/26': '10.0.0.3', '10.4.0.0/26': 'local' });
  // One reflector down: the other one goes on.
  first.configure({ peers: [] });
  world.run(5_000);
  expect(second.routes).toEqual({ '10.3.0.0/26': '10.0.0.3', '10.4.0.0/26': '10.0.0.4' });
  expect(a.routes).toEqual({ '10.3.0.0/26': 'local', '10.4.0.0/26': '10.0.0.4' });
});

test('§7: of two clusters each hears of the other’s clients, and all clients know all', () => {
  const first = reflector(1, CLUSTER, [3], [2]);
  const second = reflector(2, OTHER_CLUSTER, [4], [1]);
  const [a, b] = [client(3, [1]), client(4, [2])];
  world.run(5_000);
  expect(paths(first, '10.4.0.0/26')).toEqual(['n2 best: only path']);
  expect(paths(second, '10.3.0.0/26')).toEqual(['n1 best: only path']);
  expect(a.routes).toEqual({ '10.3.0.0/26': 'local', '10.4.0.0/26': '10.0.0.4' });
  expect(b.routes).toEqual({ '10.3.0.0/26': '10.0.0.3', '10.4.0.0/26': 'local' });
  const [route] = [...b.speaker.routes('10.3.0.0/26')];
  const attributes = route?.paths[0]?.attributes;
  expect(attributes?.originatorId).toBe(0x0a000003);
  expect(attributes?.clusterList).toEqual([0xe0000002, 0xe0000001]);
});

test('§8: a client refuses its own route that comes back around', () => {
  // The second reflector has it from the first alone, and so tells the client of it.
  reflector(1, CLUSTER, [2, 3], []);
  reflector(2, OTHER_CLUSTER, [1, 3], []);
  const a = client(3, [1, 2]);
  const nothing = { rules: [], otherwise: 'reject' } as const;
  a.configure({ peers: [peer(1), peer(2, { exportPolicy: nothing })] });
  world.run(5_000);
  expect(paths(a, '10.3.0.0/26')).toEqual([
    'n2 rejected: own router id as originator',
    'undefined best: only path',
  ]);
});

test('another cluster id: all sessions anew, and no route bears the old one', () => {
  const first = reflector(1, CLUSTER, [3, 4], []);
  client(3, [1]);
  const b = client(4, [1]);
  world.run(5_000);
  first.configure({ clusterId: OTHER_CLUSTER });
  world.run(10_000);
  const [route] = [...b.speaker.routes('10.3.0.0/26')];
  expect(route?.paths[0]?.attributes.clusterList).toEqual([0xe0000002]);
  expect(b.sessions).toEqual(['n1 up', 'n1 down', 'n1 up']);
});
