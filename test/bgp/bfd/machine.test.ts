import {
  detectionTimeExpired,
  detectionTimeUs,
  disabled,
  initial,
  jitteredUs,
  type Machine,
  outgoing,
  received,
  retimed,
  sends,
  transmitIntervalUs,
} from '../../../bgp/bfd/machine.ts';
import type { ControlPacket, State } from '../../../bgp/bfd/packet.ts';

const fresh = (passive = false) =>
  initial({ localDiscriminator: 7, passive, detectMult: 3, intervalUs: 300_000 });

function packet(state: State, fields: Partial<ControlPacket> = {}): ControlPacket {
  return {
    ...outgoing({ ...fresh(), localDiscriminator: 9 }, false),
    state,
    desiredMinTxUs: 300_000,
    requiredMinRxUs: 300_000,
    ...fields,
  };
}

const hear = (machine: Machine, ...states: State[]) =>
  states.reduce((now, state) => received(now, packet(state)), machine);

const BY_STATE: Record<State, () => Machine> = {
  AdminDown: () => disabled(fresh()),
  Down: fresh,
  Init: () => hear(fresh(), 'Down'),
  Up: () => hear(fresh(), 'Down', 'Init'),
};

describe('the state machine (RFC 5880 §6.2)', () => {
  test.each<[State, State, State]>([
    ['Down', 'AdminDown', 'Down'],
    ['Down', 'Down', 'Init'],
    ['Down', 'Init', 'Up'],
    ['Down', 'Up', 'Down'],
    ['Init', 'AdminDown', 'Down'],
    ['Init', 'Down', 'Init'],
    ['Init', 'Init', 'Up'],
    ['Init', 'Up', 'Up'],
    ['Up', 'AdminDown', 'Down'],
    ['Up', 'Down', 'Down'],
    ['Up', 'Init', 'Up'],
    ['Up', 'Up', 'Up'],
    ['AdminDown', 'Down', 'AdminDown'],
    ['AdminDown', 'Up', 'AdminDown'],
  ])('%s hears %s: %s', (from, heard, to) => expect(hear(BY_STATE[from](), heard).state).toBe(to));
  test('§6.8.6: a neighbour that goes down is diagnostic 3', () =>
    expect(hear(BY_STATE.Up(), 'Down').diag).toBe(3));
  test('§6.8.4: silence is diagnostic 1, and forgets the remote discriminator', () =>
    expect(detectionTimeExpired(BY_STATE.Up())).toMatchObject({
      state: 'Down',
      diag: 1,
      remoteDiscriminator: 0,
    }));
  test('§6.8.16: taken down is diagnostic 7', () =>
    expect(disabled(BY_STATE.Up())).toMatchObject({ state: 'AdminDown', diag: 7 }));
});

describe('timers', () => {
  test('§6.8.3: slow until Up, then a poll announces the interval', () => {
    expect(outgoing(BY_STATE.Init(), false)).toMatchObject({ desiredMinTxUs: 1e6, poll: false });
    expect(outgoing(BY_STATE.Up(), false)).toMatchObject({ desiredMinTxUs: 300_000, poll: true });
  });
  test('§6.8.7: a Final never polls', () =>
    expect(outgoing(BY_STATE.Up(), true)).toMatchObject({ poll: false, final: true }));
  test('§6.5: Final ends the poll', () =>
    expect(received(BY_STATE.Up(), packet('Up', { final: true })).polling).toBe(false));
  test('§6.8.3: sending more rarely waits for Final; patience grows at once', () => {
    const up = received(BY_STATE.Up(), packet('Up', { final: true }));
    const slower = retimed(up, { intervalUs: 500_000, detectMult: 3 });
    expect(transmitIntervalUs(slower)).toBe(300_000);
    expect(detectionTimeUs(slower)).toBe(1_500_000);
    const agreed = received(slower, packet('Up', { final: true }));
    expect(transmitIntervalUs(agreed)).toBe(500_000);
  });
  test('§6.8.3: patience shrinks only after Final; sending more often begins at once', () => {
    const up = received(BY_STATE.Up(), packet('Up', { final: true, requiredMinRxUs: 1 }));
    const faster = retimed(up, { intervalUs: 100_000, detectMult: 3 });
    const fast = { final: false, desiredMinTxUs: 100_000, requiredMinRxUs: 1 };
    expect(transmitIntervalUs(faster)).toBe(100_000);
    expect(detectionTimeUs(received(faster, packet('Up', fast)))).toBe(900_000);
    expect(detectionTimeUs(received(faster, packet('Up', { ...fast, final: true })))).toBe(300_000);
  });
  test('§6.8.2: never faster than the other side wants', () =>
    expect(
      transmitIntervalUs(received(BY_STATE.Up(), packet('Up', { requiredMinRxUs: 700_000 }))),
    ).toBe(700_000));
  test.each([
    [3, 0, 750_000],
    [3, 1, 1_000_000],
    [1, 0, 750_000],
    [1, 1, 900_000],
  ])('§6.8.7: jitter with multiplier %d and random %d: %d µs', (detectMult, random, us) =>
    expect(jitteredUs({ ...fresh(), detectMult }, () => random)).toBeCloseTo(us, 3),
  );
});

describe('who sends (RFC 5880 §6.8.7)', () => {
  test.each([
    ['active, nobody heard', fresh(), true],
    ['passive, nobody heard', fresh(true), false],
    ['passive, heard', hear(fresh(true), 'Down'), true],
    ['the other side wants none', received(fresh(), packet('Down', { requiredMinRxUs: 0 })), false],
    [
      'demand mode, both Up, no poll',
      received(BY_STATE.Up(), packet('Up', { demand: true, final: true })),
      false,
    ],
    ['demand mode, polling', received(BY_STATE.Up(), packet('Up', { demand: true })), true],
  ])('%s', (_, machine, wanted) => expect(sends(machine)).toBe(wanted));
});
