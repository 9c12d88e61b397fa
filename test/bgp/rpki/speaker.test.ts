/** What payloads do to the routes of a speaker: RFC 6811, with caches and peers on a virtual network. */

import {
  ConfigurationError,
  type PeerConfig,
  Speaker,
  type SpeakerConfig,
} from '../../../bgp/speaker.ts';
import { recordingLog, World } from '../session/world.ts';
import { PORT, RpkiServer } from './server.ts';

const US = '10.0.0.1';
const CACHE = '10.0.0.9';
const RPKI = { servers: [{ address: CACHE, port: PORT }], invalidRoutes: 'reject' } as const;

let world: World;
let cache: RpkiServer;
beforeEach(() => {
  world = new World();
  cache = new RpkiServer(world.host(CACHE), CACHE);
  cache.payloads = ['10.2.0.0/16-24 AS 65002', '10.3.0.0/16-16 AS 65003'];
});

function start(
  address: string,
  localAs: number,
  peers: readonly PeerConfig[],
  more: Partial<SpeakerConfig> = {},
) {
  const { clock, random, immediate } = world;
  const transport = world.host(address);
  const speaker = new Speaker({ clock, random, log: recordingLog(), transport, immediate });
  const config = {
    localAs,
    routerId: address,
    listen: [{ address, port: 179 }],
    peers,
    originations: [],
    ...more,
  };
  speaker.configure(config);
  return {
    speaker,
    configure: (changes: Partial<SpeakerConfig>) => speaker.configure({ ...config, ...changes }),
  };
}

const peer = (address: string, remoteAs: number): PeerConfig => ({
  name: address,
  address,
  remoteAs,
  importPolicy: 'all',
  exportPolicy: 'all',
});
const originations = (...prefixes: string[]) => ({
  originations: prefixes.map((prefix) => ({ prefix })),
});

/** AS 65001 with a peer in AS 65002 that announces what it may, what it may not, and what nobody has registered. */
function startBoth(rpki: SpeakerConfig['rpki']) {
  const us = start(US, 65001, [peer('10.0.0.2', 65002)], rpki && { rpki });
  const prefixes = ['10.2.1.0/24', '10.2.1.0/25', '10.3.0.0/16', '10.4.0.0/16'];
  const two = start('10.0.0.2', 65002, [peer(US, 65001)], originations(...prefixes));
  return { us, two };
}

function routes(speaker: Speaker): Record<string, string> {
  const all = [...speaker.routes()].map(({ prefix, paths }) => {
    const [{ state, validity }] = paths as [(typeof paths)[number]];
    return [`${prefix.address.bytes.join('.')}/${prefix.length}`, `${state} ${validity}`];
  });
  return Object.fromEntries(all);
}

const pathTo = (speaker: Speaker, prefix: string) => [...speaker.routes(prefix)][0]?.paths[0];

test('without caches nothing is validated', () => {
  const { us } = startBoth(undefined);
  world.run(5_000);
  expect(routes(us.speaker)).toEqual({
    '10.2.1.0/24': 'best undefined',
    '10.2.1.0/25': 'best undefined',
    '10.3.0.0/16': 'best undefined',
    '10.4.0.0/16': 'best undefined',
  });
  expect(us.speaker.inspect().caches).toEqual([]);
});

test('accepted, routes show their validity', () => {
  const { us } = startBoth({ ...RPKI, invalidRoutes: 'accept' });
  world.run(5_000);
  expect(routes(us.speaker)).toEqual({
    '10.2.1.0/24': 'best valid',
    '10.2.1.0/25': 'best invalid',
    '10.3.0.0/16': 'best invalid',
    '10.4.0.0/16': 'best not-found',
  });
  expect(us.speaker.inspect().caches).toMatchObject([
    { address: CACHE, port: PORT, phase: 'synchronised', serial: 1, vrps: 2 },
  ]);
});

test('rejected, invalid routes are no routes, and say why', () => {
  const { us } = startBoth(RPKI);
  world.run(5_000);
  expect(routes(us.speaker)).toEqual({
    '10.2.1.0/24': 'best valid',
    '10.4.0.0/16': 'best not-found',
  });
  expect(pathTo(us.speaker, '10.3.0.0/16')).toMatchObject({
    state: 'rejected',
    reason: 'origin validation: invalid',
    validity: 'invalid',
  });
});

test('payloads that come and go change routes with nobody telling them again', () => {
  const { us, two } = startBoth(RPKI);
  world.run(5_000);
  const updates = () => us.speaker.inspect().peers[0]!.received.update;
  const before = updates();
  cache.serial = 2;
  cache.changes.set(1, ['-10.3.0.0/16-16 AS 65003', '+10.4.0.0/15-16 AS 65009']);
  cache.notify();
  world.run(1_000);
  expect(routes(us.speaker)).toEqual({
    '10.2.1.0/24': 'best valid',
    '10.3.0.0/16': 'best not-found',
  });
  expect(updates()).toBe(before);
  two.configure(originations('10.5.0.0/16', '10.2.9.0/24'));
  world.run(1_000);
  expect(routes(us.speaker)).toEqual({ '10.2.9.0/24': 'best valid' });
});

test('after a payload has expired its routes are not-found', () => {
  const { us } = startBoth(RPKI);
  world.run(5_000);
  cache.close();
  world.run(7_100_000);
  expect(routes(us.speaker)).toEqual({
    '10.2.1.0/24': 'best valid',
    '10.4.0.0/16': 'best not-found',
  });
  world.run(200_000);
  expect(new Set(Object.values(routes(us.speaker)))).toEqual(new Set(['best not-found']));
  expect(Object.keys(routes(us.speaker))).toHaveLength(4);
});

test('what is done with invalid routes can change, and caches can come and go, without a reset', () => {
  const { us } = startBoth(undefined);
  world.run(5_000);
  const count = () => Object.keys(routes(us.speaker)).length;
  const seen = [count()];
  for (const rpki of [
    RPKI,
    { ...RPKI, invalidRoutes: 'accept' as const },
    RPKI,
    { ...RPKI, servers: [] },
  ]) {
    us.configure({ rpki });
    world.run(5_000);
    seen.push(count());
  }
  expect(seen).toEqual([4, 2, 4, 2, 4]);
  expect(us.speaker.inspect().peers[0]).toMatchObject({ upCount: 1 });
});

test('routes of our own AS are not validated', () => {
  const us = start(US, 65001, [peer('10.0.0.2', 65001)], { rpki: RPKI });
  start('10.0.0.2', 65001, [peer(US, 65001)], originations('10.3.0.0/16'));
  world.run(5_000);
  expect(routes(us.speaker)).toEqual({ '10.3.0.0/16': 'best undefined' });
});

test('what cannot be is refused, and says where', () => {
  const many = Array.from({ length: 9 }, (_, i) => ({ address: `10.0.1.${i}`, port: 323 }));
  const config = (servers: typeof many) => () =>
    start(US, 65001, [], { rpki: { ...RPKI, servers } });
  expect(config(many)).toThrow(new ConfigurationError('rpki.servers: 9 are too many: keep 8'));
  expect(config([{ address: 'x', port: 323 }])).toThrow(/^rpki\.servers\[0\]\.address: /);
  expect(config([{ address: CACHE, port: 0 }])).toThrow(/^rpki\.servers\[0\]\.port 0 is not/);
});
