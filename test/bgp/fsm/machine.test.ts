/**
 * RFC 4271 §8.2.2, every event in every state. A row reads: in this state, on this event, the machine
 * goes to `state #failures in a row` and does these things in this order. Each machine below has
 * failed twice before, so that keeping, counting and clearing can be told apart.
 */

import { type Event, notificationEvent } from '../../../bgp/fsm/event.ts';
import { type Fsm, IDLE } from '../../../bgp/fsm/transition.ts';
import { EVENT_NAMES, EVENTS, NEGOTIATED, step } from './table.ts';

const connect: Fsm = { ...IDLE, state: 'Connect', connectRetryCounter: 2 };
const active: Fsm = { ...IDLE, state: 'Active', connectRetryCounter: 2 };

const machines = {
  Idle: { ...IDLE, connectRetryCounter: 2 },
  Connect: connect,
  'Connect, OPEN delayed': { ...connect, delaysOpen: true },
  Active: active,
  'Active, OPEN delayed': { ...active, delaysOpen: true },
  OpenSent: { ...connect, state: 'OpenSent' },
  OpenConfirm: { ...connect, state: 'OpenConfirm', negotiated: NEGOTIATED },
  Established: { ...connect, state: 'Established', negotiated: NEGOTIATED },
} satisfies Record<string, Fsm>;

/** Idle after a third failure in a row lasts 4 s. */
const failed = 'Idle #3: stop timers, drop, IdleHold 4000';
const notified = (error: string) => `Idle #3: notify ${error}, stop timers, drop, IdleHold 4000`;
const notifiedAndDown = (error: string) =>
  `Idle #3: notify ${error}, stop timers, down, drop, IdleHold 4000`;
const down = 'Idle #3: stop timers, down, drop, IdleHold 4000';

const startsIgnored = (state: string) => ({
  ManualStart: `${state}: `,
  AutomaticStart: `${state}: `,
  ManualStart_with_PassiveTcpEstablishment: `${state}: `,
  AutomaticStart_with_PassiveTcpEstablishment: `${state}: `,
  AutomaticStart_with_DampPeerOscillations: `${state}: `,
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: `${state}: `,
});

type Table = Record<(typeof EVENT_NAMES)[number], string>;

const idle: Table = {
  ManualStart: 'Connect #0: stop IdleHold, ConnectRetry 3000, connect',
  ManualStop: 'Idle #0: stop timers, drop',
  AutomaticStart: 'Connect #0: stop IdleHold, ConnectRetry 3000, connect',
  ManualStart_with_PassiveTcpEstablishment: 'Active #0: stop IdleHold, ConnectRetry 3000',
  AutomaticStart_with_PassiveTcpEstablishment: 'Active #0: stop IdleHold, ConnectRetry 3000',
  AutomaticStart_with_DampPeerOscillations: 'Idle #2: IdleHold 2000',
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: 'Idle #2: IdleHold 2000',
  AutomaticStop: 'Idle #0: stop timers, drop',
  ConnectRetryTimer_Expires: 'Idle #2: ',
  HoldTimer_Expires: 'Idle #2: ',
  KeepaliveTimer_Expires: 'Idle #2: ',
  DelayOpenTimer_Expires: 'Idle #2: ',
  IdleHoldTimer_Expires: 'Connect #2: stop IdleHold, ConnectRetry 3000, connect',
  SendHoldTimer_Expires: 'Idle #2: ',
  TcpConnection_Valid: 'Idle #2: ',
  Tcp_CR_Invalid: 'Idle #2: ',
  Tcp_CR_Acked: 'Idle #2: ',
  TcpConnectionConfirmed: 'Idle #2: ',
  TcpConnectionFails: 'Idle #2: ',
  BGPOpen: 'Idle #2: ',
  'BGPOpen with DelayOpenTimer running': 'Idle #2: ',
  BGPHeaderErr: 'Idle #2: ',
  BGPOpenMsgErr: 'Idle #2: ',
  OpenCollisionDump: 'Idle #2: ',
  NotifMsgVerErr: 'Idle #2: ',
  NotifMsg: 'Idle #2: ',
  KeepAliveMsg: 'Idle #2: ',
  UpdateMsg: 'Idle #2: ',
  UpdateMsgErr: 'Idle #2: ',
  RouteRefreshMsg: 'Idle #2: ',
  RouteRefreshMsgErr: 'Idle #2: ',
};

const toOpenConfirm = 'OpenConfirm #2: stop timers, OPEN, KEEPALIVE, Keepalive 3000, Hold 9000';

const connectTable: Table = {
  ...startsIgnored('Connect #2'),
  ManualStop: 'Idle #0: stop timers, drop',
  AutomaticStop: failed,
  ConnectRetryTimer_Expires: 'Connect #2: drop, stop DelayOpen, ConnectRetry 3000, connect',
  HoldTimer_Expires: failed,
  KeepaliveTimer_Expires: failed,
  DelayOpenTimer_Expires: 'OpenSent #2: OPEN, Hold 240000',
  IdleHoldTimer_Expires: failed,
  SendHoldTimer_Expires: failed,
  TcpConnection_Valid: 'Connect #2: ',
  Tcp_CR_Invalid: 'Connect #2: ',
  Tcp_CR_Acked: 'OpenSent #2: stop ConnectRetry, OPEN, Hold 240000',
  TcpConnectionConfirmed: 'OpenSent #2: stop ConnectRetry, OPEN, Hold 240000',
  TcpConnectionFails: 'Active #2: stop timers, drop, ConnectRetry 3000',
  BGPOpen: failed,
  'BGPOpen with DelayOpenTimer running': toOpenConfirm,
  BGPHeaderErr: failed,
  BGPOpenMsgErr: failed,
  OpenCollisionDump: failed,
  NotifMsgVerErr: failed,
  NotifMsg: failed,
  KeepAliveMsg: failed,
  UpdateMsg: failed,
  UpdateMsgErr: failed,
  RouteRefreshMsg: failed,
  RouteRefreshMsgErr: failed,
};

const activeTable: Table = {
  ...connectTable,
  ...startsIgnored('Active #2'),
  DelayOpenTimer_Expires: 'OpenSent #2: stop ConnectRetry, OPEN, Hold 240000',
  TcpConnection_Valid: 'Active #2: ',
  Tcp_CR_Invalid: 'Active #2: ',
  TcpConnectionFails: failed,
};

/** The peer cannot do our version: no failure that counts, but a long wait. */
const versionRefused = 'Idle #2: stop timers, drop, IdleHold 30000';

const openSentTable: Table = {
  ...startsIgnored('OpenSent #2'),
  ManualStop: 'Idle #0: notify 6/2, stop timers, drop',
  AutomaticStop: notified('6/1'),
  ConnectRetryTimer_Expires: notified('5/1'),
  HoldTimer_Expires: notified('4/0'),
  KeepaliveTimer_Expires: notified('5/1'),
  DelayOpenTimer_Expires: notified('5/1'),
  IdleHoldTimer_Expires: notified('5/1'),
  SendHoldTimer_Expires: notified('5/1'),
  TcpConnection_Valid: 'OpenSent #2: ',
  Tcp_CR_Invalid: 'OpenSent #2: ',
  Tcp_CR_Acked: 'OpenSent #2: ',
  TcpConnectionConfirmed: 'OpenSent #2: ',
  TcpConnectionFails: 'Active #2: stop timers, drop, ConnectRetry 3000',
  BGPOpen: 'OpenConfirm #2: stop timers, KEEPALIVE, Keepalive 3000, Hold 9000',
  'BGPOpen with DelayOpenTimer running': notified('5/1'),
  BGPHeaderErr: notified('1/2'),
  BGPOpenMsgErr: notified('2/2'),
  OpenCollisionDump: notified('6/7'),
  NotifMsgVerErr: versionRefused,
  NotifMsg: failed,
  KeepAliveMsg: notified('5/1'),
  UpdateMsg: notified('5/1'),
  UpdateMsgErr: notified('5/1'),
  RouteRefreshMsg: notified('5/1'),
  RouteRefreshMsgErr: notified('5/1'),
};

const openConfirmTable: Table = {
  ...startsIgnored('OpenConfirm #2'),
  ManualStop: 'Idle #0: notify 6/2, stop timers, drop',
  AutomaticStop: notified('6/1'),
  ConnectRetryTimer_Expires: notified('5/2'),
  HoldTimer_Expires: notified('4/0'),
  KeepaliveTimer_Expires: 'OpenConfirm #2: KEEPALIVE, Keepalive 3000',
  DelayOpenTimer_Expires: notified('5/2'),
  IdleHoldTimer_Expires: notified('5/2'),
  SendHoldTimer_Expires: notified('5/2'),
  TcpConnection_Valid: 'OpenConfirm #2: ',
  Tcp_CR_Invalid: 'OpenConfirm #2: ',
  Tcp_CR_Acked: 'OpenConfirm #2: ',
  TcpConnectionConfirmed: 'OpenConfirm #2: ',
  TcpConnectionFails: failed,
  BGPOpen: notified('5/2'),
  'BGPOpen with DelayOpenTimer running': notified('5/2'),
  BGPHeaderErr: notified('1/2'),
  BGPOpenMsgErr: notified('2/2'),
  OpenCollisionDump: notified('6/7'),
  NotifMsgVerErr: versionRefused,
  NotifMsg: failed,
  KeepAliveMsg: 'Established #2: Hold 9000, up',
  UpdateMsg: notified('5/2'),
  UpdateMsgErr: notified('5/2'),
  RouteRefreshMsg: notified('5/2'),
  RouteRefreshMsgErr: notified('5/2'),
};

const establishedTable: Table = {
  ...startsIgnored('Established #2'),
  ManualStop: 'Idle #0: notify 6/2, stop timers, down, drop',
  AutomaticStop: notifiedAndDown('6/1'),
  ConnectRetryTimer_Expires: notifiedAndDown('5/3'),
  HoldTimer_Expires: notifiedAndDown('4/0'),
  KeepaliveTimer_Expires: 'Established #2: KEEPALIVE, Keepalive 3000',
  DelayOpenTimer_Expires: notifiedAndDown('5/3'),
  IdleHoldTimer_Expires: notifiedAndDown('5/3'),
  SendHoldTimer_Expires: notifiedAndDown('8/0'),
  TcpConnection_Valid: 'Established #2: ',
  Tcp_CR_Invalid: 'Established #2: ',
  Tcp_CR_Acked: 'Established #2: ',
  TcpConnectionConfirmed: 'Established #2: ',
  TcpConnectionFails: down,
  BGPOpen: notifiedAndDown('5/3'),
  'BGPOpen with DelayOpenTimer running': notifiedAndDown('5/3'),
  BGPHeaderErr: notifiedAndDown('1/2'),
  BGPOpenMsgErr: notifiedAndDown('5/3'),
  OpenCollisionDump: notifiedAndDown('6/7'),
  NotifMsgVerErr: down,
  NotifMsg: down,
  KeepAliveMsg: 'Established #0: Hold 9000',
  UpdateMsg: 'Established #2: Hold 9000, process UPDATE',
  UpdateMsgErr: notifiedAndDown('3/1'),
  RouteRefreshMsg: 'Established #2: Hold 9000, process ROUTE-REFRESH',
  RouteRefreshMsgErr: notifiedAndDown('7/1'),
};

const tables: Record<keyof typeof machines, Table> = {
  Idle: idle,
  Connect: connectTable,
  'Connect, OPEN delayed': {
    ...connectTable,
    ...startsIgnored('Connect #2 (OPEN delayed)'),
    TcpConnection_Valid: 'Connect #2 (OPEN delayed): ',
    Tcp_CR_Invalid: 'Connect #2 (OPEN delayed): ',
    NotifMsgVerErr: versionRefused,
  },
  Active: activeTable,
  'Active, OPEN delayed': {
    ...activeTable,
    ...startsIgnored('Active #2 (OPEN delayed)'),
    TcpConnection_Valid: 'Active #2 (OPEN delayed): ',
    Tcp_CR_Invalid: 'Active #2 (OPEN delayed): ',
    NotifMsgVerErr: versionRefused,
  },
  OpenSent: openSentTable,
  OpenConfirm: openConfirmTable,
  Established: establishedTable,
};

describe.each(Object.keys(tables) as (keyof typeof tables)[])('RFC 4271 §8.2.2 %s', (state) => {
  test.each(EVENT_NAMES)('%s', (name) => {
    expect(step(machines[state], EVENTS[name])).toBe(tables[state][name]);
  });
});

describe('RFC 4271 §8.1.1 optional session attributes', () => {
  test('PassiveTcpEstablishment: no ConnectRetryTimer, so never a connection of ours', () => {
    const passive = { passive: true };
    const start = EVENTS.ManualStart_with_PassiveTcpEstablishment;
    expect(step(machines.Idle, start, passive)).toBe('Active #0: stop IdleHold');
    expect(step(machines.Idle, EVENTS.IdleHoldTimer_Expires, passive)).toBe('Active #2: ');
    expect(step(machines.OpenSent, EVENTS.TcpConnectionFails, passive)).toBe(
      'Active #2: stop timers, drop',
    );
  });

  test.each(['Connect', 'Active'] as const)('DelayOpen: in %s, our OPEN waits', (state) => {
    const waits = `${state} #2 (OPEN delayed): stop ConnectRetry, DelayOpen 5000`;
    const delayed = { delayOpenMs: 5_000 };
    expect(step(machines[state], EVENTS.Tcp_CR_Acked, delayed)).toBe(waits);
    expect(step(machines[state], EVENTS.TcpConnectionConfirmed, delayed)).toBe(waits);
  });

  test('DampPeerOscillations: Idle lasts twice as long with each failure in a row, 30 s at most', () => {
    const holds = [0, 1, 2, 3, 4, 5, 6, 100].map(
      (connectRetryCounter) =>
        step({ ...machines.OpenConfirm, connectRetryCounter }, EVENTS.NotifMsg).match(
          /IdleHold (\d+)/,
        )?.[1],
    );
    expect(holds).toEqual(['1000', '2000', '4000', '8000', '16000', '30000', '30000', '30000']);
  });
});

describe('RFC 4271 §4.2, §4.4 hold time', () => {
  const without = { ...NEGOTIATED, holdTimeMs: 0 };

  test('a negotiated hold time of 0 starts neither HoldTimer nor KeepaliveTimer', () => {
    const open = { name: 'BGPOpen', negotiated: without } as const;
    expect(step(machines.OpenSent, open)).toBe('OpenConfirm #2: stop timers, KEEPALIVE');
    const confirm = { ...machines.OpenConfirm, negotiated: without };
    expect(step(confirm, EVENTS.KeepAliveMsg)).toBe('Established #0: up');
    const established = { ...machines.Established, negotiated: without };
    expect(step(established, EVENTS.UpdateMsg)).toBe('Established #2: process UPDATE');
  });

  test.each([
    [9_000, Infinity, 3_000],
    [90_000, 5_000, 5_000],
    [9_000, 5_000, 3_000],
  ])(
    'a hold time of %i ms, ours of %d ms between KEEPALIVEs: %i ms',
    (holdTimeMs, keepaliveMs, intervalMs) => {
      const established = { ...machines.Established, negotiated: { ...NEGOTIATED, holdTimeMs } };
      expect(step(established, EVENTS.KeepaliveTimer_Expires, { keepaliveMs })).toBe(
        `Established #2: KEEPALIVE, Keepalive ${intervalMs}`,
      );
    },
  );

  test('KEEPALIVEs are at least a second apart, whatever the jitter', () => {
    const negotiated = { ...NEGOTIATED, holdTimeMs: 3_000 };
    const shortest = step(
      { ...machines.Established, negotiated },
      EVENTS.KeepaliveTimer_Expires,
      {},
      () => 0,
    );
    expect(shortest).toBe('Established #2: KEEPALIVE, Keepalive 1000');
  });
});

describe('ends of an Established session with graceful restart', () => {
  const gracefulRestart = {
    families: [4, 6] as const,
    preserved: [4, 6] as const,
    restarted: false,
    notification: false,
    restartTimeMs: 120_000,
    longLived: [],
  };
  const end = (event: Event, notification: boolean) => {
    const negotiated = { ...NEGOTIATED, gracefulRestart: { ...gracefulRestart, notification } };
    return step({ ...machines.Established, negotiated }, event)
      .replace(/^Idle #\d: /, '')
      .replace(/, drop.*/, '');
  };
  const hard = { name: 'NotifMsg', isHardReset: true } as const;

  // RFC 4724 §5, and with N of both (RFC 8538 §4).
  test.each<[string, Event, string, string]>([
    [
      'TCP fails',
      EVENTS.TcpConnectionFails,
      'stop timers, down gracefully',
      'stop timers, down gracefully',
    ],
    ['NOTIFICATION', EVENTS.NotifMsg, 'stop timers, down', 'stop timers, down gracefully'],
    ['hard reset', hard, 'stop timers, down', 'stop timers, down'],
    [
      'hold timer',
      EVENTS.HoldTimer_Expires,
      'notify 4/0, stop timers, down',
      'notify 4/0, stop timers, down gracefully',
    ],
    [
      'malformed UPDATE',
      EVENTS.UpdateMsgErr,
      'notify 3/1, stop timers, down',
      'notify 3/1, stop timers, down gracefully',
    ],
    [
      'malformed header',
      EVENTS.BGPHeaderErr,
      'notify 1/2, stop timers, down',
      'notify 1/2, stop timers, down gracefully',
    ],
    [
      'OPEN out of place',
      EVENTS.BGPOpen,
      'notify 5/3, stop timers, down',
      'notify 5/3, stop timers, down gracefully',
    ],
    [
      'stopped by the operator: for good (RFC 8538 §3.1)',
      EVENTS.ManualStop,
      'notify 6/2, stop timers, down',
      'notify 6/9, stop timers, down',
    ],
    [
      'stopped automatically: for good',
      EVENTS.AutomaticStop,
      'notify 6/1, stop timers, down',
      'notify 6/9, stop timers, down',
    ],
  ])('%s', (_, event, without, withN) => {
    expect([end(event, false), end(event, true)]).toEqual([without, withN]);
  });
});

test('RFC 4271 §10: timers but the HoldTimer take 75–100 % of their time', () => {
  const least = () => 0;
  expect(step(machines.Idle, EVENTS.ManualStart, {}, least)).toContain('ConnectRetry 2250');
  expect(step(machines.Active, EVENTS.NotifMsg, {}, least)).toContain('IdleHold 3000');
  expect(step(machines.OpenSent, EVENTS.BGPOpen, {}, least)).toContain('Keepalive 2250, Hold 9000');
});

test.each([
  ['§6.2: OPEN Message Error / Unsupported Version Number', 2, 1, 'NotifMsgVerErr'],
  ['§6.2: another OPEN error', 2, 2, 'NotifMsg'],
  ['§6.1: Message Header Error / Connection Not Synchronized', 1, 1, 'NotifMsg'],
])('RFC 4271 %s is event %3$s', (_, code, subcode, name) => {
  expect(notificationEvent({ code, subcode }).name).toBe(name);
});

test('RFC 8538 §3: Cease / Hard Reset is told from others', () => {
  expect(notificationEvent({ code: 6, subcode: 9 })).toEqual({
    name: 'NotifMsg',
    isHardReset: true,
  });
  expect(notificationEvent({ code: 5, subcode: 9 })).toMatchObject({ isHardReset: false });
});
