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
  'RFC 9003: what FRR and OpenBGPD say when they shut a session down',
  async () => {
    const end = { source: 'notification received', text: 'moved to rack 7' };
    expect(await play('shutdown with text')).toEqual([
      // RFC 8538 §3: FRR, with which graceful restart is negotiated, says that it is not one.
      { ...end, name: 'Cease / Hard Reset: Cease / Administrative Shutdown' },
      { ...end, name: 'Cease / Administrative Shutdown' },
    ]);
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 2918 §4: OpenBGPD asks for all routes again, and is sent them',
  async () => {
    expect(await play('route refresh')).toEqual({ routes: 1, sessions: ['openbgpd up'] });
  },
  DEADLINE_MS,
);
