import { parseAddress, parsePrefix } from 'net-ipaddr';
import type { PeerStatus, RouteStatus } from '../../bgp/speaker.ts';
import { peersText, peerText, routesText, routeText, speakerText } from '../../src/ctl/bgp-text.ts';
import { peerJson, routeJson } from '../../src/inspect/bgp-json.ts';

const AT = new Date(2026, 4, 5, 11, 30, 4).getTime();
const messages = { open: 1, update: 2, notification: 0, keepalive: 3, routeRefresh: 0 };

const established: PeerStatus = {
  name: '10.0.0.2',
  description: 'rack "a"',
  type: 'global',
  address: '10.0.0.2',
  port: 179,
  remoteAs: 65001,
  passive: false,
  isDynamic: false,
  state: 'Established',
  sinceMs: AT,
  upCount: 2,
  heldOffUntilMs: undefined,
  lastError: {
    atMs: AT,
    source: 'notification received',
    code: 6,
    subcode: 2,
    name: 'Cease / Administrative Shutdown',
    text: 'back \u001b[31msoon',
  },
  lastNotification: undefined,
  negotiated: {
    holdTimeMs: 9000,
    keepaliveMs: 3000,
    families: [4, 6],
    addPath: { send: [], receive: [] },
    fourOctetAs: true,
    extendedMessage: false,
    extendedNextHop: false,
    enhancedRouteRefresh: false,
    gracefulRestart: {
      families: [4, 6],
      preserved: [4, 6],
      restarted: false,
      notification: true,
      restartTimeMs: 120_000,
      longLived: [],
    },
    remoteAs: 65001,
    remoteRouterId: 0x0a000002,
    capabilities: [
      { kind: 'route-refresh' },
      { kind: 'unknown', code: 99, value: Uint8Array.of(1) },
    ],
    localAddress: '10.0.0.1',
    remoteAddress: '10.0.0.2',
  },
  initialRoutesIn: [4],
  stale: undefined,
  bfd: undefined,
  received: messages,
  sent: messages,
  routes: {
    received: 5,
    accepted: 4,
    stale: 0,
    advertised: 3,
    inStep: false,
    treatedAsWithdraw: 1,
    attributesDiscarded: 0,
  },
};

const down: PeerStatus = {
  ...established,
  name: '10.0.0.3',
  state: 'Active',
  negotiated: undefined,
  lastError: { atMs: AT, source: 'transport', name: 'connect ECONNREFUSED' },
  stale: { families: [4, 6], longLived: [], awaits: 'session', untilMs: AT + 120_000 },
  routes: { ...established.routes, stale: 5 },
};

test('peers as a table, with what is wrong where something is', () => {
  expect(peersText([established, down].map(peerJson))).toBe(
    `PEER       AS      STATE         SINCE                 RECEIVED   ACCEPTED   SENT   TYPE     INFO
10.0.0.2   65001   Established   2026-05-05 11:30:04   5          4          3      global
10.0.0.3   65001   Active        2026-05-05 11:30:04   5          4          3      global   connect ECONNREFUSED`,
  );
  expect(peersText([])).toBe('No peers are configured.');
});

test('one peer, a fact a line; a peer’s own words cannot drive the terminal', () => {
  expect(peerText(peerJson(established))).toBe(
    `Peer 10.0.0.2, AS 65001
  Description:     rack "a"
  Type:            global
  State:           Established since 2026-05-05 11:30:04, was up 2 times
  Connects:        we do, to port 179, or the peer
  Addresses:       10.0.0.1 here, 10.0.0.2 there
  Router id:       10.0.0.2
  Families:        IPv4, IPv6
  Timers:          hold time 9 s, keepalive 3 s
  Capabilities:    Route Refresh, capability 99
  Routes:          5 received, 4 accepted, 3 sent (sending)
  Initial routes:  waiting for the end of IPv6
  Restart:         routes of IPv4, IPv6 are kept for 120 s, also after a NOTIFICATION
  Malformed:       1 UPDATEs treated as withdraw, 0 with attributes discarded (RFC 7606)
  Messages in:     1 open, 2 update, 0 notification, 3 keepalive, 0 routeRefresh
  Messages out:    1 open, 2 update, 0 notification, 3 keepalive, 0 routeRefresh
  Last error:      2026-05-05 11:30:04 notification received: Cease / Administrative Shutdown (back \\u001b[31msoon)`,
  );
});

test('a peer that is to come back: what is kept of its routes, and until when', () => {
  expect(peerText(peerJson(down)).split('\n')).toContain(
    '  Restart:       5 routes of IPv4, IPv6 are kept until 2026-05-05 11:32:04, for its session to come back',
  );
  const back = { ...established, stale: { ...down.stale!, awaits: 'End-of-RIB' as const } };
  expect(peerText(peerJson({ ...back, routes: down.routes })).split('\n')).toContain(
    '  Restart:         5 routes of IPv4, IPv6 are kept until 2026-05-05 11:32:04, for its End-of-RIB',
  );
});

const route: RouteStatus = {
  prefix: parsePrefix('10.1.0.0/26'),
  paths: [
    {
      peer: '10.0.0.2',
      state: 'best',
      reason: 'shorter AS path',
      isStale: true,
      pathId: 7,
      nextHop: parseAddress('10.0.0.2'),
      interiorCost: 20,
      attributes: {
        origin: 'igp',
        asPath: [
          { type: 'sequence', as: [65001] },
          { type: 'set', as: [65002, 65003] },
        ],
        med: 7,
        communities: [0xfde80001],
        largeCommunities: [{ global: 65000, local1: 1, local2: 2 }],
        extendedCommunities: [0x0002fde800000064n],
        originatorId: 0x0a000009,
        clusterList: [0x0a000001, 0x0a000002],
        aggregator: { as: 65001, address: parseAddress('192.0.2.1') },
        others: [{ code: 99, flags: 0xe0, value: Uint8Array.of(0x12, 0x34) }],
      },
      imported: undefined,
      changedBy: [],
      validity: 'valid',
    },
    {
      peer: undefined,
      state: 'rejected',
      reason: 'import policy: no rule accepts it',
      isStale: false,
      pathId: 0,
      nextHop: undefined,
      interiorCost: 0,
      attributes: { origin: 'incomplete', localPref: 200 },
      imported: undefined,
      changedBy: [],
      validity: undefined,
    },
  ],
  sentTo: ['10.0.0.3'],
  notSentTo: [{ peer: '10.0.0.4', reason: 'community NO_EXPORT' }],
  changedFor: [],
};

test('routes as a table, a path a line', () => {
  expect(routesText([routeJson(route)])).toBe(
    `     PREFIX        NEXT HOP   PEER       LOCAL PREF   MED   AS PATH               ORIGIN
*>   10.1.0.0/26   10.0.0.2   10.0.0.2                7     65001 {65002 65003}   igp
     10.1.0.0/26              (here)     200                                      incomplete`,
  );
  expect(routesText([])).toBe('No routes.');
});

test('one route: each path with why, and to whom it went', () => {
  expect(routeText(routeJson(route))).toBe(
    `10.1.0.0/26, 2 paths
  Best, stale: from 10.0.0.2 (shorter AS path)
    Next hop:              10.0.0.2
    Interior cost:         20
    Path id:               7
    AS path:               65001 {65002 65003}
    Origin:                igp
    MED:                   7
    Aggregator:            65001 192.0.2.1
    Communities:           65000:1
    Extended communities:  0x0002fde800000064
    Large communities:     65000:1:2
    Originator id:         10.0.0.9
    Cluster list:          10.0.0.1 10.0.0.2
    Attribute 99:          0x1234
    RPKI:                  valid
  Rejected: originated here (import policy: no rule accepts it)
    Origin:      incomplete
    Local pref:  200
  Sent to 10.0.0.3
  Not sent to 10.0.0.4: community NO_EXPORT`,
  );
});

test('what filters did: on the way in what was and what is, on the way out for whom', () => {
  const [best] = route.paths;
  const changed: RouteStatus = {
    ...route,
    paths: [
      {
        ...best!,
        isStale: false,
        interiorCost: 0,
        attributes: { origin: 'igp', asPath: [], localPref: 100, med: 7 },
        imported: { origin: 'igp', asPath: [], localPref: 200, communities: [0xfde80001] },
        changedBy: ['BGPFilter "in" importV4[0]', 'BGPFilter "in" importV4[2]'],
      },
    ],
    changedFor: [{ peer: '10.0.0.3', changedBy: ['prefixAdvertisements[0]'] }],
  };
  expect(routeText(routeJson(changed))).toBe(
    `10.1.0.0/26, one path
  Best: from 10.0.0.2 (shorter AS path)
    Next hop:     10.0.0.2
    Path id:      7
    Origin:       igp
    MED:          removed, was 7
    Local pref:   200 (was 100)
    Communities:  65000:1 (added)
    Changed by:   BGPFilter "in" importV4[0], BGPFilter "in" importV4[2]
    RPKI:         valid
  Sent to 10.0.0.3
  Changed for 10.0.0.3 by prefixAdvertisements[0]
  Not sent to 10.0.0.4: community NO_EXPORT`,
  );
});

test('BFD beside the session', () => {
  const bfd = {
    state: 'Up',
    sinceMs: AT,
    diagnostic: 'No Diagnostic',
    hops: 'single',
    localDiscriminator: 1,
    transmitIntervalMs: 300,
    detectionTimeMs: 900,
    remote: {
      state: 'Up',
      diagnostic: 'No Diagnostic',
      discriminator: 2,
      detectMult: 3,
      desiredMinTxMs: 300,
      requiredMinRxMs: 300,
    },
    sent: 5,
    sendFailures: 0,
    lastSendFailure: undefined,
    received: 4,
  } as const;
  expect(peerText(peerJson({ ...established, bfd }))).toContain(
    'BFD:             Up since 2026-05-05 11:30:04, Up there, down after 900 ms of silence; 5 packets sent, 4 received\n',
  );
  const down = { ...bfd, state: 'Down', diagnostic: 'Control Detection Time Expired' } as const;
  expect(peerText(peerJson({ ...established, bfd: { ...down, remote: undefined } }))).toContain(
    'Down since 2026-05-05 11:30:04 (Control Detection Time Expired), nobody answers',
  );
});

test('what is not of one peer: listeners, collectors, caches, what was dropped', () => {
  expect(
    speakerText({
      listeners: [
        { address: '0.0.0.0', port: 179, isListening: true, error: undefined },
        { address: '::', port: 179, isListening: false, error: 'EACCES' },
      ],
      ranges: [{ prefix: '10.0.0.0/24', peers: 2, maxPeers: 100 }],
      strangersRefused: 3,
      bfdDropped: { TTL: 2 },
      collectors: [
        {
          address: '192.0.2.9',
          port: 1790,
          state: 'disconnected',
          sinceMs: AT,
          backlogBytes: 0,
          lastError: 'connect ECONNREFUSED',
        },
      ],
      caches: [
        {
          address: '2001:db8::7',
          port: 323,
          phase: 'synchronised',
          version: 1,
          sessionId: 1,
          serial: 42,
          vrps: 1000,
          syncedAtMs: AT,
          lastError: undefined,
        },
      ],
    }),
  ).toBe(
    `Listens on 0.0.0.0:179
Does not listen on [::]:179: EACCES
Peers from 10.0.0.0/24: 2 of 100
BMP collector 192.0.2.9:1790: disconnected (last error: connect ECONNREFUSED)
RPKI cache [2001:db8::7]:323: synchronised, serial 42, 1000 VRPs
Connections refused from addresses of no peer: 3
BFD packets dropped, TTL: 2`,
  );
});
