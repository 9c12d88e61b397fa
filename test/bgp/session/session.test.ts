/** Sessions over a virtual network and clock: whole lives of them, minute by minute. */

import {
  type Capability,
  encodeEndOfRib,
  encodeKeepalive,
  encodeNotification,
  encodeRouteRefresh,
  encodeShutdownCommunication,
  type WireError,
} from 'bgp-parser-ts';
import fc from 'fast-check';
import { bigUpdate, CAPABILITIES, openOf, Station, type StationOptions, Wire } from './station.ts';
import { World } from './world.ts';

const HERE = '10.0.0.1';
const THERE = '10.0.0.2';

let world: World;
beforeEach(() => {
  world = new World();
});

function station(options: Partial<StationOptions> = {}): Station {
  return new Station(world, { address: HERE, peer: THERE, ...options });
}

/** A station whose peer is scripted and has dialled it; nothing is said yet. */
function dialled(options: Partial<StationOptions> = {}): { here: Station; wire: Wire } {
  const here = station({ passive: true, ...options });
  world.run(1);
  here.peer.start();
  const wire = Wire.dial(world, THERE, HERE);
  world.run(10);
  return { here, wire };
}

function established(
  options: Partial<StationOptions> = {},
  capabilities: readonly Capability[] = [],
): { here: Station; wire: Wire } {
  const { here, wire } = dialled(options);
  wire.open({ capabilities: [...CAPABILITIES, ...capabilities] });
  wire.keepalive();
  world.run(10);
  expect(here.state).toBe('Established');
  return { here, wire };
}

const GRACEFUL_RESTART: Capability = {
  kind: 'graceful-restart',
  restarted: false,
  notification: false,
  restartTime: 120,
  families: [],
};

/** Sends KEEPALIVEs as a peer would, for `ms`. */
function keepAlive(wire: Wire, ms: number): void {
  for (let left = ms; left > 0; left -= 1_000) {
    wire.keepalive();
    world.run(Math.min(left, 1_000));
  }
}

describe('coming up', () => {
  test('the active side dials, the passive one waits', () => {
    const here = station();
    const there = station({ address: THERE, peer: HERE, passive: true });
    world.run(1);
    here.peer.start();
    there.peer.start();
    world.run(100);
    expect([here.state, there.state]).toEqual(['Established', 'Established']);
    expect(here.peer.status).toMatchObject({
      upCount: 1,
      negotiated: { families: [4, 6], localAddress: HERE, remoteAddress: THERE, holdTimeMs: 9_000 },
      sent: { open: 1, keepalive: 1 },
      received: { open: 1, keepalive: 1 },
    });
  });

  test('a peer that is not there yet is dialled again and again, at jittered intervals', () => {
    const here = station();
    here.peer.start();
    world.run(60_000);
    const attempts = here.log.filter((line) => line.includes('ECONNREFUSED')).length;
    expect(attempts).toBeGreaterThanOrEqual(20); // every 3 s at most
    expect(attempts).toBeLessThanOrEqual(27); // every 2.25 s at least
    expect(here.state).toBe('Active');
  });

  test('a peer that does not even answer is dialled again and again', () => {
    world.cut(HERE, THERE);
    const here = station();
    here.peer.start();
    world.run(10_000);
    expect([here.state, here.lastError]).toEqual(['Connect', 'transport no answer from port 179']);
    here.peer.guard({ md5Key: 'meow' });
    world.run(3_000);
    expect(here.lastError).toMatch(/^transport no answer .* is the password the same/);
    world.mend(HERE, THERE);
    Wire.listen(world, THERE);
    world.run(3_100);
    expect(here.state).toBe('OpenSent');
  });

  test('a peer that starts while we wait is let in at once', () => {
    const here = station();
    here.peer.start();
    world.run(20_000);
    const wire = Wire.dial(world, THERE, HERE);
    world.run(2);
    wire.open();
    wire.keepalive();
    world.run(10);
    expect(here.state).toBe('Established');
  });

  test('RFC 4271 §8.1.1 DelayOpen: the peer speaks first', () => {
    const { here, wire } = dialled({ delayOpenSec: 5 });
    world.run(4_000);
    expect(wire.received).toEqual([]);
    wire.open();
    world.run(10);
    expect(wire.received).toEqual(['OPEN', 'KEEPALIVE']);
    expect(here.state).toBe('OpenConfirm');
  });

  test('DelayOpen: or we do, when the time is up', () => {
    const { wire } = dialled({ delayOpenSec: 5 });
    world.run(5_000);
    expect(wire.received).toEqual(['OPEN']);
  });
});

describe('collision (RFC 4271 §6.8)', () => {
  test.each(Array.from({ length: 40 }, (_, index) => index + 1))(
    'two that dial each other end up with one connection, seed %i',
    (seed) => {
      world = new World(seed);
      const here = station({ routerId: seed % 2 ? 1 : 3 });
      const there = station({ address: THERE, peer: HERE, routerId: 2 });
      world.run(1);
      // From the very same moment to one well after the other: any order of SYN and OPEN.
      here.peer.start();
      world.run(((seed * 7) % 60) / 10);
      there.peer.start();
      world.run(500);
      expect([here.state, there.state]).toEqual(['Established', 'Established']);
      world.run(120_000);
      expect([here.told, there.told]).toEqual([['up'], ['up']]);
    },
  );

  test('the connection of the higher identifier stays: theirs', () => {
    const wires = Wire.listen(world, THERE);
    const here = station({ routerId: 1 });
    world.run(1);
    here.peer.start();
    const theirs = Wire.dial(world, THERE, HERE);
    world.run(10);
    const ours = wires[0]!;
    ours.open({ routerId: 2 });
    world.run(10);
    expect(ours.received).toEqual(['OPEN', 'NOTIFICATION 6/7']);
    theirs.open({ routerId: 2 });
    theirs.keepalive();
    world.run(10);
    expect(here.state).toBe('Established');
    expect(here.peer.status.lastError).toMatchObject({
      name: 'Cease / Connection Collision Resolution',
    });
  });

  test('the connection of the higher identifier stays: ours', () => {
    const wires = Wire.listen(world, THERE);
    const here = station({ routerId: 3 });
    world.run(1);
    here.peer.start();
    const theirs = Wire.dial(world, THERE, HERE);
    world.run(10);
    theirs.open({ routerId: 2 });
    world.run(10);
    expect(theirs.received).toEqual(['OPEN', 'NOTIFICATION 6/7']);
    expect(theirs.closedWhy).toBe('the peer closed the connection');
    wires[0]!.open({ routerId: 2 });
    wires[0]!.keepalive();
    world.run(10);
    expect(here.state).toBe('Established');
  });

  test('an attempt that is still on its way gives way to a connection with a valid OPEN', () => {
    const here = station();
    world.run(1);
    here.peer.start();
    world.run(5_000);
    world.cut(HERE, THERE);
    world.run(3_000);
    expect(here.state).toBe('Connect');
    world.mend(HERE, THERE);
    const wire = Wire.dial(world, THERE, HERE);
    world.run(5);
    wire.open();
    wire.keepalive();
    world.run(5);
    expect(here.state).toBe('Established');
    const wires = Wire.listen(world, THERE);
    keepAlive(wire, 30_000);
    expect(wires).toEqual([]);
  });

  test.each([1, 201])(
    'a peer that restarted in the middle of it is not kept out by its old connection (our id %i)',
    (routerId) => {
      const { here, wire: old } = dialled({ routerId });
      expect(here.state).toBe('OpenSent');
      const fresh = Wire.dial(world, THERE, HERE);
      world.run(10);
      expect(old.received).toEqual(['OPEN', 'NOTIFICATION 6/7']);
      fresh.open();
      fresh.keepalive();
      world.run(10);
      expect(here.state).toBe('Established');
    },
  );

  test('while Established a new connection is refused, and the session does not notice', () => {
    const { here, wire } = established();
    const other = Wire.dial(world, THERE, HERE);
    world.run(10);
    expect(other.closedWhy).toBe('read ECONNRESET');
    keepAlive(wire, 60_000);
    expect(here.told).toEqual(['up']);
  });
});

describe('going down', () => {
  test('RFC 4271 §6.5: silence for the hold time', () => {
    const { here, wire } = established();
    world.run(8_900);
    expect(here.state).toBe('Established');
    world.run(200);
    expect(here.told).toEqual(['up', 'down']);
    expect(here.lastError).toBe('sent 4/0');
    expect(wire.received.at(-1)).toBe('NOTIFICATION 4/0');
    expect(wire.received.filter((name) => name === 'KEEPALIVE').length).toBeGreaterThanOrEqual(4);
  });

  test('half-open: the cable is cut, and the dead session makes room within the hold time', () => {
    const { here } = established();
    world.cut(HERE, THERE);
    world.run(9_100);
    expect(here.told).toEqual(['up', 'down']);
    world.mend(HERE, THERE);
    world.run(2_000); // Idle after a failure
    const wire = Wire.dial(world, THERE, HERE);
    world.run(10);
    wire.open();
    wire.keepalive();
    world.run(10);
    expect(here.state).toBe('Established');
  });

  test('half-open: a peer that forgot its session is let in when the old one is found dead', () => {
    const { here } = established();
    world.run(1_000);
    const early = Wire.dial(world, THERE, HERE);
    world.run(10);
    expect(early.closedWhy).toBe('read ECONNRESET');
    world.run(10_000);
    const late = Wire.dial(world, THERE, HERE);
    world.run(10);
    late.open();
    late.keepalive();
    world.run(10);
    expect(here.state).toBe('Established');
    expect(here.peer.status.upCount).toBe(2);
  });

  test('the HoldTimer runs in OpenConfirm too', () => {
    const { here, wire } = dialled();
    wire.open({ holdTime: 6 });
    world.run(10);
    expect(here.state).toBe('OpenConfirm');
    world.run(6_000);
    expect(wire.received.at(-1)).toBe('NOTIFICATION 4/0');
    expect(here.state).toBe('Idle');
  });

  test('and in OpenSent, for four minutes', () => {
    const { here, wire } = dialled();
    world.run(239_000);
    expect(here.state).toBe('OpenSent');
    world.run(2_000);
    expect(wire.received).toEqual(['OPEN', 'NOTIFICATION 4/0']);
  });

  test('the peer closes', () => {
    const { here, wire } = established();
    wire.stream.end(() => {});
    world.run(10);
    expect(here.told).toEqual(['up', 'down']);
    expect(here.lastError).toBe('transport the peer closed the connection');
  });

  test('what the peer said before it closed is read first', () => {
    const { here, wire } = established();
    here.onUpdate = () => world.stall(2); // so that the end arrives while there is more to read
    const why = encodeShutdownCommunication('maintenance\u001b[31m until noon');
    wire.send(...Array.from({ length: 20 }, () => bigUpdate(100)), encodeNotification(6, 2, why));
    wire.stream.end(() => {});
    world.run(200);
    expect(here.updates).toHaveLength(20);
    expect(here.peer.status.lastError).toMatchObject({
      source: 'notification received',
      code: 6,
      subcode: 2,
      name: 'Cease / Administrative Shutdown',
      text: 'maintenance\u001b[31m until noon',
    });
  });

  test('RFC 4486: stopped here, the peer is told why, and it arrives', () => {
    const { here, wire } = established();
    here.peer.stop(3);
    world.run(10);
    expect(wire.received.at(-1)).toBe('NOTIFICATION 6/3');
    expect(wire.closedWhy).toBe('the peer closed the connection');
    expect(here.told).toEqual(['up', 'down']);
    expect(here.closing).toBe(0);
    world.run(600_000);
    expect(here.state).toBe('Idle');
  });

  test('an UPDATE that the RIB refuses ends the session with its NOTIFICATION', () => {
    const { here, wire } = established();
    here.verdict = { code: 3, subcode: 1, data: Uint8Array.of(7), text: 'bad' } satisfies WireError;
    wire.send(bigUpdate(10), bigUpdate(11));
    world.run(10);
    expect(here.updates).toHaveLength(1);
    expect(wire.received.at(-1)).toBe('NOTIFICATION 3/1');
    expect(here.told).toEqual(['up', 'down']);
  });

  test('a bug that an UPDATE brings out ends that session only, and is told with its bytes', () => {
    const { here, wire } = established();
    here.onUpdate = () => {
      throw new TypeError('undefined is not a function');
    };
    wire.send(bigUpdate(1));
    world.run(10);
    expect(wire.received.at(-1)).toBe('NOTIFICATION 3/0');
    expect(here.told).toEqual(['up', 'down']);
    const told = here.log.find((line) => line.startsWith('error'));
    expect(told).toContain(Buffer.from(bigUpdate(1)).toString('hex'));
  });

  test('failures in a row make Idle longer; a session that lasts clears them', () => {
    const here = station({ passive: true });
    here.peer.start();
    const idleMs: number[] = [];
    for (let failure = 0; failure < 7; failure++) {
      const wire = Wire.dial(world, THERE, HERE);
      world.run(10);
      wire.open({ as: 64999 });
      world.run(10);
      expect(here.lastError).toBe('sent 2/2');
      const since = world.nowMs;
      while (here.state === 'Idle') world.run(100);
      idleMs.push(world.nowMs - since);
    }
    [1, 2, 4, 8, 16, 30, 30].forEach((seconds, index) => {
      expect(idleMs[index]).toBeGreaterThanOrEqual(seconds * 750 - 100);
      expect(idleMs[index]).toBeLessThanOrEqual(seconds * 1_000 + 100);
    });
    const wire = Wire.dial(world, THERE, HERE);
    world.run(10);
    wire.open();
    keepAlive(wire, 3_000);
    wire.stream.destroy();
    world.run(1_100);
    expect(here.state).toBe('Active');
  });
});

describe('a due hold timer', () => {
  test('lets one poll phase pass: a KEEPALIVE that waited behind a stall counts', () => {
    const { here, wire } = established();
    world.run(8_000);
    wire.keepalive();
    world.stall(20_000);
    world.run(1);
    expect(here.state).toBe('Established');
    world.run(8_900);
    expect(here.state).toBe('Established');
    world.run(200);
    expect(here.told).toEqual(['up', 'down']);
  });

  test('and ends the session when nothing waited', () => {
    const { here } = established();
    world.run(8_000);
    world.stall(20_000);
    world.run(10);
    expect(here.told).toEqual(['up', 'down']);
  });

  test('part of a message has a second to become whole', () => {
    const { here, wire } = established();
    world.run(8_000);
    wire.send(bigUpdate(100).subarray(0, 50));
    world.stall(20_000);
    world.run(900);
    expect(here.state).toBe('Established');
    world.run(200);
    expect(here.lastError).toBe('sent 4/0');
  });

  test('a peer whose reads we paused does not age', () => {
    const { here, wire } = established();
    const slowMs = 500;
    here.onUpdate = () => world.stall(slowMs);
    // 100 s of work: the reads are paused for most of it, and its KEEPALIVEs wait behind it.
    const updates = Array.from({ length: 200 }, () => bigUpdate(3_000));
    wire.send(...updates);
    for (let ms = 0; ms < 110_000; ms += 3_000) {
      wire.keepalive();
      world.run(3_000);
    }
    expect(here.updates).toHaveLength(200);
    expect(here.told).toEqual(['up']);
  });
});

describe('while Established', () => {
  test('KEEPALIVEs go out at a third of the hold time, less jitter', () => {
    const { wire } = established();
    wire.received.length = 0;
    keepAlive(wire, 60_000);
    expect(wire.received.length).toBeGreaterThanOrEqual(20);
    expect(wire.received.length).toBeLessThanOrEqual(27);
  });

  test('a hold time of 0 keeps a silent session for ever', () => {
    const { here, wire } = dialled({ holdTimeSec: 0 });
    wire.open();
    wire.keepalive();
    world.run(3_600_000);
    expect(here.told).toEqual(['up']);
    expect(wire.received).toEqual(['OPEN', 'KEEPALIVE']);
  });

  test('UPDATEs arrive whole, however they were cut', () => {
    const { here, wire } = established();
    const updates = [0, 1, 700, 4_069].map(bigUpdate);
    const bytes = Buffer.concat(updates);
    for (let at = 0; at < bytes.length; at += 37) wire.send(bytes.subarray(at, at + 37));
    world.run(10);
    expect(here.updates.map((one) => Buffer.from(one).toString('hex'))).toEqual(
      updates.map((one) => Buffer.from(one).toString('hex')),
    );
    expect(here.peer.status.received.update).toBe(4);
  });

  test('RFC 2918: ROUTE-REFRESH reaches the RIB; one for no family of ours, and marks that the peer did not negotiate, do not', () => {
    const { here, wire } = established();
    wire.send(encodeRouteRefresh(2, 1), encodeRouteRefresh(1, 128), encodeRouteRefresh(9, 1));
    wire.send(encodeRouteRefresh(1, 1, 1), encodeRouteRefresh(1, 1, 2));
    world.run(10);
    expect(here.told).toEqual(['up', 'refresh IPv6']);
  });

  test('RFC 7313 §4: marks reach the RIB; §5: other subtypes are ignored', () => {
    const { here, wire } = established({}, [{ kind: 'enhanced-route-refresh' }]);
    wire.send(
      encodeRouteRefresh(1, 1, 1),
      encodeRouteRefresh(1, 1, 7),
      encodeRouteRefresh(1, 1, 2),
    );
    world.run(10);
    expect(here.told).toEqual(['up', 'refresh IPv4 begins', 'forget 4']);
  });

  test('RFC 7313 §4: a refresh that the peer does not end is ended for it, and never after its session', () => {
    const { here, wire } = established({}, [{ kind: 'enhanced-route-refresh' }]);
    const told = () => here.told.slice(1);
    const begin = encodeRouteRefresh(1, 1, 1);
    wire.send(begin);
    keepAlive(wire, 300_000);
    wire.send(begin);
    keepAlive(wire, 590_000);
    expect(told()).toEqual(['refresh IPv4 begins', 'refresh IPv4 begins']);
    keepAlive(wire, 20_000);
    expect(told().slice(2)).toEqual(['forget 4']);
    wire.send(begin);
    world.run(10);
    wire.stream.destroy();
    world.run(1_200_000);
    expect(told().filter((one) => one === 'forget 4')).toHaveLength(1);
  });

  test('RFC 7313 §4: with graceful restart a beginning before End-of-RIB is ignored', () => {
    const { here, wire } = established({}, [{ kind: 'enhanced-route-refresh' }, GRACEFUL_RESTART]);
    wire.send(encodeRouteRefresh(1, 1, 1), encodeEndOfRib(1, 1), encodeRouteRefresh(1, 1, 1));
    world.run(10);
    expect(here.told).toEqual(['up', 'refresh IPv4 begins']);
  });

  test('RFC 8654 §4: messages up to 65535 octets, if the peer said that it sends them', () => {
    const { here, wire } = established({}, [{ kind: 'extended-message' }]);
    wire.send(bigUpdate(65_508));
    world.run(10);
    expect(here.updates.map(({ length }) => length)).toEqual([65_535]);
    expect(here.state).toBe('Established');
  });

  test('RFC 8654 §5: without the capability a message above 4096 octets is Bad Message Length', () => {
    const { here, wire } = established();
    wire.send(bigUpdate(4_070));
    world.run(10);
    expect([here.updates, here.lastError]).toEqual([[], 'sent 1/2']);
  });

  test('RFC 4724 §2: the initial routes are in with End-of-RIB of every family', () => {
    const { here, wire } = established();
    wire.send(encodeEndOfRib(1, 1));
    world.run(10);
    expect([here.peer.hasInitialRoutes, here.initialRoutes]).toEqual([false, 0]);
    wire.send(encodeEndOfRib(2, 1), encodeEndOfRib(2, 1));
    world.run(10);
    expect([here.peer.hasInitialRoutes, here.initialRoutes]).toEqual([true, 1]);
    expect(here.peer.status.initialRoutesIn).toEqual([4, 6]);
  });

  test('or with the first KEEPALIVE, from a peer that need not send the mark', () => {
    const { here, wire } = established();
    wire.keepalive();
    world.run(10);
    expect(here.peer.hasInitialRoutes).toBe(true);
    wire.stream.destroy();
    world.run(2_000);
    expect(here.peer.hasInitialRoutes).toBe(false);
    const next = Wire.dial(world, THERE, HERE);
    world.run(10);
    next.open();
    next.keepalive();
    world.run(10);
    expect([here.state, here.peer.hasInitialRoutes]).toEqual(['Established', false]);
  });

  test('but a peer with graceful restart has to send it', () => {
    const { here, wire } = dialled();
    wire.open({
      capabilities: [
        { kind: 'multiprotocol', afi: 1, safi: 1 },
        { kind: 'four-octet-as', as: 64512 },
        GRACEFUL_RESTART,
      ],
    });
    keepAlive(wire, 10_000);
    expect(here.peer.hasInitialRoutes).toBe(false);
    wire.send(encodeEndOfRib(1, 1));
    world.run(10);
    expect(here.peer.hasInitialRoutes).toBe(true);
  });
});

describe('back-pressure', () => {
  test('inbound: while we are behind, the peer is told to wait', () => {
    const { here, wire } = established();
    let offered = 0;
    let furthestAhead = 0;
    const offer = () => {
      while (offered < 1_000) {
        offered++;
        if (!wire.send(bigUpdate(3_000))) break;
      }
    };
    here.onUpdate = () => {
      world.stall(20); // one slice an UPDATE
      offer();
      furthestAhead = Math.max(furthestAhead, offered - here.updates.length);
    };
    offer();
    world.run(60_000);
    expect(here.updates).toHaveLength(1_000);
    // What we hold unread is bounded (128 KB), and so is what waits in the virtual TCP (64 KB).
    expect(furthestAhead).toBeGreaterThan(40);
    expect(furthestAhead).toBeLessThan(90);
  });

  test('outbound: nothing is taken from the RIB while the peer does not read', () => {
    const { here, wire } = established();
    wire.stream.pause();
    here.toSend.push(...Array.from({ length: 100 }, () => bigUpdate(4_000)));
    here.peer.readable();
    for (let i = 0; i < 6; i++) {
      wire.keepalive();
      here.peer.readable();
      world.run(1_000);
    }
    const untaken = here.toSend.length;
    // 64 KB fit on the way; the rest waits in the RIB, where only the latest state counts.
    expect(untaken).toBeGreaterThan(80);
    expect(here.peer.status.sent.keepalive).toBe(1);
    wire.stream.resume();
    world.run(100);
    expect(here.toSend).toHaveLength(0);
    const updates = wire.received.filter((name) => name === 'UPDATE');
    expect(updates).toHaveLength(100);
    expect(here.peer.status.sent.update).toBe(100);
    // The KEEPALIVE that fell due meanwhile went out as soon as there was room.
    expect(here.peer.status.sent.keepalive).toBe(2);
  });

  describe('RFC 9687 §3: a peer that lives, and takes nothing', () => {
    const MINUTE_MS = 60_000;

    function stuck(holdTime?: number): { here: Station; wire: Wire } {
      const { here, wire } = dialled();
      wire.open(holdTime === undefined ? {} : { holdTime });
      wire.keepalive();
      world.run(10);
      wire.stream.pause();
      here.toSend.push(...Array.from({ length: 100 }, () => bigUpdate(4_000)));
      here.peer.readable();
      world.run(100);
      return { here, wire };
    }

    test('is given up after 8 minutes, with Send Hold Timer Expired', () => {
      const { here, wire } = stuck();
      keepAlive(wire, 8 * MINUTE_MS - 1_000);
      expect(here.state).toBe('Established');
      keepAlive(wire, 2_000);
      expect([here.lastError, here.told]).toEqual(['sent 8/0', ['up', 'down']]);
      expect(here.peer.status.lastError).toMatchObject({ name: 'Send Hold Timer Expired' });
    });

    test('is kept when it takes something in time', () => {
      const { here, wire } = stuck();
      keepAlive(wire, 7 * MINUTE_MS);
      wire.stream.resume();
      world.run(100);
      keepAlive(wire, 9 * MINUTE_MS);
      expect([here.state, here.told]).toEqual(['Established', ['up']]);
    });

    test('is kept when neither side wants a hold time', () => {
      const { here } = stuck(0);
      world.run(60 * MINUTE_MS);
      expect(here.state).toBe('Established');
    });
  });

  test('KEEPALIVEs go out between the writes of a long table', () => {
    const { here, wire } = established();
    here.toSend.push(...Array.from({ length: 2_000 }, () => bigUpdate(4_000)));
    const pull = here.toSend.splice.bind(here.toSend);
    here.toSend.splice = (...args: [number, number]) => {
      world.stall(4); // each write costs
      return pull(...args);
    };
    here.peer.readable();
    keepAlive(wire, 9_000);
    expect(here.state).toBe('Established');
    expect(wire.received.lastIndexOf('KEEPALIVE')).toBeGreaterThan(1_000);
  });
});

describe('nonsense', () => {
  const stages = {
    Active: (wire: Wire) => void wire,
    OpenSent: (wire: Wire) => void wire,
    OpenConfirm: (wire: Wire) => wire.open(),
    Established: (wire: Wire) => {
      wire.open();
      wire.keepalive();
    },
  };

  describe.each(Object.keys(stages) as (keyof typeof stages)[])('in %s', (state) => {
    test.each([
      ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n'), '1/1'],
      ['a length of 0', Buffer.from(`${'ff'.repeat(16)}000001`, 'hex'), '1/2'],
      ['an unknown type', Buffer.from(`${'ff'.repeat(16)}0013ff`, 'hex'), '1/3'],
      ['a KEEPALIVE with a body', Buffer.from(`${'ff'.repeat(16)}00140400`, 'hex'), '1/2'],
    ])('%s', (_, bytes, error) => {
      const { here, wire } = dialled({ delayOpenSec: state === 'Active' ? 100 : 0 });
      stages[state](wire);
      world.run(10);
      expect(here.state).toBe(state);
      wire.send(bytes);
      world.run(10);
      // Before our OPEN no NOTIFICATION is sent (SendNOTIFICATIONwithoutOPEN is false).
      if (state !== 'Active') expect(wire.received.at(-1)).toBe(`NOTIFICATION ${error}`);
      expect(here.state).toBe('Idle');
      expect(wire.closedWhy).toBeDefined();
      world.run(1_500);
      const sane = Wire.dial(world, THERE, HERE);
      world.run(10);
      sane.open();
      sane.keepalive();
      world.run(10);
      expect(here.state).toBe('Established');
    });
  });

  test.each([
    ['KEEPALIVE in OpenSent (RFC 6608)', 'OpenSent', bigUpdate(0), '5/1'],
    ['UPDATE in OpenConfirm', 'OpenConfirm', bigUpdate(0), '5/2'],
    ['a second OPEN in OpenConfirm', 'OpenConfirm', openOf(), '5/2'],
    ['ROUTE-REFRESH in OpenConfirm', 'OpenConfirm', encodeRouteRefresh(1, 1), '5/2'],
    ['a second OPEN in Established', 'Established', openOf(), '5/3'],
  ] as const)('RFC 4271 §6.6: %s', (_, state, bytes, error) => {
    const { here, wire } = dialled();
    stages[state](wire);
    world.run(10);
    wire.send(bytes);
    world.run(10);
    expect(wire.received.at(-1)).toBe(`NOTIFICATION ${error}`);
    expect(here.updates).toEqual([]);
  });

  /** Messages as a peer could send them, some octets changed, some cut off. */
  const mangled = fc
    .tuple(
      fc.constantFrom(
        openOf(),
        encodeKeepalive(),
        bigUpdate(30),
        encodeRouteRefresh(1, 1),
        encodeNotification(6, 4),
        encodeNotification(2, 1),
        new Uint8Array(0),
      ),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
      fc.nat({ max: 3 }),
      fc.uint8Array({ maxLength: 5 }),
    )
    .map(([message, changes, missing, more]) => {
      const bytes = message.slice(0, message.length - (missing === 3 ? 4 : 0));
      for (const [at, octet] of changes) bytes[at % Math.max(1, bytes.length)] = octet;
      return Buffer.concat([bytes, more.length > 3 ? more : Buffer.alloc(0)]);
    });

  test('whatever a peer sends, the next sane connection gets through', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(mangled, fc.boolean()), { maxLength: 12 }),
        fc.constantFrom(0, 5),
        (script, delayOpenSec) => {
          world = new World();
          const { here, wire } = dialled({ delayOpenSec });
          for (const [bytes, isPause] of script) {
            wire.send(bytes);
            if (isPause) world.run(3_000);
          }
          world.run(10);
          wire.stream.destroy();
          world.run(31_000); // as long as Idle ever lasts
          const sane = Wire.dial(world, THERE, HERE);
          world.run(6_000);
          sane.open();
          sane.keepalive();
          world.run(10);
          expect(here.state).toBe('Established');
          expect(here.told.filter((what) => what === 'up').length).toBe(here.peer.status.upCount);
        },
      ),
      { numRuns: 300 },
    );
  });
});
