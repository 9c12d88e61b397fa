/** Restarts that lose nothing, over a virtual network and clock: RFC 4724, RFC 8538, both roles. */

import { World } from '../session/world.ts';
import { mesh, Node, peer, within } from './node.ts';

let world: World;
beforeEach(() => {
  world = new World();
});

/** The process ends as by kill -9, or SIGTERM: its connections close. Another one begins `awayMs` later. */
function restart(node: Node, index: number, awayMs = 2_000, forwarding = true): Node {
  void node.speaker.close({ forGood: false });
  world.run(awayMs);
  const next = new Node(world, index);
  next.speaker.restarted({ forwarding });
  next.configure(node.config);
  return next;
}

const BLOCKS_OF_TWO = { '10.1.0.0/26': 'local', '10.2.0.0/26': '10.0.0.2' };
const BLOCKS = { ...BLOCKS_OF_TWO, '10.3.0.0/26': '10.0.0.3' };

describe('the peer restarts', () => {
  test('RFC 4724 §4.2: nobody hears of it, and the route is there all the time', () => {
    const [a, b, c] = mesh(world, 3) as [Node, Node, Node];
    world.run(5_000);
    a.history.length = 0;
    c.history.length = 0;
    restart(b, 2);
    expect(a.routes).toEqual(BLOCKS);
    expect(a.status('n2')).toMatchObject({
      stale: { families: [4, 6], awaits: 'session' },
      routes: { received: 1, stale: 1 },
    });
    world.run(5_000);
    expect(a.status('n2')).toMatchObject({
      state: 'Established',
      stale: undefined,
      routes: { received: 1, stale: 0 },
    });
    world.run(300_000);
    expect([...a.history, ...c.history]).toEqual([]);
  });

  test('RFC 4724 §4.2: what it does not announce again goes with its End-of-RIB', () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    world.run(5_000);
    b.config = { ...b.config, originations: [] };
    restart(b, 2);
    expect(a.routes).toMatchObject({ '10.2.0.0/26': '10.0.0.2' });
    world.run(5_000);
    expect(a.routes).toEqual({ '10.1.0.0/26': 'local' });
  });

  test('RFC 4724 §4.2: it does not come back, and its routes go after its restart time', () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    world.run(5_000);
    void b.speaker.close({ forGood: false });
    world.run(119_000);
    expect(a.routes).toMatchObject({ '10.2.0.0/26': '10.0.0.2' });
    world.run(2_000);
    expect(a.routes).toEqual({ '10.1.0.0/26': 'local' });
    expect(a.status('n2')).toMatchObject({ stale: undefined, routes: { received: 0 } });
  });

  test('our own restart time for it bounds the one that it asks for', () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    a.configure({ peers: [peer(2, { restartTimeSec: 20 })] });
    world.run(5_000);
    void b.speaker.close({ forGood: false });
    world.run(21_000);
    expect(a.routes).toEqual({ '10.1.0.0/26': 'local' });
  });

  test('RFC 4724 §4.2: F is not set, as after its machine has started: its routes go at once', () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    world.run(5_000);
    a.history.length = 0;
    restart(b, 2, 2_000, false);
    world.run(5_000);
    expect(a.history).toEqual(['10.2.0.0/26 gone', '10.2.0.0/26 10.0.0.2']);
  });

  test('a second restart inside the window keeps the stale routes (RFC 8538 §4.1)', () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    world.run(5_000);
    a.history.length = 0;
    // It dies again right after its session is there, before it has said anything of routes.
    let next = b;
    for (let i = 0; i < 3; i++) {
      next = restart(next, 2);
      for (let ms = 0; a.status('n2').state !== 'Established'; ms++) {
        if (ms > 20_000) throw new Error('no session');
        world.run(1);
      }
    }
    expect(a.status('n2').routes).toMatchObject({ received: 1, stale: 1 });
    world.run(5_000);
    expect(a.history).toEqual([]);
    expect(a.status('n2').routes).toMatchObject({ received: 1, stale: 0 });
  });

  test('RFC 4724 §5: it connects anew while its old session is up here: that is a restart', () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    a.configure({ peers: [peer(2, { passive: true, holdTimeSec: 0 })] });
    world.run(10_000);
    a.history.length = 0;
    world.cut(a.address, b.address);
    restart(b, 2);
    world.mend(a.address, b.address);
    expect(a.status('n2')).toMatchObject({ state: 'Established', routes: { stale: 0 } });
    world.run(10_000);
    expect(a.status('n2')).toMatchObject({
      state: 'Established',
      upCount: 2,
      routes: { received: 1, stale: 0 },
    });
    world.run(200_000);
    expect(a.history).toEqual([]);
    expect(a.status('n2').upCount).toBe(2);
  });

  test('the hold timer runs out (RFC 8538 §4): the routes stay, and the session comes back to them', () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    world.run(5_000);
    a.history.length = 0;
    world.cut(a.address, b.address);
    world.run(15_000);
    expect(a.status('n2')).toMatchObject({
      state: expect.not.stringMatching('Established'),
      lastNotification: { name: 'Hold Timer Expired' },
      routes: { stale: 1 },
    });
    world.mend(a.address, b.address);
    world.run(30_000);
    expect(a.status('n2')).toMatchObject({ state: 'Established', routes: { stale: 0 } });
    expect(a.history).toEqual([]);
  });

  test('the hold timer runs out, and N is not wanted here (RFC 4724 §5): the routes go at once', () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    a.configure({ peers: [peer(2, { gracefulNotification: false })] });
    world.run(5_000);
    restart(b, 2);
    expect(a.routes).toEqual(BLOCKS_OF_TWO);
    world.run(5_000);
    world.cut(a.address, b.address);
    world.run(9_000);
    expect(a.status('n2')).toMatchObject({
      lastNotification: { name: 'Hold Timer Expired' },
      stale: undefined,
    });
    expect(a.routes).toEqual({ '10.1.0.0/26': 'local' });
  });

  test('it leaves for good (RFC 8538 §3.1, a hard reset): its routes go at once', () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    world.run(5_000);
    void b.speaker.close({ forGood: true });
    world.run(50);
    expect(a.routes).toEqual({ '10.1.0.0/26': 'local' });
  });
});

describe('we restart', () => {
  test('R is set until the routes of all are in, and F', () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    const flags = () => a.status('n2').negotiated?.gracefulRestart;
    world.run(5_000);
    expect(flags()).toMatchObject({ restarted: false, preserved: [4, 6], notification: true });
    restart(b, 2);
    world.run(5_000);
    expect(flags()).toMatchObject({ restarted: true, preserved: [4, 6] });
    // A session that comes later has nothing to do with it any more.
    a.configure({ peers: [peer(2, { holdTimeSec: 12 })] });
    world.run(5_000);
    expect(flags()).toMatchObject({ restarted: false, preserved: [4, 6] });
  });

  test('several restart together: none waits for the others’ End-of-RIB, which wait for its', async () => {
    const before = mesh(world, 4);
    world.run(5_000);
    for (const node of before) void node.speaker.close({ forGood: false });
    world.run(2_000);
    const after = before.map((node, at) => {
      const next = new Node(world, at + 1);
      next.speaker.restarted({ forwarding: true });
      next.configure(node.config);
      return next;
    });
    const converged = Promise.all(after.map(({ speaker }) => speaker.whenConverged(60_000)));
    expect(await within(world, 8_000, converged)).toEqual([true, true, true, true]);
  });

  test('a peer that is away is waited for some seconds, not minutes', () => {
    const [a, b, c] = mesh(world, 3) as [Node, Node, Node];
    world.run(5_000);
    void c.speaker.close({ forGood: false });
    b.config = { ...b.config, originations: [{ prefix: '10.22.0.0/26' }] };
    restart(b, 2);
    world.run(8_000);
    expect(a.routes).not.toHaveProperty(['10.22.0.0/26']);
    world.run(4_000);
    expect(a.routes).toMatchObject({ '10.22.0.0/26': '10.0.0.2' });
    expect(a.routes).not.toHaveProperty(['10.2.0.0/26']);
  });

  test('a peer that connects anew while we come back does not end that: its routes are waited for again', () => {
    const [a, b, c] = mesh(world, 3) as [Node, Node, Node];
    world.run(5_000);
    c.history.length = 0;
    void b.speaker.close({ forGood: false });
    world.cut(b.address, c.address);
    const next = restart(b, 2);
    world.run(2_000);
    expect(a.status('n2').state).toBe('Established');
    const again = restart(a, 1, 500);
    world.run(2_000);
    const { gracefulRestart } = again.status('n2').negotiated!;
    expect(gracefulRestart).toMatchObject({ restarted: true, preserved: [4, 6] });
    world.mend(b.address, c.address);
    world.run(30_000);
    for (const node of [again, next, c])
      expect(Object.keys(node.routes)).toEqual(Object.keys(BLOCKS));
    expect(c.history).toEqual([]);
  });

  test('a reflector tells its clients End-of-RIB when it knows all clients’ routes again', () => {
    const client = (index: number) => peer(index, { routeReflectorClient: true });
    const reflector = new Node(world, 9);
    const peers = [client(1), client(2), client(3)];
    reflector.configure({ peers });
    const clients = [1, 2, 3].map((index) => {
      const node = new Node(world, index);
      node.configure({
        peers: [peer(9)],
        originations: [{ prefix: `10.${index}.0.0/26` }],
      });
      return node;
    });
    world.run(5_000);
    for (const node of clients) {
      expect(node.table.size).toBe(3);
      node.history.length = 0;
    }
    // The third client's session comes seconds after the others'.
    void reflector.speaker.close({ forGood: false });
    world.run(1_000);
    world.cut('10.0.0.3', '10.0.0.9');
    const next = new Node(world, 9);
    next.speaker.restarted({ forwarding: true });
    next.configure({ peers });
    world.run(4_000);
    world.mend('10.0.0.3', '10.0.0.9');
    world.run(20_000);
    expect(next.speaker.inspect().peers.map(({ state }) => state)).toEqual(
      Array(3).fill('Established'),
    );
    expect(clients.map(({ history }) => history)).toEqual([[], [], []]);
  });

  test('a family that a peer lacks stalls nothing', async () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    a.configure({ peers: [peer(2, { families: [4] })] });
    world.run(5_000);
    const next = restart(b, 2);
    expect(await within(world, 5_000, next.speaker.whenConverged(60_000))).toBe(true);
    expect(a.routes).toMatchObject({ '10.2.0.0/26': '10.0.0.2' });
  });

  test('RFC 4724 §4.1: a peer without the capability is not waited for', async () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    a.configure({ peers: [peer(2, { restartTimeSec: 0 })] });
    world.run(5_000);
    const next = restart(b, 2);
    world.run(5_000);
    expect(a.routes).toMatchObject({ '10.2.0.0/26': '10.0.0.2' });
    expect(next.routes).toMatchObject({ '10.1.0.0/26': '10.0.0.1' });
  });
});

describe('we leave for good (RFC 8326, RFC 9003)', () => {
  test('peers are asked to take other paths, and have the time to; then they are told why', async () => {
    // The block is announced by two; the first is preferred by its identifier.
    const [a, b, c] = mesh(world, 3) as [Node, Node, Node];
    for (const node of [a, b]) node.configure({ originations: [{ prefix: '10.9.0.0/26' }] });
    world.run(5_000);
    expect(c.routes).toMatchObject({ '10.9.0.0/26': '10.0.0.1 10.0.0.2' });
    const left = a.speaker.leave({ drainMs: 10_000, text: 'replaced by n4' });
    world.run(1_000);
    expect(c.routes).toMatchObject({ '10.9.0.0/26': '10.0.0.2' });
    expect([...c.speaker.routes('10.9.0.0/26')][0]!.paths).toContainEqual(
      expect.objectContaining({
        peer: 'n1',
        reason: 'higher local preference',
        attributes: expect.objectContaining({ localPref: 0, communities: [0xffff0000] }),
      }),
    );
    expect(c.status('n1').state).toBe('Established');
    expect(await within(world, 10_000, left)).toBe('pending'); // on its last words
    expect(await within(world, 100, left)).toBeUndefined();
    expect(c.status('n1').lastNotification).toMatchObject({
      name: 'Cease / Hard Reset: Cease / Administrative Shutdown',
      text: 'replaced by n4',
    });
    expect([...c.speaker.routes('10.9.0.0/26')][0]!.paths).toHaveLength(1);
  });

  test('RFC 8326 §4.2: what an eBGP peer marks so is the last to be chosen', () => {
    const [a, b, c] = [1, 2, 3].map((index) => new Node(world, index, { localAs: 64500 + index }));
    c!.configure({ peers: [1, 2].map((index) => peer(index, { remoteAs: 64500 + index })) });
    for (const node of [a!, b!]) node.configure({ peers: [peer(3, { remoteAs: 64503 })] });
    a!.configure({ originations: [{ prefix: '10.9.0.0/26', communities: [0xffff0000] }] });
    b!.configure({ originations: [{ prefix: '10.9.0.0/26', med: 1000 }] });
    world.run(5_000);
    expect(c!.routes).toEqual({ '10.9.0.0/26': '10.0.0.2' });
    expect([...c!.speaker.routes('10.9.0.0/26')][0]!.paths).toContainEqual(
      expect.objectContaining({ peer: 'n1', state: 'lost', reason: 'higher local preference' }),
    );
  });
});
