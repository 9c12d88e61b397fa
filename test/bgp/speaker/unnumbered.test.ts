/** Unnumbered peers: speakers that find each other on a link, over a virtual network and clock. */

import type { PeerConfig, SpeakerConfig } from '../../../bgp/speaker.ts';
import { ADVERTISEMENT } from '../../../bgp/unnumbered/messages.ts';
import { World } from '../session/world.ts';
import { Ether } from '../unnumbered/ether.ts';
import { Node } from './node.ts';

let world: World;
let ether: Ether;
beforeEach(() => {
  world = new World();
  ether = new Ether(world);
});

const ON_ETH1: PeerConfig = {
  ...{ name: 'tor', interface: 'eth1', remoteAs: 'external' },
  ...{ importPolicy: 'all', exportPolicy: 'all' },
};

/** A speaker at fe80::<index> of the link, with one unnumbered peer; not configured yet. */
function station(index: number, config: Partial<SpeakerConfig> = {}, isUp = true) {
  const links = ether.station(`fe80::${index}`, isUp);
  const address = `fe80::${index}%eth1`;
  const originations = [{ prefix: `10.${index}.0.0/26` }, { prefix: `fd00:${index}::/122` }];
  const all = { localAs: 65000 + index, originations, peers: [ON_ETH1], ...config };
  return { node: new Node(world, index, all, { address, links }), links };
}

test('two find each other, and have the routes of both families by their link', () => {
  const [a, b] = [station(1).node, station(2).node];
  a.configure();
  b.configure();
  world.run(10_000);
  expect(a.routes).toEqual({
    '10.1.0.0/26': 'local',
    '10.2.0.0/26': 'fe80::2%eth1',
    'fd00:1::/122': 'local',
    'fd00:2::/122': 'fe80::2%eth1',
  });
  expect(a.status('tor')).toMatchObject({
    state: 'Established',
    address: 'fe80::2%eth1',
    remoteAs: 65002,
    negotiated: { extendedNextHop: true, localAddress: 'fe80::1%eth1' },
  });
  expect([a.sessions, b.sessions]).toEqual([['tor up'], ['tor up']]);
});

test('who waits alone says for whom, and nothing has converged', async () => {
  const { node } = station(1);
  node.configure();
  const converged = node.speaker.whenConverged(5_000);
  world.run(10_000);
  expect(await converged).toBe(false);
  expect(node.status('tor')).toMatchObject({
    state: 'Idle',
    address: 'eth1',
    remoteAs: 'external',
    lastError: { name: 'no neighbour has advertised itself on the link yet, or it is down' },
  });
});

test('external: a router of our own AS is refused, and one of the AS given is not', () => {
  const [a, b] = [station(1, { localAs: 65002 }).node, station(2).node];
  a.configure();
  b.configure();
  world.run(10_000);
  expect([a.sessions, b.sessions]).toEqual([[], []]);
  expect(a.status('tor').lastNotification).toMatchObject({
    name: 'OPEN Message Error / Bad Peer AS',
  });
  for (const node of [a, b]) node.configure({ peers: [{ ...ON_ETH1, remoteAs: 65002 }] });
  world.run(20_000);
  expect([a.sessions, b.sessions]).toEqual([['tor up'], ['tor up']]);
});

test('a link that goes down ends the session at once, and brings it back', () => {
  const [a, b] = [station(1), station(2).node];
  a.node.configure();
  b.configure();
  world.run(10_000);
  a.links.down();
  world.run(10);
  expect(a.node.sessions).toEqual(['tor up', 'tor down']);
  expect(a.node.routes).toEqual({ '10.1.0.0/26': 'local', 'fd00:1::/122': 'local' });
  a.links.up();
  world.run(20_000);
  expect(a.node.sessions).toEqual(['tor up', 'tor down', 'tor up']);
  expect(a.node.status('tor').upCount).toBe(2);
});

test('another router in the place of the first is followed once it has spoken twice', () => {
  const [a, b, c] = [station(1).node, station(2), station(3, {}, false)];
  a.configure();
  b.node.configure();
  c.node.configure();
  world.run(10_000);
  world.cut('fe80::1%eth1', 'fe80::2%eth1');
  b.links.down();
  c.links.up();
  world.run(30_000);
  expect(a.status('tor')).toMatchObject({ state: 'Established', address: 'fe80::3%eth1' });
  expect(a.routes).toMatchObject({ '10.3.0.0/26': 'fe80::3%eth1' });
  expect(a.routes).not.toHaveProperty('10.2.0.0/26');
});

test('a connection from another address of the link is a stranger’s', () => {
  const [a, b] = [station(1).node, station(2).node];
  a.configure();
  world.run(10);
  ether.say('fe80::9', ADVERTISEMENT);
  b.configure();
  world.run(3_000);
  expect(a.status('tor').address).toBe('fe80::9%eth1');
  expect(a.speaker.inspect().strangersRefused).toBeGreaterThan(0);
});

test('RFC 2385: the key is for who is found', () => {
  const { node } = station(1, { peers: [{ ...ON_ETH1, md5Key: 'secret' }] });
  node.configure();
  world.run(10);
  const keys = () => world.signingKeys.get('fe80::1%eth1 179');
  expect(keys()).toEqual([]);
  ether.say('fe80::2', ADVERTISEMENT);
  expect(keys()).toEqual(['fe80::2/128 secret']);
});

test('a peer that is removed, and a speaker that ends, leave the link alone', async () => {
  const { node } = station(1);
  node.configure();
  world.run(10_000);
  node.configure({ peers: [] });
  const count = ether.sent.length;
  world.run(60_000);
  expect(ether.sent.length).toBe(count);
  node.configure({ peers: [ON_ETH1] });
  world.run(1_000);
  const ended = node.speaker.close({ forGood: true });
  const sent = ether.sent.length;
  world.run(60_000);
  await ended;
  expect(ether.sent.length).toBe(sent);
});
