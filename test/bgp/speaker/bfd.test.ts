/** What BFD does to BGP sessions, over a virtual network and clock: RFC 5882 §3.2, §4.1–4.3, RFC 9384. */

import { ConfigurationError, type PeerConfig } from '../../../bgp/speaker.ts';
import { Air } from '../bfd/air.ts';
import { World } from '../session/world.ts';
import { Node, peer } from './node.ts';

type Bfd = PeerConfig['bfd'];

const FAST = { intervalMs: 300, detectMult: 3 };
/** Of node 2, as node 1 is to have it. */
const ROUTE = { '10.2.0.0/26': '10.0.0.2' };

let world: World;
let air: Air;
beforeEach(() => {
  world = new World();
  air = new Air(world);
});

/** A speaker that originates 10.<index>.0.0/26, dials soon, and has a long hold time. */
function start(index: number): Node {
  const originations = [{ prefix: `10.${index}.0.0/26` }];
  return new Node(world, index, { holdTimeSec: 90, connectRetrySec: 1, originations }, { air });
}

function configure(node: Node, ...peers: [index: number, bfd?: Bfd][]): void {
  node.configure({ peers: peers.map(([index, bfd]) => peer(index, bfd && { bfd })) });
}

/** Two speakers whose BFD session, where both have it, is Up. */
function pair(bfd: [Bfd, Bfd] = [FAST, FAST]): [Node, Node] {
  const [one, two] = [start(1), start(2)];
  configure(one, [2, bfd[0]]);
  configure(two, [1, bfd[1]]);
  world.run(10_000);
  expect([one.status('n2').state, two.status('n1').state]).toEqual(['Established', 'Established']);
  expect(one.routes).toMatchObject(ROUTE);
  return [one, two];
}

test('RFC 5882 §4.2: a cut link ends the session within the detection time; its routes go with it', () => {
  const [one] = pair();
  world.cut('10.0.0.1', '10.0.0.2');
  world.run(910);
  expect(one.status('n2')).toMatchObject({
    state: 'Idle',
    bfd: undefined,
    lastError: {
      source: 'notification sent',
      code: 6,
      subcode: 9, // RFC 9384
      name: 'Cease / Hard Reset: Cease / BFD Down',
      text: 'BFD found the path down: Control Detection Time Expired',
    },
  });
  expect(one.routes).toEqual({ '10.1.0.0/26': 'local' });
});

test('BGP comes back by itself when the link does, and BFD with it', () => {
  const [one, two] = pair();
  world.cut('10.0.0.1', '10.0.0.2');
  world.run(30_000);
  world.mend('10.0.0.1', '10.0.0.2');
  world.run(10_000);
  expect(one.status('n2')).toMatchObject({
    state: 'Established',
    upCount: 2,
    bfd: { state: 'Up' },
  });
  expect(two.status('n1')).toMatchObject({
    state: 'Established',
    upCount: 2,
    bfd: { state: 'Up' },
  });
  expect(one.routes).toMatchObject(ROUTE);
});

test('RFC 9384 §2: the side that still hears is told by Cease / BFD Down, or by BFD', () => {
  const [one, two] = pair();
  air.deaf.add('10.0.0.1');
  world.run(905);
  expect(one.status('n2').lastNotification?.name).toBe('Cease / Hard Reset: Cease / BFD Down');
  expect(two.status('n1').lastNotification?.name).toBe('Cease / Hard Reset: Cease / BFD Down');
});

test('RFC 5882 §4.1: a peer without BFD has its session all the same', () => {
  const [one] = pair([FAST, undefined]);
  world.run(60_000);
  expect(one.status('n2')).toMatchObject({
    state: 'Established',
    upCount: 1,
    bfd: { state: 'Down' },
  });
});

test.each([
  ['BFD taken from one side', (two: Node) => configure(two, [1])],
  [
    'BFD taken from one side and given back',
    (two: Node) => {
      configure(two, [1]);
      world.run(500);
      configure(two, [1, FAST]);
    },
  ],
])('RFC 5882 §3.2: %s is no failure', (_, change) => {
  const [one, two] = pair();
  change(two);
  world.run(20_000);
  expect([one.status('n2').upCount, two.status('n1').upCount]).toEqual([1, 1]);
  expect(one.status('n2').state).toBe('Established');
});

test('given to a session that is Established already, BFD comes up beside it', () => {
  const [one, two] = pair([undefined, undefined]);
  expect(air.packets).toEqual([]);
  expect(one.status('n2').bfd).toBeUndefined();
  configure(one, [2, FAST]);
  configure(two, [1, FAST]);
  world.run(5_000);
  expect(one.status('n2')).toMatchObject({ upCount: 1, bfd: { state: 'Up' } });
});

test('other timers reset neither BGP nor BFD, and other peers notice nothing', () => {
  const [one, two] = pair();
  const three = start(3);
  configure(three, [1, FAST]);
  configure(one, [2, FAST], [3, FAST]);
  world.run(10_000);
  const before = one.status('n3').bfd!;
  const slow = { intervalMs: 1_000, detectMult: 5 };
  configure(one, [2, slow], [3, FAST]);
  configure(two, [1, slow]);
  world.run(10_000);
  expect(one.status('n2')).toMatchObject({
    upCount: 1,
    bfd: { state: 'Up', detectionTimeMs: 5_000 },
  });
  expect(one.status('n3')).toMatchObject({
    upCount: 1,
    bfd: { state: 'Up', detectionTimeMs: 900, sinceMs: before.sinceMs },
  });
});

describe('beside graceful restart (RFC 5882 §4.3.2: our BFD shares fate with the control plane)', () => {
  test('§4.3.2.2: silence that no restart announced is a failure, and no route is kept', () => {
    const [one] = pair();
    expect(one.status('n2').negotiated?.gracefulRestart).toBeDefined();
    world.cut('10.0.0.1', '10.0.0.2');
    world.run(910);
    expect(one.status('n2')).toMatchObject({ stale: undefined, routes: { received: 0 } });
    expect(one.routes).not.toMatchObject(ROUTE);
  });

  test('a restart that TCP told of, and nothing else, ends the BFD session too, and no route is lost by that', () => {
    const [one, two] = pair();
    one.history.length = 0;
    void two.speaker.close({ forGood: false });
    world.run(5_000);
    expect(one.status('n2')).toMatchObject({ bfd: undefined, stale: { awaits: 'session' } });
    const next = start(2);
    next.speaker.restarted({ forwarding: true });
    configure(next, [1, FAST]);
    world.run(10_000);
    expect(one.status('n2')).toMatchObject({ upCount: 2, stale: undefined, bfd: { state: 'Up' } });
    expect(one.history).toEqual([]);
  });
});

test('a closed speaker sends nothing more', async () => {
  const [one, two] = pair();
  for (const { speaker } of [one, two]) void speaker.close({ forGood: true });
  world.run(5_000);
  const sent = air.packets.length;
  world.run(60_000);
  expect(air.packets).toHaveLength(sent);
  expect(air.openPorts).toEqual([]);
});

test.each([
  [
    { intervalMs: 9, detectMult: 3 },
    'peer "n2": bfd.intervalMs 9 is not a whole number from 10 to 60000',
  ],
  [
    { intervalMs: 300, detectMult: 0 },
    'peer "n2": bfd.detectMult 0 is not a whole number from 1 to 255',
  ],
])('%j is refused', (bfd, message) => {
  expect(() => configure(start(1), [2, bfd])).toThrow(new ConfigurationError(message));
});
