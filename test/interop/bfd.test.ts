/** BFD with BIRD's and FRR's: RFC 5880–5883. Needs root, ip, BIRD and FRR; see play.ts. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('bfd.scenarios.ts');

/** The negotiated detection time, and what a busy machine may add. */
const DETECTION_MS = 900;
const BUSY_MS = 2_000;

test.concurrent.each([
  ['bird IPv4 single-hop', 'single'],
  ['bird IPv6 single-hop', 'single'],
  ['bird IPv4 multihop', 'multi'],
  ['bird IPv6 multihop', 'multi'],
  ['frr IPv4 single-hop', 'single'],
  ['frr IPv6 single-hop', 'single'],
  ['frr IPv4 multihop', 'multi'],
  ['frr IPv6 multihop', 'multi'],
])(
  'RFC 5880 §6.8.4, RFC 5882 §4.2: a silent cut ends both ends’ sessions in time, and all comes back: %s',
  async (name, hops) => {
    const { routesGoneMs, theyKnowMs, dropped, ...rest } = await play(name);
    const peer = name.split(' ')[0];
    expect(rest).toEqual({
      hops,
      transmitIntervalMs: 300,
      // RFC 8538 §3.1: FRR would keep our routes, BIRD does not know how.
      lastError: peer === 'frr' ? 'Cease / Hard Reset: Cease / BFD Down' : 'Cease / BFD Down',
      sessions: [`${peer} up`, `${peer} down`, `${peer} up`],
    });
    // Theirs may go on for a moment after ours has ended with its BGP session.
    expect({ ...dropped, 'no session': 0 }).toEqual({ 'no session': 0 });
    expect(routesGoneMs).toBeLessThan(DETECTION_MS + BUSY_MS);
    expect(theyKnowMs).toBeLessThan(DETECTION_MS + BUSY_MS);
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 5881 §5: a packet with TTL 254 is ignored, and with 255 it is the neighbour’s',
  async () => {
    const { after254, after255 } = await play('a forged packet');
    expect(after254).toMatchObject({ state: 'Established', upCount: 1 });
    expect(after255).toBe('BFD found the path down: Neighbor Signaled Session Down');
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 5881 §3: between link-local addresses that are on another link, too',
  async () => {
    expect(await play('bird over link-local addresses')).toEqual({
      hops: 'single',
      sessions: ['bird up', 'bird down', 'bird up'],
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 5880 §6.8.3: slower and faster timers are agreed on with FRR, and reset nothing',
  async () => {
    expect(await play('other timers')).toEqual({
      seen: [
        { state: 'Up', transmitIntervalMs: 1_000, detectionTimeMs: 3_000 },
        { state: 'Up', transmitIntervalMs: 300, detectionTimeMs: 900 }, // FRR takes no more
      ],
      sessions: ['frr up'],
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 5882 §3.2: FRR’s `shutdown` of its BFD session leaves the BGP session as it is',
  async () => {
    expect(await play('FRR is taken down on purpose')).toEqual({
      down: 'Down',
      sessions: ['frr up'],
      frrSays: true,
    });
  },
  DEADLINE_MS,
);

test.concurrent.each(['bird is killed', 'frr is killed'])(
  'RFC 5882 §4.3.2: a restart that TCP tells of keeps their routes here: %s',
  async (name) => {
    expect(await play(name)).toEqual({ stale: [4, 6], lastError: 'transport', learned: 2 });
  },
  DEADLINE_MS,
);

test.concurrent.each(['bird and our restart', 'frr and our restart'])(
  'RFC 5882 §4.3.2: and ours there, though BFD goes down with us: %s',
  async (name) => {
    expect(await play(name)).toEqual({ isEstablished: false, holdsOurs: true });
  },
  DEADLINE_MS,
);

test(
  'the session lives while 250,000 routes arrive: at 300 ms × 3, and at 100 ms × 3',
  async () => {
    const { seconds, ...rest } = await play('load');
    console.log(`250,000 routes in ${seconds.toFixed(1)} s beside BFD`);
    expect(rest).toEqual({
      at300: { kept: true, detectionTimeMs: 900 },
      sessionsAt300: ['bird up'],
      at100: { kept: true, transmitIntervalMs: 100 },
      sessions: ['bird up'],
    });
  },
  DEADLINE_MS,
);
