/** A peer that is away for long, over a virtual network and clock: RFC 9494. */

import { World } from '../session/world.ts';
import { mesh, Node, peer } from './node.ts';

let world: World;
beforeEach(() => {
  world = new World();
});

const kept = { restartTimeSec: 20, longLivedStaleTimeSec: 3600 };
const external = { remoteAs: 64510, restartTimeSec: 0 };
let here: Node;
let there: Node;

/** There is what there is here of AS 64512's route, and a third peer, of another AS, that watches. */
function watched(communities: number[], watcherKnows: boolean): Node {
  [here, there] = mesh(world, 2) as [Node, Node];
  const watcher = new Node(world, 3, { localAs: 64510 });
  const toHere = watcherKnows ? {} : { restartTimeSec: 0 };
  watcher.configure({ peers: [peer(1, toHere)] });
  here.configure({
    peers: [peer(2, kept), peer(3, { ...external, ...(watcherKnows && { restartTimeSec: 120 }) })],
  });
  there.configure({
    peers: [peer(1, kept)],
    originations: [{ prefix: '10.2.0.0/26', communities }],
  });
  world.run(5_000);
  expect(watcher.routes).toMatchObject({ '10.2.0.0/26': '10.0.0.1' });
  void there.speaker.close({ forGood: false });
  world.run(25_000);
  return watcher;
}

const pathOf = (node: Node) => [...node.speaker.routes('10.2.0.0/26')][0]?.paths[0];

test('RFC 9494 §4.2: after the restart time its routes stay, marked, for the long-lived stale time', () => {
  const watcher = watched([], true);
  expect(here.routes).toMatchObject({ '10.2.0.0/26': '10.0.0.2' });
  expect(here.status('n2').stale).toMatchObject({ longLived: [4, 6], awaits: 'session' });
  expect(pathOf(here)).toMatchObject({ isStale: true, imported: { communities: [0xffff0006] } });
  expect(pathOf(watcher)).toMatchObject({ attributes: { communities: [0xffff0006] } });
  world.run(3_595_000);
  expect(here.routes).toMatchObject({ '10.2.0.0/26': '10.0.0.2' });
  world.run(6_000);
  expect([here.routes, watcher.routes]).toEqual([
    { '10.1.0.0/26': 'local' },
    { '10.1.0.0/26': '10.0.0.1' },
  ]);
});

test('RFC 9494 §4.2: it comes back, and its routes are as good as ever', () => {
  const watcher = watched([], true);
  const next = new Node(world, 2);
  next.speaker.restarted({ forwarding: true });
  next.configure(there.config);
  watcher.history.length = 0;
  world.run(10_000);
  expect(pathOf(here)).toMatchObject({ isStale: false, imported: undefined });
  expect(here.status('n2').stale).toBeUndefined();
  expect(watcher.history).toEqual(['10.2.0.0/26 10.0.0.1']);
});

test('RFC 9494 §4.2: a route with NO_LLGR goes after the restart time', () => {
  watched([0xffff0007], true);
  expect(here.routes).toEqual({ '10.1.0.0/26': 'local' });
});

test('RFC 9494 §4.3: who does not know the mark is not told of it', () => {
  const watcher = watched([], false);
  expect(here.routes).toMatchObject({ '10.2.0.0/26': '10.0.0.2' });
  expect(watcher.routes).toEqual({ '10.1.0.0/26': '10.0.0.1' });
});

test('RFC 9494 §4.3: another path is preferred, whatever its preference', () => {
  watched([], true);
  here.configure({ originations: [] });
  const other = new Node(world, 4);
  here.configure({ peers: [...here.config.peers, peer(4)] });
  other.configure({
    peers: [peer(1)],
    originations: [{ prefix: '10.2.0.0/26', localPref: 1 }],
  });
  world.run(5_000);
  expect(here.routes).toEqual({ '10.2.0.0/26': '10.0.0.4' });
});
