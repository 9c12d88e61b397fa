/** What BFD does to BGP sessions, over a virtual network and clock: RFC 5882 §3.2, §4.1–4.3, RFC 9384. */

import { formatPrefix } from 'net-ipaddr';
import {
  ConfigurationError,
  type PeerConfig,
  type PeerStatus,
  Speaker,
} from '../../../bgp/speaker.ts';
import { Air } from '../bfd/air.ts';
import { recordingLog, World } from '../session/world.ts';

const FAST = { intervalMs: 300, detectMult: 3 };
const PREFIX = '10.2.0.0/26';

let world: World;
let air: Air;
beforeEach(() => {
  world = new World();
  air = new Air(world);
});

/** A speaker on 10.0.0.<index>; number 2 originates PREFIX. */
class Node {
  readonly address: string;
  readonly speaker: Speaker;
  readonly sessions: string[] = [];

  constructor(index: number) {
    this.address = `10.0.0.${index}`;
    const { clock, random, immediate } = world;
    this.speaker = new Speaker({
      clock,
      random,
      immediate,
      log: recordingLog(),
      transport: world.host(this.address),
      bfdTransport: air.host(this.address),
    });
    this.speaker.onSessionChange(({ name, state }) => this.sessions.push(`${name} ${state}`));
  }

  configure(...peers: [index: number, bfd?: PeerConfig['bfd']][]): void {
    this.speaker.configure({
      localAs: 64512,
      routerId: this.address,
      listen: [{ address: this.address, port: 179 }],
      holdTimeSec: 90,
      connectRetrySec: 1,
      peers: peers.map(([index, bfd]) => ({
        name: `n${index}`,
        address: `10.0.0.${index}`,
        remoteAs: 64512,
        importPolicy: 'all',
        exportPolicy: 'all',
        ...(bfd && { bfd }),
      })),
      originations: this.address === '10.0.0.2' ? [{ prefix: PREFIX }] : [],
    });
  }

  status(index: number): PeerStatus {
    return this.speaker.inspect().peers.find(({ name }) => name === `n${index}`)!;
  }

  get routes(): string[] {
    return [...this.speaker.routes()].map(({ prefix }) => formatPrefix(prefix));
  }
}

/** Two speakers whose BFD session, where both have it, is Up. */
function pair(bfd: [PeerConfig['bfd'], PeerConfig['bfd']] = [FAST, FAST]): [Node, Node] {
  const [one, two] = [new Node(1), new Node(2)];
  one.configure([2, bfd[0]]);
  two.configure([1, bfd[1]]);
  world.run(10_000);
  expect([one.status(2).state, two.status(1).state]).toEqual(['Established', 'Established']);
  expect(one.routes).toEqual([PREFIX]);
  return [one, two];
}

test('RFC 5882 §4.2: a cut link ends the session within the detection time; its routes go with it', () => {
  const [one] = pair();
  world.cut('10.0.0.1', '10.0.0.2');
  world.run(910);
  expect(one.status(2)).toMatchObject({
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
  expect(one.routes).toEqual([]);
});

test('BGP comes back by itself when the link does, and BFD with it', () => {
  const [one, two] = pair();
  world.cut('10.0.0.1', '10.0.0.2');
  world.run(30_000);
  world.mend('10.0.0.1', '10.0.0.2');
  world.run(10_000);
  expect(one.status(2)).toMatchObject({ state: 'Established', upCount: 2, bfd: { state: 'Up' } });
  expect(two.status(1)).toMatchObject({ state: 'Established', upCount: 2, bfd: { state: 'Up' } });
  expect(one.routes).toEqual([PREFIX]);
});

test('RFC 9384 §2: the side that still hears is told by Cease / BFD Down, or by BFD', () => {
  const [one, two] = pair();
  air.deaf.add('10.0.0.1');
  world.run(905);
  expect(one.status(2).lastNotification?.name).toBe('Cease / Hard Reset: Cease / BFD Down');
  expect(two.status(1).lastNotification?.name).toBe('Cease / Hard Reset: Cease / BFD Down');
});

test('RFC 5882 §4.1: a peer without BFD has its session all the same', () => {
  const [one] = pair([FAST, undefined]);
  world.run(60_000);
  expect(one.status(2)).toMatchObject({ state: 'Established', upCount: 1, bfd: { state: 'Down' } });
});

test.each([
  ['BFD taken from one side', (two: Node) => two.configure([1])],
  [
    'BFD taken from one side and given back',
    (two: Node) => {
      two.configure([1]);
      world.run(500);
      two.configure([1, FAST]);
    },
  ],
])('RFC 5882 §3.2: %s is no failure', (_, change) => {
  const [one, two] = pair();
  change(two);
  world.run(20_000);
  expect([one.status(2).upCount, two.status(1).upCount]).toEqual([1, 1]);
  expect(one.status(2).state).toBe('Established');
});

test('given to a session that is Established already, BFD comes up beside it', () => {
  const [one, two] = pair([undefined, undefined]);
  expect(air.packets).toEqual([]);
  expect(one.status(2).bfd).toBeUndefined();
  one.configure([2, FAST]);
  two.configure([1, FAST]);
  world.run(5_000);
  expect(one.status(2)).toMatchObject({ upCount: 1, bfd: { state: 'Up' } });
});

test('other timers reset neither BGP nor BFD, and other peers notice nothing', () => {
  const [one, two] = pair();
  const three = new Node(3);
  three.configure([1, FAST]);
  one.configure([2, FAST], [3, FAST]);
  world.run(10_000);
  const before = one.status(3).bfd!;
  const slow = { intervalMs: 1_000, detectMult: 5 };
  one.configure([2, slow], [3, FAST]);
  two.configure([1, slow]);
  world.run(10_000);
  expect(one.status(2)).toMatchObject({ upCount: 1, bfd: { state: 'Up', detectionTimeMs: 5_000 } });
  expect(one.status(3)).toMatchObject({
    upCount: 1,
    bfd: { state: 'Up', detectionTimeMs: 900, sinceMs: before.sinceMs },
  });
});

test('RFC 5882 §4.3: a session that ends for another reason takes its BFD session with it', () => {
  const [one, two] = pair();
  void two.speaker.close({ forGood: false });
  world.run(5_000);
  // TCP told, BFD did not fail: AdminDown came with the end.
  expect(one.status(2)).toMatchObject({ bfd: undefined, lastError: { source: 'transport' } });
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
  expect(() => new Node(1).configure([2, bfd])).toThrow(new ConfigurationError(message));
});
