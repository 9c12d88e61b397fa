/** Dynamic neighbours, over a virtual network and clock: peers that nobody configured one by one. */

import type { PeerRangeConfig } from '../../../bgp/speaker.ts';
import { Wire } from '../session/station.ts';
import { World } from '../session/world.ts';
import { Node, peer } from './node.ts';

let world: World;
let hub: Node;
beforeEach(() => {
  world = new World();
  hub = new Node(world, 1);
});

function range(more: Partial<PeerRangeConfig> = {}): PeerRangeConfig {
  const policy = { importPolicy: 'all', exportPolicy: 'all' } as const;
  return { prefix: '10.0.0.0/24', remoteAs: 64512, ...policy, ...more };
}

/** A node that dials the hub and originates 10.<index>.0.0/26. */
function spoke(index: number): Node {
  const node = new Node(world, index);
  node.configure({ peers: [peer(1)], originations: [{ prefix: `10.${index}.0.0/26` }] });
  return node;
}

const peers = () => hub.speaker.inspect().peers.map(({ name, state }) => `${name} ${state}`);

test('whoever connects from within becomes a peer, with routes both ways', () => {
  hub.configure({ peerRanges: [range()], originations: [{ prefix: '10.1.0.0/26' }] });
  const [a, b] = [spoke(2), spoke(3)];
  world.run(5_000);
  expect(peers().sort()).toEqual(['10.0.0.2 Established', '10.0.0.3 Established']);
  expect(hub.status('10.0.0.2')).toMatchObject({ isDynamic: true, passive: true });
  expect(hub.routes).toMatchObject({ '10.2.0.0/26': '10.0.0.2', '10.3.0.0/26': '10.0.0.3' });
  expect([a, b].map(({ routes }) => routes['10.1.0.0/26'])).toEqual(['10.0.0.1', '10.0.0.1']);
  const status = { prefix: '10.0.0.0/24', peers: 2, maxPeers: 100 };
  expect(hub.speaker.inspect().ranges).toEqual([status]);
});

test('who leaves for good is a peer no more, and may come back', async () => {
  hub.configure({ peerRanges: [range()] });
  const node = spoke(2);
  world.run(5_000);
  void node.speaker.close({ forGood: true });
  world.run(5_000);
  expect([peers(), hub.routes]).toEqual([[], {}]);
  spoke(2);
  world.run(5_000);
  expect(peers()).toEqual(['10.0.0.2 Established']);
});

test('RFC 4724 §4.2: who restarts gracefully is a peer until its time is over', () => {
  hub.configure({ peerRanges: [range({ restartTimeSec: 60 })] });
  const node = spoke(2);
  world.run(5_000);
  void node.speaker.close({ forGood: false });
  world.run(5_000);
  expect(hub.routes).toEqual({ '10.2.0.0/26': '10.0.0.2' });
  world.run(200_000);
  expect([peers(), hub.routes]).toEqual([[], {}]);
});

test('who connects and says nothing is no peer for longer than it may take to say something', () => {
  hub.configure({ peerRanges: [range()] });
  world.run(10);
  const wire = Wire.dial(world, '10.0.0.9', hub.address);
  world.run(100);
  expect([peers(), wire.received]).toEqual([['10.0.0.9 OpenSent'], ['OPEN']]);
  wire.stream.destroy();
  world.run(1_000);
  expect(peers()).toEqual([]);
});

test('no more of them than the range may have; who is outside of it is a stranger', () => {
  hub.configure({ peerRanges: [range({ prefix: '10.0.0.0/29', maxPeers: 2 })] });
  for (const index of [2, 3, 4, 9]) spoke(index);
  world.run(20_000);
  expect(hub.speaker.inspect().ranges).toMatchObject([{ peers: 2, maxPeers: 2 }]);
  expect(hub.speaker.inspect().strangersRefused).toBeGreaterThan(0);
});

test('the longest range counts, and who is configured by itself is of none', () => {
  const inner = range({ prefix: '10.0.0.2/31', remoteAs: 64999 });
  hub.configure({ peerRanges: [range(), inner], peers: [peer(4, { passive: true })] });
  for (const index of [2, 4, 5]) spoke(index);
  world.run(5_000);
  // Node 2 says that it is AS 64512, and there it is to be AS 64999.
  expect(peers()).toEqual(expect.arrayContaining(['n4 Established', '10.0.0.5 Established']));
  expect(hub.speaker.inspect().peers.find(({ name }) => name === '10.0.0.2')?.state).not.toBe(
    'Established',
  );
  expect(hub.status('n4').isDynamic).toBe(false);
});

test('configured anew, the peers of a range take up what changed; without it they end', () => {
  hub.configure({ peerRanges: [range({ md5Key: 'one' })] });
  expect(world.signingKeys.get('10.0.0.1 179')).toEqual(['10.0.0.0/24 one']);
  const node = spoke(2);
  world.run(5_000);
  hub.configure({ peerRanges: [range({ md5Key: 'two', description: 'racks' })] });
  world.run(5_000);
  expect(hub.status('10.0.0.2')).toMatchObject({ state: 'Established', description: 'racks' });
  expect(node.sessions).toEqual(['n1 up']);
  hub.configure({ peerRanges: [] });
  world.run(1_000);
  expect(peers()).toEqual([]);
  expect(node.status('n1').lastNotification?.name).toMatch(/Peer De-configured$/);
});

test('a dynamic neighbour that is configured by now becomes that peer', () => {
  hub.configure({ peerRanges: [range()] });
  spoke(2);
  world.run(5_000);
  hub.configure({ peers: [peer(2, { passive: true })] });
  world.run(40_000);
  expect(peers()).toEqual(['n2 Established']);
});

test('nobody waits for dynamic neighbours', async () => {
  hub.configure({ peerRanges: [range()] });
  world.run(10);
  Wire.dial(world, '10.0.0.9', hub.address);
  const converged = hub.speaker.whenConverged(60_000);
  world.run(100);
  expect(await converged).toBe(true);
});

test.each([
  [{ prefix: '10.0.0.1/24' }, 'peerRanges: "10.0.0.1/24" is not a prefix'],
  [{ maxPeers: 0 }, 'peer range 10.0.0.0/24: maxPeers 0 is not a whole number from 1 to 10000'],
  [{ remoteAs: 0 }, 'peer "10.0.0.0/24": remoteAs 0'],
])('what cannot be is refused: %p', (wrong, message) => {
  expect(() => hub.configure({ peerRanges: [range(wrong)] })).toThrow(message);
});

test('a range twice is refused', () => {
  expect(() => hub.configure({ peerRanges: [range(), range()] })).toThrow(
    'two peer ranges are 10.0.0.0/24: keep one',
  );
});
