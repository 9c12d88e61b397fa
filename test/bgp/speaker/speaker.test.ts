/** Speakers among themselves, over a virtual network and clock: routes, configuration as a difference, ends. */

import { formatPrefix } from 'net-ipaddr';
import type { SpeakerConfig } from '../../../bgp/speaker.ts';
import { ConfigurationError } from '../../../bgp/speaker.ts';
import { Wire } from '../session/station.ts';
import { World } from '../session/world.ts';
import { mesh, Node, peer, within } from './node.ts';

let world: World;
beforeEach(() => {
  world = new World();
});

const aoKey = (id: number, secret: string) => ({
  id,
  algorithm: 'HMAC-SHA-1-96' as const,
  secret,
});
const { address: _, ...unnumbered } = peer(2, { name: 'eth1', interface: 'eth1' });

describe('routes', () => {
  test('in a mesh, every node learns the others’ blocks with their next hops', async () => {
    const nodes = mesh(world, 3);
    expect(await within(world, 5_000, nodes[0]!.speaker.whenConverged(60_000))).toBe(true);
    expect(nodes.map(({ routes }) => routes)).toEqual([
      { '10.1.0.0/26': 'local', '10.2.0.0/26': '10.0.0.2', '10.3.0.0/26': '10.0.0.3' },
      { '10.1.0.0/26': '10.0.0.1', '10.2.0.0/26': 'local', '10.3.0.0/26': '10.0.0.3' },
      { '10.1.0.0/26': '10.0.0.1', '10.2.0.0/26': '10.0.0.2', '10.3.0.0/26': 'local' },
    ]);
  });

  test('a block more, a block less, and a changed one', () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    world.run(1_000);
    const originations = [{ prefix: '10.1.0.64/26' }, { prefix: 'fd00:1::/122' }];
    a.configure({ originations });
    world.run(100);
    // A next hop for IPv6 routes is not known on an IPv4 session unless it is configured.
    expect(b.routes).toEqual({ '10.1.0.64/26': '10.0.0.1', '10.2.0.0/26': 'local' });
    a.configure({ peers: [peer(2, { localAddress6: 'fd00::1' })] });
    world.run(100);
    expect(b.routes).toMatchObject({ 'fd00:1::/122': 'fd00::1' });
    expect(b.sessions).toEqual(['n1 up']);
    a.configure({ originations: [{ prefix: '10.1.0.64/26', communities: [65536] }] });
    world.run(100);
    expect(b.routes).toEqual({ '10.1.0.64/26': '10.0.0.1', '10.2.0.0/26': 'local' });
    const [route] = [...b.speaker.routes('10.1.0.64/26')];
    expect(route).toMatchObject({
      paths: [{ peer: 'n1', state: 'best', attributes: { communities: [65536] } }],
      sentTo: [],
    });
    expect([...a.speaker.routes('10.1.0.64/26')][0]).toMatchObject({
      paths: [{ peer: undefined }],
      sentTo: ['n2'],
    });
    expect([...a.speaker.routes()].map(({ prefix }) => formatPrefix(prefix)).sort()).toEqual([
      '10.1.0.64/26',
      '10.2.0.0/26',
    ]);
  });

  test('without graceful restart a lost session takes its routes with it, within the hold time', () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    a.configure({ peers: [peer(2, { restartTimeSec: 0 })] });
    world.run(1_000);
    world.cut(a.address, b.address);
    world.run(9_500);
    expect(a.routes).toEqual({ '10.1.0.0/26': 'local' });
    expect(a.sessions).toEqual(['n2 up', 'n2 down']);
    expect(a.status('n2')).toMatchObject({
      lastError: { source: 'notification sent', name: 'Hold Timer Expired' },
      routes: { received: 0 },
    });
    world.mend(a.address, b.address);
    world.run(10_000);
    expect(a.routes).toEqual({ '10.1.0.0/26': 'local', '10.2.0.0/26': '10.0.0.2' });
    expect(a.status('n2').upCount).toBe(2);
  });
});

describe('whenConverged', () => {
  test('with no peers at once', async () => {
    const a = new Node(world, 1);
    a.configure();
    expect(await within(world, 10, a.speaker.whenConverged(1_000))).toBe(true);
  });

  test('not before the configuration has come', async () => {
    const a = new Node(world, 1);
    expect(await within(world, 900, a.speaker.whenConverged(1_000))).toBe('pending');
  });

  test('waits for the last peer, and gives up at the deadline', async () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    a.configure({ peers: [peer(2), peer(3)] });
    const converged = a.speaker.whenConverged(20_000);
    expect(await within(world, 19_000, converged)).toBe('pending');
    expect(await within(world, 1_500, converged)).toBe(false);
    expect(await within(world, 10, b.speaker.whenConverged(1_000))).toBe(true);
  });

  test('a peer that is no longer wanted is not waited for', async () => {
    const [a] = mesh(world, 2) as [Node, Node];
    a.configure({ peers: [peer(2), peer(3)] });
    const converged = a.speaker.whenConverged(60_000);
    expect(await within(world, 5_000, converged)).toBe('pending');
    a.configure({ peers: [peer(2)] });
    expect(await within(world, 100, converged)).toBe(true);
  });
});

describe('configure is a difference', () => {
  let a: Node;
  let b: Node;
  let c: Node;
  beforeEach(() => {
    [a, b, c] = mesh(world, 3) as [Node, Node, Node];
    world.run(5_000);
    for (const node of [a, b, c]) node.sessions.length = 0;
  });

  test('the same again, other words, another policy or next hop: no session notices', () => {
    a.configure();
    a.configure({
      peers: [
        peer(3, { description: 'the third', type: 'node specific' }),
        peer(2, {
          exportPolicy: { rules: [], otherwise: 'reject' },
          importPolicy: { rules: [], otherwise: 'reject' },
          nextHopMode: 'self',
        }),
      ],
    });
    world.run(30_000);
    expect([a.sessions, b.sessions, c.sessions]).toEqual([[], [], []]);
    expect(a.routes).toEqual({ '10.1.0.0/26': 'local', '10.3.0.0/26': '10.0.0.3' });
    expect(b.routes).toEqual({ '10.2.0.0/26': 'local', '10.3.0.0/26': '10.0.0.3' });
    expect(a.status('n3')).toMatchObject({ description: 'the third', type: 'node specific' });
    a.configure({ peers: [peer(3), peer(2)] });
    world.run(100);
    expect(b.routes).toMatchObject({ '10.1.0.0/26': '10.0.0.1' });
  });

  test('RFC 2385 §4.4: another key, and other hops, are taken up without a reset, and no key is logged', () => {
    a.configure({ peers: [peer(2, { md5Key: 'secret one', ttlSecurityHops: 1 }), peer(3)] });
    expect(world.signingKeys.get('10.0.0.1 179')).toEqual(['10.0.0.2/32 secret one']);
    a.configure({ peers: [peer(2, { md5Key: 'secret two' }), peer(3)] });
    expect(world.signingKeys.get('10.0.0.1 179')).toEqual(['10.0.0.2/32 secret two']);
    world.run(30_000);
    expect([a.sessions, b.sessions, c.sessions]).toEqual([[], [], []]);
    expect(JSON.stringify([a.log, a.speaker.inspect()])).not.toContain('secret');
  });

  test('restart times, from the next OPEN on, and our own timers, at once, are taken up without a reset', () => {
    const more = { restartTimeSec: 20, keepaliveSec: 1, passive: true, delayOpenSec: 1 };
    const sent = () => a.status('n2').sent.keepalive;
    a.configure({ peers: [peer(2, more), peer(3)], connectRetrySec: 7 });
    world.run(4_000);
    const before = sent();
    world.run(30_000);
    expect(sent() - before).toBeGreaterThanOrEqual(29);
    expect([a.sessions, b.sessions, c.sessions]).toEqual([[], [], []]);
    const toldOf2 = () => b.status('n1').negotiated?.gracefulRestart?.restartTimeMs;
    expect(toldOf2()).toBe(120_000);
    b.configure({ peers: [peer(1, { holdTimeSec: 30 }), peer(3)] });
    world.run(20_000);
    expect(toldOf2()).toBe(20_000);
    expect(a.status('n2')).toMatchObject({ passive: true, state: 'Established' });
  });

  test('what belongs to a session resets that one only, and tells the peer why', () => {
    a.configure({ peers: [peer(2), peer(3, { holdTimeSec: 30 })] });
    world.run(100);
    expect(c.status('n1').lastError).toMatchObject({
      source: 'notification received',
      name: 'Cease / Hard Reset: Cease / Other Configuration Change',
    });
    world.run(10_000);
    expect(a.sessions).toEqual(['n3 down', 'n3 up']);
    expect(c.sessions).toEqual(['n1 down', 'n1 up']);
    expect(b.sessions).toEqual([]);
    expect(a.routes).toMatchObject({ '10.3.0.0/26': '10.0.0.3' });
  });

  test('a peer less, a peer more', () => {
    a.configure({ peers: [peer(2)] });
    world.run(1_000);
    expect(a.routes).toEqual({ '10.1.0.0/26': 'local', '10.2.0.0/26': '10.0.0.2' });
    expect(c.status('n1').lastNotification).toMatchObject({
      name: 'Cease / Hard Reset: Cease / Peer De-configured',
    });
    // It dials on, and is a stranger now.
    expect(c.status('n1').lastError).toMatchObject({ source: 'transport' });
    expect(a.speaker.inspect().strangersRefused).toBeGreaterThan(0);
    a.configure({ peers: [peer(2), peer(3)] });
    world.run(40_000);
    expect(a.routes).toMatchObject({ '10.3.0.0/26': '10.0.0.3' });
    expect(b.sessions).toEqual([]);
  });

  test('two peers may swap their addresses', () => {
    a.configure({ peers: [peer(2, { name: 'n3' }), peer(3, { name: 'n2' })] });
    world.run(20_000);
    expect(a.status('n3')).toMatchObject({ state: 'Established', address: '10.0.0.2' });
    expect(a.status('n2')).toMatchObject({ state: 'Established', address: '10.0.0.3' });
    expect(Object.keys(a.routes)).toHaveLength(3);
  });

  test('another AS number: all sessions anew, and no route stays that came under the old one', () => {
    const as = 4_200_000_000;
    a.configure({ localAs: as });
    world.run(10);
    expect(a.routes).toEqual({ '10.1.0.0/26': 'local' });
    b.configure({ peers: [peer(1, { remoteAs: as }), peer(3)] });
    c.configure({ peers: [peer(1, { remoteAs: as }), peer(2)] });
    world.run(60_000);
    // b and c are of another AS now, and each tells of the other's block too.
    expect(a.routes).toEqual({
      '10.1.0.0/26': 'local',
      '10.2.0.0/26': '10.0.0.2 10.0.0.3',
      '10.3.0.0/26': '10.0.0.2 10.0.0.3',
    });
    expect([...b.speaker.routes('10.1.0.0/26')][0]!.paths[0]).toMatchObject({
      attributes: { asPath: [{ as: [as] }] },
    });
    expect(b.sessions.filter((what) => what.startsWith('n3'))).toEqual([]);
  });

  test('another router id: all sessions anew', () => {
    a.configure({ routerId: '1.1.1.1' });
    world.run(30_000);
    expect(b.status('n1').negotiated).toMatchObject({ remoteRouterId: 0x01010101 });
    expect(Object.keys(a.routes)).toHaveLength(3);
  });

  test('what cannot be is refused, and nothing of it is done', () => {
    const peers = [peer(2, { holdTimeSec: 2 })];
    expect(() => a.speaker.configure({ ...a.config, peers, originations: [] })).toThrow(
      ConfigurationError,
    );
    world.run(10_000);
    expect(a.sessions).toEqual([]);
    expect(b.routes).toMatchObject({ '10.1.0.0/26': '10.0.0.1' });
  });
});

describe('connections', () => {
  test('from no peer’s address are refused, counted, and told of once a minute', () => {
    const [a] = mesh(world, 2) as [Node, Node];
    world.run(1_000);
    const wires = Array.from({ length: 5 }, () => Wire.dial(world, '10.0.0.9', a.address));
    world.run(10);
    expect(wires.every(({ closedWhy }) => closedWhy !== undefined)).toBe(true);
    expect(wires.every(({ received }) => received.length === 0)).toBe(true);
    const told = () => a.log.filter((line) => line.includes('no peer'));
    expect(told()).toHaveLength(1);
    expect(told()[0]).toContain('10.0.0.9');
    expect(a.speaker.inspect().strangersRefused).toBe(5);
    world.run(60_000);
    Wire.dial(world, '10.0.0.9', a.address);
    world.run(10);
    expect(told()[1]).toContain('"connections":5');
  });

  test('a port that is taken is tried again until it is free', () => {
    const first = new Node(world, 1);
    first.configure();
    world.run(10);
    const second = new Node(world, 1);
    second.configure();
    world.run(1_500);
    expect(second.speaker.inspect().listeners).toEqual([
      { address: '10.0.0.1', port: 179, isListening: false, error: 'listen EADDRINUSE' },
    ]);
    expect(second.log.filter((line) => line.includes('cannot listen'))).toHaveLength(1);
    first.configure({ listen: [] });
    world.run(31_000);
    expect(second.speaker.inspect().listeners).toMatchObject([{ isListening: true }]);
  });
});

describe('close', () => {
  test('for good: peers are told, and drop our routes at once; our listeners hear nothing', async () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    world.run(1_000);
    const before = a.routes;
    expect(await within(world, 50, a.speaker.close({ forGood: true }))).toBeUndefined();
    expect(b.routes).toEqual({ '10.2.0.0/26': 'local' });
    expect(b.status('n1').lastError).toMatchObject({
      name: 'Cease / Hard Reset: Cease / Administrative Shutdown',
    });
    expect(a.routes).toEqual(before);
    expect(a.sessions).toEqual(['n2 up']);
    world.run(600_000);
    expect(b.status('n1').upCount).toBe(1);
    expect(() => a.configure()).toThrow('closed');
  });

  test('to be back: the connections just close', async () => {
    const [a, b] = mesh(world, 2) as [Node, Node];
    world.run(1_000);
    const converged = a.speaker.whenConverged(60_000);
    a.configure({ peers: [peer(2), peer(3)] });
    const waiting = a.speaker.whenConverged(60_000);
    expect(await within(world, 50, a.speaker.close({ forGood: false }))).toBeUndefined();
    expect(b.status('n1').lastError).toMatchObject({ source: 'transport' });
    expect([await converged, await waiting]).toEqual([true, false]);
  });
});

describe('RFC 4271 §6.7, RFC 4486 §4: more prefixes than a peer may have', () => {
  const blocks = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ prefix: `10.1.${index}.0/24` }));
  const warnings = ({ log }: Node) => log.filter((line) => line.includes('nears the number'));

  function limited(count: number): [Node, Node] {
    const [a, b] = mesh(world, 2) as [Node, Node];
    b.configure({ peers: [peer(1, { maxPrefixes: 10 })] });
    a.configure({ originations: blocks(count) });
    world.run(1_000);
    return [a, b];
  }

  test('as many are fine; near them there is a warning', () => {
    const [a, b] = limited(8);
    expect([b.status('n1').state, warnings(b)]).toEqual(['Established', []]);
    a.configure({ originations: blocks(10) });
    world.run(60_000);
    expect(b.status('n1')).toMatchObject({ state: 'Established', upCount: 1 });
    expect(warnings(b)).toHaveLength(1);
  });

  test('one more ends the session, which comes back after the hold-off only', () => {
    const [a, b] = limited(11);
    expect(b.status('n1')).toMatchObject({
      state: 'Idle',
      heldOffUntilMs: expect.any(Number),
      lastError: {
        // RFC 8538 §3.1: what is not to be graceful comes in a Hard Reset.
        name: 'Cease / Hard Reset: Cease / Maximum Number of Prefixes Reached',
        text: 'more than 10 IPv4 prefixes: no session for 1 min',
      },
    });
    expect(a.status('n2').lastNotification?.name).toMatch(/Maximum Number of Prefixes Reached$/);
    a.configure({ originations: blocks(9) });
    world.run(58_000);
    expect(b.status('n1').state).toBe('Idle');
    world.run(40_000);
    expect(b.status('n1')).toMatchObject({ state: 'Established', heldOffUntilMs: undefined });
  });

  test('each time in a row it waits longer', () => {
    const [, b] = limited(11);
    world.run(100_000);
    expect(b.status('n1').lastError).toMatchObject({ text: expect.stringContaining('for 2 min') });
  });

  test('a higher limit takes effect at once, and resets nothing', () => {
    const [, b] = limited(11);
    b.configure({ peers: [peer(1, { maxPrefixes: 20 })] });
    world.run(40_000);
    expect(b.status('n1').state).toBe('Established');
    const { upCount } = b.status('n1');
    b.configure({ peers: [peer(1, { maxPrefixes: 30 })] });
    world.run(30_000);
    expect(b.status('n1').upCount).toBe(upCount);
  });
});

describe('a configuration error says what and where', () => {
  const base = (): SpeakerConfig => new Node(world, 1).config;
  test.each<[string, Partial<SpeakerConfig>, string]>([
    ['AS 0', { localAs: 0 }, 'localAs 0 is not a whole number from 1 to 4294967295'],
    ['no IPv4 router id', { routerId: 'fd00::1' }, 'routerId fd00::1 is not an IPv4 address'],
    [
      'router id 0',
      { routerId: '0.0.0.0' },
      'routerId 0.0.0.0 is none: take an IPv4 address of the node',
    ],
    [
      'a listen address',
      { listen: [{ address: 'eth0', port: 179 }] },
      'listen[0].address: "eth0" is not an IP address',
    ],
    ['a listen port', { listen: [{ address: '::', port: 70_000 }] }, 'listen[0].port 70000'],
    ['an empty name', { peers: [peer(2, { name: '' })] }, 'a peer has an empty name'],
    ['one name twice', { peers: [peer(2), peer(3, { name: 'n2' })] }, 'two peers are named "n2"'],
    [
      'one address twice',
      { peers: [peer(2), peer(3, { address: '10.0.0.2' })] },
      'peer "n3": 10.0.0.2 is already the address of peer "n2"',
    ],
    [
      'a bad peer address',
      { peers: [peer(2, { address: '10.0.0.256' })] },
      'peer "n2": address: "10.0.0.256" is not an IP address: an octet is above 255',
    ],
    [
      'a link-local peer address on no link',
      { peers: [peer(2, { address: 'fe80::2' })] },
      'peer "n2": address fe80::2 is link-local and says nothing without its interface: write it like fe80::2%eth0',
    ],
    [
      'a peer with an address and an interface',
      { peers: [peer(2, { interface: 'eth1' })] },
      'peer "n2": address or interface must be given, and not both',
    ],
    [
      'what is no interface',
      { peers: [{ ...unnumbered, interface: 'eth 1' }] },
      'peer "eth1": interface: "fe80::%eth 1" is not an IP address: the zone is not the name of an interface',
    ],
    [
      'one interface twice',
      { peers: [unnumbered, { ...unnumbered, name: 'other' }] },
      'peer "other": eth1 is already the interface of peer "eth1"',
    ],
    ['a peer AS', { peers: [peer(2, { remoteAs: 2 ** 32 })] }, 'peer "n2": remoteAs 4294967296'],
    ['a peer port', { peers: [peer(2, { port: 0 })] }, 'peer "n2": port 0'],
    [
      'a hold time of 2 s',
      { holdTimeSec: 2, peers: [peer(2)] },
      'peer "n2": holdTimeSec 2 is not a whole number from 3 to 65535',
    ],
    [
      'an empty MD5 key',
      { peers: [peer(2, { md5Key: '' })] },
      'peer "n2": md5Key has 0 octets: a TCP MD5 key has 1 to 80',
    ],
    [
      'too long an MD5 key',
      { peers: [peer(2, { md5Key: 'ß'.repeat(41) })] },
      'peer "n2": md5Key has 82 octets: a TCP MD5 key has 1 to 80',
    ],
    ['no AO key', { peers: [peer(2, { aoKeys: [] })] }, 'peer "n2": aoKeys is empty'],
    [
      'AO keys of one id',
      { peers: [peer(2, { aoKeys: [aoKey(7, 'one'), aoKey(7, 'two')] })] },
      'peer "n2": aoKeys: two keys have id 7: keep one',
    ],
    [
      'an empty AO key',
      { peers: [peer(2, { aoKeys: [aoKey(7, '')] })] },
      'peer "n2": aoKeys: the secret of id 7 has 0 octets: a TCP-AO key has 1 to 80',
    ],
    [
      'two ways to sign',
      { peers: [peer(2, { md5Key: 'one', aoKeys: [aoKey(7, 'two')] })] },
      'peer "n2": md5Key and aoKeys are two ways to sign: keep one',
    ],
    [
      'too many hops',
      { peers: [peer(2, { ttlSecurityHops: 256 })] },
      'peer "n2": ttlSecurityHops 256',
    ],
    [
      'no family',
      { peers: [peer(2, { families: [] })] },
      'peer "n2": families must be [4], [6] or [4, 6]',
    ],
    [
      'a source of the other family',
      { peers: [peer(2, { sourceAddress: 'fd00::1' })] },
      'peer "n2": sourceAddress fd00::1 cannot reach 10.0.0.2: one is IPv4, the other IPv6',
    ],
    [
      'an own address of the other family',
      { peers: [peer(2, { localAddress6: '10.0.0.1' })] },
      'peer "n2": localAddress6 10.0.0.1 is not an IPv6 address',
    ],
    [
      'a prefix with host bits',
      { originations: [{ prefix: '10.0.0.1/26' }] },
      'originations: "10.0.0.1/26" is not a prefix',
    ],
  ])('%s', (_, wrong, message) => {
    const speaker = new Node(world, 1).speaker;
    expect(() => speaker.configure({ ...base(), ...wrong })).toThrow(message);
  });
});
