/** OPEN: what we say, what we refuse in the peer's and with which NOTIFICATION, and what the two settle. */

import {
  type Capability,
  decodeOpen,
  encodeCapability,
  encodeOpen,
  type Open,
} from 'bgp-parser-ts';
import type { AddPath, AddPathTerms } from '../../../bgp/fsm/add-path.ts';
import type { RestartState } from '../../../bgp/fsm/graceful-restart.ts';
import { openEvent, openFor, type Terms } from '../../../bgp/fsm/open.ts';
import { IDLE } from '../../../bgp/fsm/transition.ts';

const terms: Terms = {
  localAs: 64512,
  routerId: 0x0a000001,
  remoteAs: 64513,
  holdTimeSec: 90,
  families: [4, 6],
  addPath: { send: false, receive: false },
  extendedNextHop: false,
  gracefulRestart: undefined,
};
const running: RestartState = { restarted: false, forwarding: true };

const ipv4: Capability = { kind: 'multiprotocol', afi: 1, safi: 1 };
const ipv6: Capability = { kind: 'multiprotocol', afi: 2, safi: 1 };
const ipv4Multicast: Capability = { kind: 'multiprotocol', afi: 1, safi: 2 };
const fourOctetAs: Capability = { kind: 'four-octet-as', as: 64513 };
const theirs: Omit<Open, 'type'> = {
  as: 64513,
  holdTime: 30,
  routerId: 0x0a000002,
  capabilities: [ipv4, ipv6, fourOctetAs],
};

const openSent = { ...IDLE, state: 'OpenSent' } as const;

/** The event that the peer's OPEN becomes, off the wire. */
function judge(open: Partial<typeof theirs> = {}, ours: Partial<Terms> = {}) {
  const bytes = encodeOpen({ ...theirs, ...open });
  return openEvent(openSent, { ...terms, ...ours }, decodeOpen(bytes, 0, bytes.length));
}

function settled(open: Partial<typeof theirs> = {}, ours: Partial<Terms> = {}) {
  const event = judge(open, ours);
  if (!('negotiated' in event)) throw new Error(`refused: ${JSON.stringify(event)}`);
  return event.negotiated;
}

function refusal(open: Partial<typeof theirs>, ours: Partial<Terms> = {}) {
  const event = judge(open, ours);
  if (event.name !== 'BGPOpenMsgErr') throw new Error(`not refused: ${event.name}`);
  const { code, subcode, data, text } = event.error;
  return { error: `${code}/${subcode}`, data: Buffer.from(data).toString('hex'), text };
}

test('ours announces the families, route refresh and the 4-octet AS; not graceful restart if it is off', () => {
  const bytes = encodeOpen(openFor({ ...terms, localAs: 4_200_000_000 }, running));
  expect(decodeOpen(bytes, 0, bytes.length)).toEqual({
    message: {
      type: 'open',
      as: 4_200_000_000,
      holdTime: 90,
      routerId: 0x0a000001,
      capabilities: [
        ipv4,
        ipv6,
        { kind: 'route-refresh' },
        { kind: 'extended-message' },
        { kind: 'four-octet-as', as: 4_200_000_000 },
        { kind: 'enhanced-route-refresh' },
      ],
    },
  });
});

describe('RFC 8950 §4: IPv4 routes with IPv6 next hops', () => {
  const families = [{ afi: 1, safi: 1, nextHopAfi: 2 }];
  const announced: Capability = { kind: 'extended-next-hop', families };

  test('announced for IPv4 unicast where asked for, and not else', () => {
    expect(openFor({ ...terms, extendedNextHop: true }, running).capabilities).toContainEqual(
      announced,
    );
    expect(openFor(terms, running).capabilities).not.toContainEqual(announced);
  });

  test.each<[string, boolean, Capability[], boolean]>([
    ['both sides', true, [announced], true],
    ['only we', true, [], false],
    ['only the peer', false, [announced], false],
    [
      'the peer for another family, and another next hop',
      true,
      [
        {
          kind: 'extended-next-hop',
          families: [
            { afi: 1, safi: 128, nextHopAfi: 2 },
            { afi: 2, safi: 1, nextHopAfi: 1 },
          ],
        },
      ],
      false,
    ],
  ])('used where both announce it: %s', (_, extendedNextHop, more, expected) => {
    const capabilities = [ipv4, ipv6, fourOctetAs, ...more];
    expect(settled({ capabilities }, { extendedNextHop }).extendedNextHop).toBe(expected);
  });
});

describe('refused', () => {
  test('RFC 4271 §6.2: an AS that is not the configured one is Bad Peer AS', () => {
    expect(refusal({ as: 64999, capabilities: [ipv4] })).toEqual({
      error: '2/2',
      data: '',
      text: 'the peer says that it is AS 64999, but it is configured as AS 64513',
    });
  });

  test('any AS but ours is external', () => {
    const capabilities: Capability[] = [ipv4, { kind: 'four-octet-as', as: 64512 }];
    expect(refusal({ as: 64512, capabilities }, { remoteAs: 'external' })).toMatchObject({
      error: '2/2',
      text: 'the peer says that it is AS 64512, but it is configured as external',
    });
    expect(settled({}, { remoteAs: 'external' }).remoteAs).toBe(64513);
  });

  test('RFC 6793 §4.2.3: capability 65 counts, not the My AS field', () => {
    const capabilities: Capability[] = [ipv4, { kind: 'four-octet-as', as: 4_200_000_000 }];
    expect(refusal({ as: 64513, capabilities })).toMatchObject({ error: '2/2' });
    expect(settled({ as: 23456, capabilities }, { remoteAs: 4_200_000_000 }).fourOctetAs).toBe(
      true,
    );
  });

  test('RFC 6793 §4.2.3: AS_TRANS without the capability is not a peer of a 4-octet AS', () => {
    const open = { as: 23456, capabilities: [ipv4] };
    expect(refusal(open, { remoteAs: 4_200_000_000 })).toMatchObject({ error: '2/2' });
  });

  test('RFC 6286 §2.2: our own identifier within our AS is Bad BGP Identifier', () => {
    const capabilities: Capability[] = [ipv4, { kind: 'four-octet-as', as: 64512 }];
    const open = { as: 64512, routerId: terms.routerId, capabilities };
    expect(refusal(open, { remoteAs: 64512 })).toMatchObject({ error: '2/3' });
  });

  test('RFC 6286 §2.1: our own identifier in another AS is fine', () => {
    expect(settled({ routerId: terms.routerId }).remoteRouterId).toBe(terms.routerId);
  });

  test('RFC 5492 §5: without a family in common, Unsupported Capability tells which we need', () => {
    expect(refusal({ capabilities: [ipv4Multicast, fourOctetAs] })).toEqual({
      error: '2/7',
      data: '010400010001' + '010400020001',
      text: 'the peer does not take IPv4 unicast or IPv6 unicast',
    });
  });

  test('RFC 4760 §8: a peer without the multiprotocol capability has no IPv6', () => {
    expect(refusal({ capabilities: [] }, { families: [6] })).toMatchObject({
      error: '2/7',
      data: '010400020001',
    });
  });

  // What the parser finds wrong reaches the machine as it is.
  test.each([
    [
      'RFC 4271 §6.2: version 3 is Unsupported Version Number, with ours as data',
      19,
      3,
      '2/1',
      '0004',
    ],
    ['RFC 4271 §6.2: a hold time of 1 s is Unacceptable Hold Time', 23, 1, '2/6', ''],
    ['RFC 6286 §2.1: identifier 0 is Bad BGP Identifier', 27, 0, '2/3', ''],
  ])('%s', (_, at, value, error, data) => {
    const bytes = encodeOpen({ ...theirs, holdTime: 3, routerId: 1 });
    bytes[at] = value;
    const event = openEvent(openSent, terms, decodeOpen(bytes, 0, bytes.length));
    if (event.name !== 'BGPOpenMsgErr') throw new Error(event.name);
    expect(`${event.error.code}/${event.error.subcode}`).toBe(error);
    expect(Buffer.from(event.error.data).toString('hex')).toBe(data);
  });
});

describe('settled', () => {
  test('event 19, or 20 while the DelayOpenTimer runs', () => {
    expect(judge().name).toBe('BGPOpen');
    const bytes = encodeOpen(theirs);
    const delayed = { ...IDLE, state: 'Active', delaysOpen: true } as const;
    expect(openEvent(delayed, terms, decodeOpen(bytes, 0, bytes.length)).name).toBe(
      'BGPOpen with DelayOpenTimer running',
    );
  });

  test.each([
    [30, 30_000],
    [180, 90_000],
    [0, 0],
  ])('RFC 4271 §4.2: the smaller hold time (theirs %i s)', (holdTime, holdTimeMs) => {
    expect(settled({ holdTime })).toMatchObject({ holdTimeMs });
  });

  test.each([
    ['both', [ipv4, ipv6], [4, 6], [4, 6]],
    ['one that only they have', [ipv4, ipv6], [6], [6]],
    ['one that only we have', [ipv4, ipv4Multicast], [4, 6], [4]],
    ['none announced', [], [4, 6], [4]],
  ] as const)('RFC 4760 §8: families, %s', (_, capabilities, families, common) => {
    expect(settled({ capabilities }, { families }).families).toEqual(common);
  });

  test('RFC 6793 §4.1: 4-octet AS numbers only if the peer has the capability', () => {
    expect(settled().fourOctetAs).toBe(true);
    expect(settled({ capabilities: [ipv4] }).fourOctetAs).toBe(false);
  });

  test('what we do not announce is kept, but is not in force', () => {
    const gracefulRestart: Capability = {
      kind: 'graceful-restart',
      restarted: false,
      notification: false,
      restartTime: 120,
      families: [],
    };
    const unknown: Capability = { kind: 'unknown', code: 200, value: Uint8Array.of(1) };
    const capabilities = [ipv4, gracefulRestart, unknown];
    expect(settled({ capabilities }).capabilities).toEqual(capabilities);
  });

  const SEND = { send: true, receive: false };
  const RECEIVE = { send: false, receive: true };
  const BOTH = { send: true, receive: true };
  test.each<[string, AddPathTerms, AddPathTerms[], AddPath]>([
    ['both do both', BOTH, [BOTH, BOTH], { send: [4, 6], receive: [4, 6] }],
    ['both only send', SEND, [SEND, SEND], { send: [], receive: [] }],
    ['they receive', BOTH, [RECEIVE], { send: [4], receive: [] }],
    ['they send IPv6', BOTH, [RECEIVE, SEND], { send: [4], receive: [6] }],
    ['we receive', RECEIVE, [BOTH, BOTH], { send: [], receive: [4, 6] }],
    ['they do not know it', BOTH, [], { send: [], receive: [] }],
  ])('RFC 7911 §4: one sends what the other receives: %s', (_, addPath, [four, six], expected) => {
    const families = [
      ...(four ? [{ afi: 1, safi: 1, ...four }] : []),
      { afi: 1, safi: 128, ...BOTH },
      ...(six ? [{ afi: 2, safi: 1, ...six }] : []),
    ];
    const capabilities: Capability[] = [
      ipv4,
      ipv6,
      ...(four ? [{ kind: 'add-path', families } as const] : []),
    ];
    expect(settled({ capabilities }, { addPath }).addPath).toEqual(expected);
  });

  test('RFC 7911 §4: not for a family that is not in force', () => {
    const families = [{ afi: 2, safi: 1, ...BOTH }];
    const capabilities: Capability[] = [ipv4, { kind: 'add-path', families }];
    expect(settled({ capabilities }, { addPath: BOTH }).addPath).toEqual({ send: [], receive: [] });
  });

  test('RFC 8654 §4, RFC 7313 §4: what we announce always is in force if the peer does so too', () => {
    const [extendedMessage, enhancedRouteRefresh] = [
      'extended-message' as const,
      'enhanced-route-refresh' as const,
    ].map((kind): Capability => ({ kind }));
    expect(settled({ capabilities: [ipv4, extendedMessage!] })).toMatchObject({
      extendedMessage: true,
      enhancedRouteRefresh: false,
    });
    expect(settled({ capabilities: [ipv4, enhancedRouteRefresh!] })).toMatchObject({
      extendedMessage: false,
      enhancedRouteRefresh: true,
    });
  });
});

describe('RFC 9234 §4.2: roles', () => {
  const role = (number: number): Capability => ({ kind: 'role', role: number });
  const withRoles = (roles: readonly number[]) => ({
    capabilities: [...theirs.capabilities, ...roles.map(role)],
  });

  test.each([
    ['provider', 0],
    ['route-server', 1],
    ['route-server-client', 2],
    ['customer', 3],
    ['peer', 4],
  ] as const)('as a %s we announce %i', (own, number) => {
    expect(openFor({ ...terms, role: own }, running).capabilities).toContainEqual(role(number));
  });

  test('without one we announce none, and ask for none', () => {
    expect(openFor(terms, running).capabilities.map(({ kind }) => kind)).not.toContain('role');
    expect(settled(withRoles([4])).families).toEqual([4, 6]);
  });

  test.each([
    ['provider', [3]],
    ['customer', [0]],
    ['route-server', [2]],
    ['route-server-client', [1]],
    ['peer', [4]],
    ['peer', [4, 4]],
    ['peer', []],
  ] as const)('as a %s we accept %j', (own, roles) => {
    expect(settled(withRoles(roles), { role: own }).families).toEqual([4, 6]);
  });

  test.each([
    ['provider', [0], 'provider, but to a provider it must be a customer'],
    ['customer', [4], 'peer, but to a customer it must be a provider'],
    ['peer', [9], 'role 9, but to a peer it must be a peer'],
    ['peer', [4, 3], 'peer and customer at once'],
  ] as const)('as a %s we refuse %j with Role Mismatch', (own, roles, text) => {
    expect(refusal(withRoles(roles), { role: own })).toEqual({
      error: '2/11',
      data: '',
      text: `the peer says that it is ${text}`,
    });
  });
});

describe('RFC 4724 §3 graceful restart', () => {
  const gracefulRestart = { restartTimeSec: 120, longLivedStaleTimeSec: 0, notification: true };
  const theirRestart = (
    more: Partial<Extract<Capability, { kind: 'graceful-restart' }>> = {},
  ): Capability => ({
    kind: 'graceful-restart',
    restarted: false,
    notification: true,
    restartTime: 90,
    families: [
      { afi: 1, safi: 1, forwarding: true },
      { afi: 2, safi: 1, forwarding: false },
      { afi: 1, safi: 2, forwarding: true },
    ],
    ...more,
  });
  const settledWith = (capability: Capability, ours = { gracefulRestart }) =>
    settled({ capabilities: [...theirs.capabilities, capability] }, ours).gracefulRestart;

  test.each([
    [{ restarted: true, forwarding: true }, 'c078' + '00010180' + '00020180'],
    [{ restarted: true, forwarding: false }, 'c078' + '00010100' + '00020100'],
    [{ restarted: false, forwarding: true }, '4078' + '00010180' + '00020180'],
  ])('ours, %j', (restart, hex) => {
    const { capabilities } = openFor({ ...terms, gracefulRestart }, restart);
    const ours = capabilities.find(({ kind }) => kind === 'graceful-restart')!;
    expect(Buffer.from(encodeCapability(ours)).toString('hex')).toBe(`400a${hex}`);
  });

  test('theirs: families that are negotiated, those with F, R, N, the shorter time', () => {
    expect(settledWith(theirRestart())).toEqual({
      families: [4, 6],
      preserved: [4],
      restarted: false,
      notification: true,
      restartTimeMs: 90_000,
      longLived: [],
    });
    const other = theirRestart({ restarted: true, notification: false, restartTime: 4095 });
    expect(settledWith(other)).toMatchObject({
      restarted: true,
      notification: false,
      restartTimeMs: 120_000,
    });
  });

  test('RFC 8538 §2: N is not negotiated, and not said, where we do not want it', () => {
    const ours = { gracefulRestart: { ...gracefulRestart, notification: false } };
    expect(settledWith(theirRestart(), ours)).toMatchObject({ notification: false });
    expect(openFor({ ...terms, ...ours }, running).capabilities).toContainEqual(
      expect.objectContaining({ kind: 'graceful-restart', notification: false }),
    );
  });

  test('RFC 4724 §3: without families the peer keeps our routes, and we keep none of its', () => {
    expect(settledWith(theirRestart({ families: [] }))).toMatchObject({ families: [] });
  });

  test('RFC 4724 §3: of several the last one counts', () => {
    const capabilities = [...theirs.capabilities, theirRestart(), theirRestart({ restartTime: 7 })];
    expect(settled({ capabilities }, { gracefulRestart }).gracefulRestart).toMatchObject({
      restartTimeMs: 7_000,
    });
  });

  test('not negotiated when either side lacks it', () => {
    expect(settled({}, { gracefulRestart }).gracefulRestart).toBeUndefined();
    const off = { gracefulRestart: undefined };
    expect(
      settled({ capabilities: [...theirs.capabilities, theirRestart()] }, off).gracefulRestart,
    ).toBeUndefined();
  });

  test('RFC 9494 §4.1: without a time of ours we only say that we know the mark', () => {
    const { capabilities } = openFor({ ...terms, gracefulRestart }, running);
    expect(capabilities).toContainEqual({ kind: 'long-lived-graceful-restart', families: [] });
  });

  test('RFC 9494 §4.1: with one, families that both name, for the shorter time', () => {
    const ours = { gracefulRestart: { ...gracefulRestart, longLivedStaleTimeSec: 3600 } };
    const { capabilities } = openFor({ ...terms, ...ours }, running);
    expect(capabilities).toContainEqual({
      kind: 'long-lived-graceful-restart',
      families: [1, 2].map((afi) => ({ afi, safi: 1, forwarding: true, staleTime: 3600 })),
    });
    const longLived: Capability = {
      kind: 'long-lived-graceful-restart',
      families: [
        { afi: 1, safi: 1, forwarding: true, staleTime: 86_400 },
        { afi: 2, safi: 1, forwarding: true, staleTime: 0 },
      ],
    };
    const both = [...theirs.capabilities, theirRestart(), longLived];
    expect(settled({ capabilities: both }, ours).gracefulRestart).toMatchObject({
      longLived: [{ family: 4, staleTimeMs: 3_600_000 }],
    });
    expect(settled({ capabilities: both }, { gracefulRestart }).gracefulRestart).toMatchObject({
      longLived: [],
    });
  });
});
