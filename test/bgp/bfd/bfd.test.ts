/** BFD sessions over a virtual network and clock: detection, polls, whose packet is whose, the end. */

import { parseAddress } from 'net-ipaddr';
import { Bfd, type BfdSettings } from '../../../bgp/bfd/bfd.ts';
import { decodePacket, encodePacket } from '../../../bgp/bfd/packet.ts';
import type { BfdStatus } from '../../../bgp/bfd/session.ts';
import { Schedule } from '../../../bgp/schedule.ts';
import { recordingLog, World } from '../session/world.ts';
import { Air, type Packet } from './air.ts';

const A = '10.0.0.1';
const B = '10.0.0.2';
const FAST: BfdSettings = { intervalMs: 300, detectMult: 3 };

let world: World;
let air: Air;
let a: Host;
let b: Host;
beforeEach(() => {
  world = new World();
  air = new Air(world);
  a = new Host(A);
  b = new Host(B);
});

class Host {
  readonly bfd: Bfd;
  readonly address: string;
  readonly log: string[] = [];
  /** `<virtual ms> <peer> <why>` */
  readonly failures: string[] = [];

  constructor(address: string) {
    const { clock, random, immediate } = world;
    this.address = address;
    const schedule = new Schedule(clock, immediate);
    const transport = air.host(address);
    this.bfd = new Bfd({ clock, random, schedule, transport }, recordingLog(this.log));
  }

  watch(remote: string, settings: BfdSettings = FAST, minTtl?: number): void {
    this.bfd.watch(remote, {
      settings,
      local: parseAddress(this.address),
      remote: parseAddress(remote),
      device: undefined,
      minTtl,
      failed: (why) => this.failures.push(`${remote} ${why}`),
    });
  }

  status(remote: string): BfdStatus {
    const status = this.bfd.status(remote);
    if (status === undefined) throw new Error(`${remote} is not watched`);
    return status;
  }
}

/** Both watch each other, and are Up. */
function up(settings = FAST, remoteSettings = settings): void {
  a.watch(B, settings);
  b.watch(A, remoteSettings);
  world.run(10_000);
  expect([a.status(B).state, b.status(A).state]).toEqual(['Up', 'Up']);
}

const sentBy = (host: Host) => air.packets.filter(({ from }) => from === host.address);

function decoded({ bytes }: Packet) {
  const packet = decodePacket(bytes);
  if (typeof packet === 'string') throw new Error(`a packet with a bad ${packet}`);
  return packet;
}

describe('coming up (RFC 5880 §6.2)', () => {
  test('within two slow intervals, and then at the negotiated ones', () => {
    a.watch(B);
    world.run(500); // what A sends meanwhile reaches nobody
    b.watch(A);
    world.run(2_000);
    expect(a.status(B)).toMatchObject({
      state: 'Up',
      diagnostic: 'No Diagnostic',
      hops: 'single',
      transmitIntervalMs: 300,
      detectionTimeMs: 900,
      sendFailures: 0,
      remote: { state: 'Up', detectMult: 3, desiredMinTxMs: 300, requiredMinRxMs: 300 },
    });
    expect(a.failures).toEqual([]);
  });

  test('§6.8.7: intervals are jittered by up to a quarter', () => {
    up();
    const before = sentBy(a).length;
    world.run(30_000);
    const times = sentBy(a)
      .slice(before)
      .map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((atMs, at) => atMs - times[at]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(225);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(301);
    expect(new Set(gaps).size).toBeGreaterThan(20);
  });

  test('§6.8.1: discriminators are not 0, and each session has its own', () => {
    up();
    a.watch('10.0.0.3');
    const [one, other] = [a.status(B), a.status('10.0.0.3')];
    expect(one.localDiscriminator).toBeGreaterThan(0);
    expect(one.localDiscriminator).not.toBe(other.localDiscriminator);
  });

  test('§6.5: the end of the slow start is agreed on by a poll, which ends', () => {
    up();
    expect(
      sentBy(a)
        .map(decoded)
        .some(({ poll }) => poll),
    ).toBe(true);
    expect(
      sentBy(b)
        .map(decoded)
        .some(({ final }) => final),
    ).toBe(true);
    expect(decoded(sentBy(a).at(-1)!).poll).toBe(false);
  });

  test('an address that is not there yet, and a port that is taken, are tried again', () => {
    air.mute.add(A);
    air.taken.add(`${A} single`);
    a.watch(B);
    b.watch(A);
    world.run(3_000);
    expect(a.status(B)).toMatchObject({ state: 'Down', lastSendFailure: 'no such local address' });
    expect(a.status(B).sendFailures).toBeGreaterThan(1);
    expect(a.log.join()).toContain('cannot receive BFD packets; will try again');
    air.mute.clear();
    air.taken.clear();
    world.run(10_000);
    expect(a.status(B).state).toBe('Up');
  });
});

describe('detection (RFC 5880 §6.8.4)', () => {
  test.each([
    [300, 3],
    [100, 3],
    [50, 5],
  ])('%d ms × %d: silence for the detection time, and not before', (intervalMs, detectMult) => {
    up({ intervalMs, detectMult });
    const detectionMs = intervalMs * detectMult;
    world.cut(A, B);
    world.run(detectionMs - intervalMs - 2);
    expect(a.failures).toEqual([]);
    world.run(intervalMs + 4);
    expect(a.failures).toEqual([`${B} Control Detection Time Expired`]);
    expect(a.status(B)).toMatchObject({
      state: 'Down',
      diagnostic: 'Control Detection Time Expired',
      transmitIntervalMs: 1_000,
      detectionTimeMs: 0,
    });
  });

  test('each side detects by the other’s multiplier and the slower of the two intervals', () => {
    up({ intervalMs: 100, detectMult: 5 }, { intervalMs: 400, detectMult: 2 });
    expect(a.status(B).detectionTimeMs).toBe(800);
    expect(b.status(A).detectionTimeMs).toBe(2_000);
  });

  test('one lost packet of three, again and again, is no failure', () => {
    up();
    for (let count = 0; count < 50; count++) {
      world.cut(A, B);
      world.run(300);
      world.mend(A, B);
      world.run(310);
    }
    expect([a.failures, b.failures]).toEqual([[], []]);
  });

  test('a path that is cut one way: who hears nothing says so, and both fail', () => {
    up();
    air.deaf.add(A);
    world.run(902);
    expect(a.failures).toEqual([`${B} Control Detection Time Expired`]);
    expect(b.failures).toEqual([`${A} Neighbor Signaled Session Down`]);
  });

  test('a stalled loop looks at its sockets first', () => {
    up();
    const { received } = a.status(B);
    // The world has one loop: what B would send while A’s is stuck is on its way already.
    air.send(B, A, 'single', sentBy(b).at(-1)!.bytes, 255);
    world.stall(5_000);
    world.run(0);
    expect(a.failures).toEqual([]);
    expect(a.status(B).received).toBeGreaterThan(received);
  });

  test('a stall with nothing in the sockets is silence', () => {
    up();
    world.cut(A, B);
    world.run(2);
    world.stall(5_000);
    world.run(0);
    expect(a.failures).toHaveLength(1);
  });

  test('it comes back when the path does', () => {
    up();
    world.cut(A, B);
    world.run(20_000);
    world.mend(A, B);
    world.run(3_000);
    expect([a.status(B).state, b.status(A).state]).toEqual(['Up', 'Up']);
  });
});

describe('other timers (RFC 5880 §6.8.3)', () => {
  test.each([
    ['faster', 100, 300],
    ['slower', 1_000, 3_000],
  ])('%s: a poll, no reset, both ways in the end', (_, intervalMs, detectionTimeMs) => {
    up();
    const discriminator = a.status(B).localDiscriminator;
    a.watch(B, { intervalMs, detectMult: 3 });
    b.watch(A, { intervalMs, detectMult: 3 });
    world.run(10_000);
    expect(a.status(B)).toMatchObject({
      state: 'Up',
      localDiscriminator: discriminator,
      transmitIntervalMs: intervalMs,
      detectionTimeMs,
    });
    expect([a.failures, b.failures]).toEqual([[], []]);
  });

  test('the multiplier alone needs no poll', () => {
    up();
    const before = air.packets.length;
    a.watch(B, { ...FAST, detectMult: 10 });
    world.run(1_000);
    expect(b.status(A).detectionTimeMs).toBe(3_000);
    expect(
      air.packets
        .slice(before)
        .map(decoded)
        .filter(({ poll }) => poll),
    ).toEqual([]);
  });

  test('another one’s session is not touched', () => {
    up();
    a.watch('10.0.0.3');
    const before = a.status(B);
    a.bfd.watch('10.0.0.3', undefined);
    expect(a.status(B)).toEqual(before);
  });

  test('one hop, then several: another session, on the other port', () => {
    up();
    a.watch(B, { ...FAST, hops: 'multi' });
    b.watch(A, { ...FAST, hops: 'multi' });
    world.run(5_000);
    expect(a.status(B)).toMatchObject({ state: 'Up', hops: 'multi' });
    expect(air.openPorts).toEqual([`${A} multi`, `${B} multi`]);
    expect([a.failures, b.failures]).toEqual([[], []]);
  });
});

describe('whose packet it is (RFC 5880 §6.8.6, RFC 5881 §3)', () => {
  const down = {
    state: 'Down',
    diag: 3,
    poll: false,
    final: false,
    demand: false,
    detectMult: 3,
    desiredMinTxUs: 1_000_000,
    requiredMinRxUs: 300_000,
    requiredMinEchoRxUs: 0,
  } as const;

  test.each<[string, () => void, object]>([
    ['RFC 5881 §5: TTL 254 is no neighbour’s', () => forge({}, { ttl: 254 }), { TTL: 1 }],
    ['a discriminator of no session', () => forge({ yourDiscriminator: 1 }), { 'no session': 1 }],
    ['a session of another peer', () => forge({}, { from: '10.0.0.9' }), { 'wrong path': 1 }],
    [
      'first words of a stranger',
      () => forge({ yourDiscriminator: 0 }, { from: '10.0.0.9' }),
      { 'no session': 1 },
    ],
    ['garbage', () => air.send(B, A, 'single', Uint8Array.of(1, 2, 3), 255), { length: 1 }],
    ['nothing', () => air.send(B, A, 'single', new Uint8Array(), 255), { length: 1 }],
  ])('%s is dropped and counted', (_, send, dropped) => {
    up();
    send();
    world.run(5);
    expect(a.bfd.dropped).toEqual(dropped);
    expect(a.status(B).state).toBe('Up');
  });

  test('the same from the neighbour itself is heard', () => {
    up();
    forge({});
    world.run(5);
    expect(a.failures).toEqual([`${B} Neighbor Signaled Session Down`]);
  });

  test('first words are known by the path: a neighbour that lost its state', () => {
    up();
    forge({ yourDiscriminator: 0 });
    world.run(5);
    expect(a.failures).toHaveLength(1);
  });

  test('RFC 5883 §5: over several hops the TTL says nothing', () => {
    up({ ...FAST, hops: 'multi' });
    forge({}, { ttl: 12, hops: 'multi' });
    world.run(5);
    expect(a.bfd.dropped).toEqual({});
    expect(a.failures).toHaveLength(1);
  });

  test('RFC 5082 §3: unless the operator knows how many, and that may change', () => {
    const multihop = { ...FAST, hops: 'multi' } as const;
    up(multihop);
    const { localDiscriminator } = a.status(B);
    a.watch(B, multihop, 254);
    forge({}, { ttl: 253, hops: 'multi' });
    world.run(5);
    expect(a.bfd.dropped).toEqual({ TTL: 1 });
    expect(a.status(B)).toMatchObject({ state: 'Up', localDiscriminator });
    forge({}, { ttl: 254, hops: 'multi' });
    world.run(5);
    expect(a.failures).toHaveLength(1);
  });

  test('a packet of one kind does not reach a session of the other', () => {
    up({ ...FAST, hops: 'multi' });
    a.watch('10.0.0.3'); // so that the other port is open, too
    forge({}, { hops: 'single' });
    world.run(5);
    expect(a.bfd.dropped).toEqual({ 'wrong path': 1 });
    expect(a.failures).toEqual([]);
  });

  test('random bytes end no session, and are all counted', () => {
    up();
    for (let count = 0; count < 2_000; count++) {
      const bytes = Uint8Array.from({ length: Math.floor(world.random() * 60) }, () =>
        Math.floor(world.random() * 256),
      );
      air.send(B, A, 'single', bytes, 255);
    }
    world.run(5);
    expect(a.status(B).state).toBe('Up');
    const counts: number[] = Object.values(a.bfd.dropped);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2_000);
  });

  /** What B never said. */
  function forge(
    fields: { yourDiscriminator?: number },
    { from = B, ttl = 255, hops = 'single' as 'single' | 'multi' } = {},
  ): void {
    const discriminators = {
      myDiscriminator: b.status(A).localDiscriminator,
      yourDiscriminator: a.status(B).localDiscriminator,
    };
    air.send(from, A, hops, encodePacket({ ...down, ...discriminators, ...fields }), ttl);
  }
});

describe('single-hop or multihop', () => {
  test.each([
    ['10.0.0.2', 'single'],
    ['192.0.2.1', 'multi'],
  ])('%s, by its subnet: %s', (remote, hops) => {
    a.watch(remote);
    expect(a.status(remote).hops).toBe(hops);
  });
});

describe('the end', () => {
  test('RFC 5880 §6.8.16: AdminDown for a detection time, which is no failure (RFC 5882 §3.2)', () => {
    up();
    a.bfd.watch(B, undefined);
    world.run(2_900);
    expect(b.status(A)).toMatchObject({ state: 'Down', remote: { state: 'AdminDown' } });
    const last = sentBy(a)
      .map(decoded)
      .filter(({ state }) => state === 'AdminDown');
    expect(last.length).toBeGreaterThanOrEqual(3);
    world.run(2_000);
    expect(b.failures).toEqual([]);
    expect(air.openPorts).toEqual([`${B} single`]);
    expect(air.openSenders).toBe(1);
  });

  test('begun again before the goodbye is over: the new session alone speaks', () => {
    up();
    a.bfd.watch(B, undefined);
    world.run(500);
    a.watch(B);
    world.run(5_000);
    expect([a.status(B).state, b.status(A).state]).toEqual(['Up', 'Up']);
    expect([a.failures, b.failures]).toEqual([[], []]);
    expect(air.openSenders).toBe(2);
  });

  test('closing says AdminDown once or, for a restart, nothing; and leaves no port and no timer', () => {
    up();
    a.bfd.close({ isTold: true });
    b.bfd.close({ isTold: false });
    const sent = air.packets.length;
    expect(decoded(sentBy(a).at(-1)!)).toMatchObject({ state: 'AdminDown', diag: 7 });
    expect(decoded(sentBy(b).at(-1)!)).toMatchObject({ state: 'Up' });
    world.run(60_000);
    expect(air.packets).toHaveLength(sent);
    expect(air.openPorts).toEqual([]);
    expect(air.openSenders).toBe(0);
  });
});
