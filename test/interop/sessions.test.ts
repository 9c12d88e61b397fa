/** How sessions end and go on. Needs root, unshare, ip, bird, frr, gobgpd, openbgpd and exabgp. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('sessions.scenarios.ts');

test.concurrent(
  'RFC 4271 §6.5: every daemon that stands still is found out by the hold timer, and comes back',
  async () => {
    const expired = 'notification sent: Hold Timer Expired';
    expect(await play('hold time')).toEqual({
      bird: expired,
      frr: expired,
      gobgp: expired,
      openbgpd: expired,
      exabgp: expired,
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 9003: what daemons say when they shut a session down',
  async () => {
    const end = {
      source: 'notification received',
      name: 'Cease / Administrative Shutdown',
      text: 'moved to rack 7',
    };
    expect(await play('shutdown with text')).toEqual([
      { ...end, daemon: 'bird' },
      // RFC 8538 §3: FRR, with which graceful restart is negotiated, says that it is not one.
      { ...end, daemon: 'frr', name: `Cease / Hard Reset: ${end.name}` },
      { ...end, daemon: 'gobgp' },
      { ...end, daemon: 'openbgpd' },
      { ...end, daemon: 'exabgp', text: 'Administrative Shutdown' },
    ]);
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 9003: what we say when we leave, and every daemon drops our route',
  async () => {
    expect(await play('we leave')).toEqual({
      bird: 'Administrative shutdown: moved to rack 7',
      frr: 'Cease/Administrative Shutdown: moved to rack 7',
      gobgp: '6/2: moved to rack 7',
      openbgpd: 'Cease, administratively down: moved to rack 7',
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 8326 §4: while we drain, every daemon sees that it should take other paths',
  async () => {
    expect(await play('we drain')).toEqual({
      bird: '65535:0',
      frr: 'graceful-shutdown',
      gobgp: '65535:0',
      openbgpd: 'GRACEFUL_SHUTDOWN',
      exabgp: '65535:0',
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'dynamic neighbours: every daemon that dials from within a range gets our route',
  async () => {
    expect(await play('whoever dials')).toEqual({
      ranges: [{ prefix: '10.9.0.0/16', peers: 5, maxPeers: 5 }],
      areAll: true,
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 7705: every daemon knows us by the local AS alone',
  async () => {
    expect(await play('by a local AS')).toEqual({
      bird: '65003',
      frr: '65003',
      gobgp: '65003',
      openbgpd: '65003',
      exabgp: '65003',
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 4271 §6.7: with whoever announces too much the session ends',
  async () => {
    const excess = 'Cease / Maximum Number of Prefixes Reached';
    const sent = `notification sent: ${excess}`;
    expect(await play('too many prefixes')).toEqual({
      bird: sent,
      // RFC 8538 §3: with FRR graceful restart is negotiated, and this is not one.
      frr: `notification sent: Cease / Hard Reset: ${excess}`,
      gobgp: sent,
      openbgpd: sent,
      exabgp: sent,
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 4271 §6.2: we refuse another AS than we expect, and the daemons are told why',
  async () => {
    expect(await play('another AS than we expect')).toEqual({
      bird: 'Bad peer AS',
      frr: 'OPEN Message Error/Bad Peer AS',
      openbgpd: 'error in OPEN message, AS unacceptable',
      exabgp: '2/2',
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 4271 §6.2: the daemons refuse another AS than they expect, and we are told why',
  async () => {
    const refusal = 'notification received: OPEN Message Error / Bad Peer AS';
    expect(await play('another AS than they expect')).toEqual({
      bird: refusal,
      frr: refusal,
      gobgp: refusal,
      openbgpd: refusal,
      exabgp: refusal,
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 4760 §8, RFC 6793 §4: FRR without capabilities has IPv4 and 2-octet AS numbers',
  async () => {
    expect(await play('FRR without capabilities')).toMatchObject({
      upCount: 1,
      families: [4],
      fourOctetAs: false,
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 4724 §2: End-of-RIB of both families both ways, before a second KEEPALIVE',
  async () => {
    expect(await play('end of RIB')).toEqual({
      keepalives: [1, 1, 1],
      there: { frr: 2, openbgpd: 2, exabgp: 2 },
    });
  },
  DEADLINE_MS,
);
