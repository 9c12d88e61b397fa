/** What a collector hears of a speaker's sessions: RFC 7854, over a virtual network. */

import { CEASE } from 'bgp-parser-ts';
import { parseAddress } from 'net-ipaddr';
import { Monitor } from '../../../bgp/bmp/monitor.ts';
import { Schedule } from '../../../bgp/schedule.ts';
import { type PeerConfig, Speaker, type SpeakerConfig } from '../../../bgp/speaker.ts';
import { openOf, Wire } from '../session/station.ts';
import { recordingLog, World } from '../session/world.ts';
import { CollectorStation, PORT, readPeerUp, readTlvs } from './collector-station.ts';

const COLLECTOR = '10.0.0.100';
const US = '10.0.0.1';

let world: World;
let collector: CollectorStation;
beforeEach(() => {
  world = new World();
  collector = new CollectorStation(world, COLLECTOR);
});

/** A speaker at this address, of AS 64512 unless said otherwise, with these peers. */
function start(address: string, peers: readonly string[], more: Partial<SpeakerConfig> = {}) {
  const { clock, random, immediate } = world;
  const transport = world.host(address);
  const speaker = new Speaker({ clock, random, log: recordingLog(), transport, immediate });
  const config: SpeakerConfig = {
    localAs: 64512,
    routerId: address,
    listen: [{ address, port: 179 }],
    holdTimeSec: 9,
    peers: peers.map(peerAt),
    originations: [],
    ...more,
  };
  speaker.configure(config);
  return { speaker, configure: (changes: object) => speaker.configure({ ...config, ...changes }) };
}

function peerAt(address: string): PeerConfig {
  const remoteAs = 64512;
  return { name: address, address, remoteAs, importPolicy: 'all', exportPolicy: 'all' };
}

const BMP = { bmp: { collectors: [{ address: COLLECTOR, port: PORT }], sysName: 'node1' } };
const originations = (...prefixes: string[]) => ({
  originations: prefixes.map((prefix) => ({ prefix })),
});

test('§4.3, §4.10: who is told, whose sessions, and the OPENs of each', () => {
  start(US, ['10.0.0.2'], BMP);
  start('10.0.0.2', [US]);
  world.run(2_000);
  expect(collector.types.slice(0, 2)).toEqual(['initiation', 'peer up']);
  const tlvs = readTlvs(collector.messages[0]!.body);
  expect([1, 2].map((type) => tlvs[type]?.toString())).toEqual(['Tortie', 'node1']);
  const [up] = collector.of('peer up');
  expect(up!.peer).toMatchObject({
    address: '10.0.0.2',
    as: 64512,
    routerId: 0x0a000002,
    flags: 0,
  });
  expect(up!.peer!.atMs).toBeGreaterThan(1_700_000_000_000);
  expect(readPeerUp(up!.body)).toMatchObject({
    localAddress: '0000000000000000000000000a000001',
    sent: { routerId: 0x0a000001, holdTime: 9 },
    received: { routerId: 0x0a000002, holdTime: 9 },
  });
});

test('§5: what was there before the collector came, then what changes', () => {
  const us = start(US, ['10.0.0.2', '10.0.0.3']);
  const two = start('10.0.0.2', [US], originations('10.2.0.0/26', '10.2.0.64/26', 'fd00:2::/64'));
  start('10.0.0.3', [US], originations('10.3.0.0/26'));
  two.configure({
    peers: [{ ...peerAt(US), localAddress6: 'fd00::2' }],
    ...originations('10.2.0.0/26', '10.2.0.64/26', 'fd00:2::/64'),
  });
  world.run(2_000);
  us.configure(BMP);
  world.run(2_000);
  expect(collector.routes).toEqual({
    '10.0.0.2': { '10.2.0.0/26': '', '10.2.0.64/26': '', 'fd00:2::/64': '' },
    '10.0.0.3': { '10.3.0.0/26': '' },
  });
  expect([...collector.peers.values()].map(({ endOfRib }) => endOfRib)).toEqual([2, 2]);
  expect(us.speaker.inspect().collectors).toMatchObject([
    { address: COLLECTOR, port: PORT, state: 'live', backlogBytes: 0, lastError: undefined },
  ]);
  two.configure({ ...originations('10.2.0.64/26', '10.2.0.128/26') });
  world.run(2_000);
  expect(collector.routes['10.0.0.2']).toEqual({ '10.2.0.64/26': '', '10.2.0.128/26': '' });
});

test('§5: what import rejects is told all the same', () => {
  const importPolicy = { rules: [], otherwise: 'reject' } as const;
  start(US, [], { ...BMP, peers: [{ ...peerAt('10.0.0.2'), importPolicy }] });
  start('10.0.0.2', [US], originations('10.2.0.0/26'));
  world.run(2_000);
  expect(collector.routes).toEqual({ '10.0.0.2': { '10.2.0.0/26': '' } });
});

describe('§4.9: why a session ended', () => {
  const reasonOf = () => {
    const [down] = collector.of('peer down');
    const notification = down!.body.subarray(1);
    const code = notification.length === 0 ? [] : [...notification.subarray(19, 21)];
    return [down!.body[0], ...code];
  };

  test('1: we closed it with a NOTIFICATION', () => {
    const us = start(US, ['10.0.0.2'], BMP);
    start('10.0.0.2', [US]);
    world.run(2_000);
    us.configure({ ...BMP, peers: [] });
    world.run(100);
    expect(reasonOf()).toEqual([1, 6, CEASE.HARD_RESET]);
  });

  test('1: … since the peer said nothing for the hold time', () => {
    start(US, ['10.0.0.2'], BMP);
    start('10.0.0.2', [US]);
    world.run(2_000);
    world.cut(US, '10.0.0.2');
    world.run(10_000);
    expect(reasonOf()).toEqual([1, 4, 0]);
  });

  test('3: the peer closed it with a NOTIFICATION', () => {
    start(US, ['10.0.0.2'], BMP);
    const two = start('10.0.0.2', [US]);
    world.run(2_000);
    void two.speaker.close({ forGood: true });
    world.run(100);
    expect(reasonOf()).toEqual([3, 6, CEASE.HARD_RESET]);
  });

  test('4: the connection was lost', () => {
    start(US, ['10.0.0.2'], BMP);
    const two = start('10.0.0.2', [US]);
    world.run(2_000);
    void two.speaker.close({ forGood: false });
    world.run(100);
    expect(reasonOf()).toEqual([4]);
  });
});

test('§4.5: the end of the speaker: its sessions, then itself', () => {
  const us = start(US, ['10.0.0.2'], BMP);
  start('10.0.0.2', [US]);
  world.run(2_000);
  void us.speaker.close({ forGood: true });
  world.run(2_000);
  expect(collector.types.slice(-2)).toEqual(['peer down', 'termination']);
  expect(collector.stream).toBeUndefined();
});

test('§4.8: statistics, every so often', () => {
  start(US, ['10.0.0.2'], {
    bmp: { ...BMP.bmp, statisticsSec: 5 },
    ...originations('10.1.0.0/26'),
  });
  start('10.0.0.2', [US], originations('10.2.0.0/26', '10.2.0.64/26'));
  world.run(11_000);
  const reports = collector.of('statistics');
  expect(reports).toHaveLength(2);
  const { body } = reports[1]!;
  expect(body.readUInt32BE(0)).toBe(3);
  const tlvs = readTlvs(body.subarray(4));
  expect(tlvs[7]!.readBigUInt64BE()).toBe(2n);
  expect(tlvs[11]!.readUInt32BE()).toBe(0);
  expect(tlvs[15]!.readBigUInt64BE()).toBe(1n);
});

describe('a peer with words of its own', () => {
  const WIRE = '10.0.0.7';
  const bytes = (...texts: string[]) => Buffer.from(texts.join('').replaceAll(' ', ''), 'hex');
  const update = (attributes: string, nlri: string) => {
    const length = bytes(attributes).length;
    const body = Buffer.concat([
      Buffer.of(0, 0, length >> 8, length & 255),
      bytes(attributes, nlri),
    ]);
    const head = Buffer.alloc(19, 0xff);
    head.writeUInt16BE(19 + body.length, 16);
    head[18] = 2;
    return Buffer.concat([head, body]);
  };
  const ORIGIN = '40 01 01 00';
  const NEXT_HOP = '40 03 04 0a000007';
  const LOCAL_PREF = '40 05 04 00000064';
  const PREFIX = '18 0a0700';

  function dial(open = openOf()): Wire {
    start(US, [], { ...BMP, peers: [{ ...peerAt(WIRE), passive: true }] });
    world.run(10);
    const wire = Wire.dial(world, WIRE, US);
    world.run(10);
    wire.send(open);
    wire.keepalive();
    world.run(2_000);
    return wire;
  }

  test('RFC 7606: an UPDATE treated as withdraw is told as a withdraw', () => {
    const wire = dial();
    wire.send(update(`${ORIGIN} 40 02 00 ${NEXT_HOP} ${LOCAL_PREF}`, PREFIX));
    world.run(100);
    expect(collector.routes).toEqual({ [WIRE]: { '10.7.0.0/24': '' } });
    wire.send(update(`${ORIGIN} 40 02 00 ${NEXT_HOP} 40 05 03 000064`, PREFIX));
    world.run(100);
    expect(collector.routes).toEqual({ [WIRE]: {} });
  });

  test('§4.2: AS paths of two octets an AS are marked, and are told in four after a dump', () => {
    const wire = dial(openOf({ capabilities: [{ kind: 'multiprotocol', afi: 1, safi: 1 }] }));
    wire.send(update(`${ORIGIN} 40 02 06 02 02 fde9 fdea ${NEXT_HOP} ${LOCAL_PREF}`, PREFIX));
    world.run(100);
    const flags = () => collector.of('route monitoring').map(({ peer }) => peer!.flags);
    expect(flags()).toContain(0x20);
    expect(collector.routes).toEqual({ [WIRE]: { '10.7.0.0/24': '65001 65002' } });
    collector.stream!.destroy();
    world.run(3_000);
    expect(collector.connections).toBe(2);
    expect(collector.routes).toEqual({ [WIRE]: { '10.7.0.0/24': '65001 65002' } });
    expect(flags()).not.toContain(0x20);
  });
});

test.each([1, 2, 3, 4])(
  'whenever it comes, it ends up with what peers announce (seed %i)',
  (seed) => {
    world = new World(seed);
    collector = new CollectorStation(world, COLLECTOR);
    const us = start(US, ['10.0.0.2', '10.0.0.3']);
    const others = ['10.0.0.2', '10.0.0.3'].map((address) => ({
      address,
      ...start(address, [US]),
      prefixes: new Set<string>(),
    }));
    world.run(2_000);
    us.configure(BMP);
    for (let step = 0; step < 60; step++) {
      for (const { configure, prefixes } of others) {
        for (let i = 0; i < 40; i++) {
          const prefix = `10.9.${Math.floor(world.random() * 200)}.0/24`;
          if (!prefixes.delete(prefix)) prefixes.add(prefix);
        }
        configure(originations(...prefixes));
      }
      world.run(world.random() * 30);
      if (world.random() < 0.1) collector.stream?.destroy();
    }
    world.run(60_000);
    const expected = others.map(({ address, prefixes }) => [
      address,
      Object.fromEntries([...prefixes].sort().map((prefix) => [prefix, ''])),
    ]);
    expect(collector.routes).toEqual(Object.fromEntries(expected));
  },
);

describe('a collector that takes nothing', () => {
  const session = {
    remoteAddress: parseAddress('10.0.0.2'),
    localAddress: parseAddress(US),
    remotePort: 179,
    localPort: 40000,
    remoteAs: 64512,
    remoteRouterId: 2,
    openSent: openOf(),
    openReceived: openOf(),
  };
  const context = {
    as4: true,
    ebgp: false,
    extendedMessage: false,
    ipv4: undefined,
    ipv6: undefined,
  };

  function monitor(): Monitor {
    const { clock, random, immediate } = world;
    const monitor = new Monitor({
      clock,
      random,
      schedule: new Schedule(clock, immediate),
      transport: world.host(US),
      log: recordingLog(),
      dump: () => undefined,
      statistics: () => ({ received: 0, advertised: 0, treatedAsWithdraw: 0 }),
      closing: () => () => {},
    });
    monitor.peerUp(1, session);
    monitor.set({ collectors: BMP.bmp.collectors, sysName: '', statisticsMs: 0 });
    return monitor;
  }

  test('has a bounded backlog: it is dropped, and begins anew', () => {
    collector.isReading = false;
    const told = monitor();
    world.run(100);
    const bytes = new Uint8Array(4096);
    let most = 0;
    for (let i = 0; i < 5_000; i++) {
      told.update(1, context, 'ok', bytes, 0, bytes.length);
      most = Math.max(most, told.status[0]!.backlogBytes);
    }
    expect(most).toBeGreaterThan(15 * 2 ** 20);
    expect(most).toBeLessThanOrEqual(16 * 2 ** 20);
    expect(told.status[0]).toMatchObject({
      state: 'disconnected',
      backlogBytes: 0,
      lastError: 'the collector takes less than comes in',
    });
    collector.isReading = true;
    world.run(5_000);
    expect(collector.types).toEqual(['initiation', 'peer up']);
    expect(told.status[0]).toMatchObject({ state: 'live' });
  });

  test('is given up after a minute, also with little to tell', () => {
    collector.isReading = false;
    const told = monitor();
    world.run(100);
    const bytes = new Uint8Array(4096);
    for (let i = 0; i < 100; i++) told.update(1, context, 'ok', bytes, 0, bytes.length);
    world.run(59_000);
    expect(collector.connections).toBe(1);
    world.run(5_000);
    expect(collector.connections).toBe(2);
    expect(told.status[0]!.lastError).toBe('the collector takes nothing any more');
  });
});
