/**
 * What a speaker and BIRD do together. `node bird-scenarios.ts NAME` plays one scenario and prints what
 * was seen as one line of JSON, for bird.test.ts to judge. It is to run in a private network namespace.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatPrefix } from 'net-ipaddr';
import { tcpTransport } from '../../bgp/session/tcp.ts';
import type { Stream, Transport } from '../../bgp/session/transport.ts';
import {
  type PeerConfig,
  type PeerStatus,
  type RouteStatus,
  Speaker,
  type SpeakerConfig,
} from '../../bgp/speaker.ts';
import type { Clock, Log } from '../../ports.ts';
import { Bird, type BirdRoute, command, until } from './bird.ts';
import { birdConfig, statics } from './bird-config.ts';

const OUR_AS = 64512;
const THEIR_AS = 4_200_000_001; // needs RFC 6793

const scratch = mkdtempSync(join(tmpdir(), 'tortie-bird-'));
const birds: Bird[] = [];

const clock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
const lines: string[] = [];
const note = (_: object, message: string) => void lines.push(message);
const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log };

const name = process.argv[2]!;
const kernel = tcpTransport(clock);
const transport = name.startsWith('collision') ? holdBack(kernel) : kernel;
const speaker = new Speaker({ clock, random: Math.random, log, transport });
/** What onRoutes told: prefix → whether there is a route from a peer. */
const learned = new Set<string>();
const sessions: string[] = [];
speaker.onRoutes((ids, count, routes) => {
  for (const id of ids.subarray(0, count)) {
    const prefix = formatPrefix(routes.prefix(id));
    if (routes.hasRoute(id) && !routes.isLocal(id)) learned.add(prefix);
    else learned.delete(prefix);
  }
});
speaker.onSessionChange(({ name, state }) => {
  sessions.push(`${name} ${state === 'Established' ? 'up' : 'down'}`);
});

/**
 * Our connection is there only when the peer's has come too. Left to themselves the two rarely meet:
 * who is first is done within a millisecond.
 */
function holdBack(tcp: Transport): Transport {
  const held: (() => void)[] = [];
  let isMet = false;
  const later = (fn: () => void) => void (isMet ? fn() : held.push(fn));
  return {
    connect(to, sourceAddress, guards) {
      const stream = tcp.connect(to, sourceAddress, guards);
      const attach = stream.attach.bind(stream);
      stream.attach = (events) =>
        attach({
          ...events,
          connected: () => later(() => events.connected()),
          data: (chunk) => later(() => events.data(chunk)),
        });
      return stream;
    },
    listen(at, events) {
      const incoming = (stream: Stream) => {
        events.incoming(stream);
        isMet = true;
        for (const go of held.splice(0)) go();
      };
      return tcp.listen(at, { ...events, incoming });
    },
  };
}

function bird(name: string): Bird {
  const made = new Bird(scratch, name, birds.length + 1);
  birds.push(made);
  return made;
}

function configure(peers: PeerConfig[], more: Partial<SpeakerConfig> = {}): void {
  speaker.configure({
    localAs: OUR_AS,
    routerId: '10.9.1.1',
    listen: [
      { address: '0.0.0.0', port: 179 },
      { address: '::', port: 179 },
    ],
    connectRetrySec: 1,
    peers,
    originations: [],
    ...more,
  });
}

/** BIRD as our peer; `over6` says over which family the session goes. */
function peer(to: Bird, remoteAs: number, more: Partial<PeerConfig> & { over6?: boolean } = {}) {
  const { over6, ...config } = more;
  return {
    name: to.name,
    address: over6 ? to.address6 : to.address4,
    remoteAs,
    localAddress4: to.ours4,
    localAddress6: to.ours6,
    importPolicy: 'all',
    exportPolicy: 'all',
    ...config,
  } satisfies PeerConfig;
}

function status(to: Bird): PeerStatus {
  return speaker.inspect().peers.find(({ name }) => name === to.name)!;
}

function isUp(to: Bird): boolean {
  return status(to).state === 'Established';
}

/** How a peer's session stands, in the parts that tests look at. */
function summary(to: Bird) {
  const { state, upCount, negotiated, lastNotification, routes } = status(to);
  return {
    state,
    upCount,
    families: negotiated?.families,
    remoteAddress: negotiated?.remoteAddress,
    fourOctetAs: negotiated?.fourOctetAs,
    received: routes.received,
    notification: lastNotification && `${lastNotification.source}: ${lastNotification.name}`,
  };
}

/** prefix → AS path as BIRD writes it, of the best paths that are not ours. */
function asPaths(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { prefix, paths } of speaker.routes()) {
    const best = paths.find(({ state }) => state === 'best');
    if (best?.peer !== undefined) found[formatPrefix(prefix)] = asPathText(best);
  }
  return found;
}

function asPathText({ attributes }: RouteStatus['paths'][number]): string {
  return (attributes.asPath ?? []).flatMap(({ as }) => as).join(' ');
}

function birdPaths(routes: readonly BirdRoute[]): Record<string, string> {
  return Object.fromEntries(
    routes.map(({ prefix, attributes }) => [prefix, attributes['BGP.as_path'] ?? '']),
  );
}

const someStatics =
  statics('s4', 4, [
    { prefix: '198.51.100.0/24' },
    { prefix: '203.0.113.0/24', attributes: 'bgp_path.prepend(65010); bgp_med = 7;' },
  ]) + statics('s6', 6, [{ prefix: '2001:db8:b::/48' }]);
const someOriginations = [
  { prefix: '10.1.0.0/26' },
  { prefix: '10.1.0.64/26', med: 50, communities: [0xfde80001] },
  { prefix: 'fd00:1::/122' },
];

interface Exchange {
  readonly theirAs: number;
  readonly over6: boolean;
  /** Who waits; undefined: both dial. */
  readonly passive: 'we' | 'they' | undefined;
}

/** A session, and routes of both families both ways. */
async function exchange({ theirAs, over6, passive }: Exchange): Promise<unknown> {
  const b = bird('bird');
  const session = { as: theirAs, neighborAs: OUR_AS, over6, more: someStatics };
  await b.start(birdConfig(b, { ...session, passive: passive === 'they' }));
  configure([peer(b, theirAs, { over6, passive: passive === 'we' })], {
    originations: someOriginations,
  });
  const hasConverged = await speaker.whenConverged(20_000);
  const ours = async () => (await b.count('protocol', 'tortie', 'table', 'all')) === 3;
  await until('our routes at BIRD', ours);
  const ofTortie = async (family: number) =>
    (await b.routes('protocol', 'tortie', 'table', `master${family}`)).sort((x, y) =>
      x.prefix < y.prefix ? -1 : 1,
    );
  const theirs = [...speaker.routes()].filter(({ paths }) => paths[0]!.peer !== undefined);
  return {
    hasConverged,
    session: summary(b),
    learned: theirs.map(({ prefix, paths }) => ({
      prefix: formatPrefix(prefix),
      asPath: asPathText(paths[0]!),
      nextHop: paths[0]!.nextHop && [...paths[0]!.nextHop.bytes],
      med: paths[0]!.attributes.med,
    })),
    atBird: [...(await ofTortie(4)), ...(await ofTortie(6))].map(({ prefix, attributes }) => ({
      prefix,
      asPath: attributes['BGP.as_path'],
      nextHop: attributes['BGP.next_hop'],
      localPref: attributes['BGP.local_pref'],
      med: attributes['BGP.med'],
      community: attributes['BGP.community'],
    })),
  };
}

/** Two connections meet, and the identifiers decide. BIRD's is 10.9.1.2. */
async function collide(routerId: string): Promise<unknown> {
  const b = bird('bird');
  await b.start(birdConfig(b, { as: THEIR_AS, neighborAs: OUR_AS, more: someStatics }));
  // One attempt: what is held back of it must not be told after it was given up.
  configure([peer(b, THEIR_AS)], { routerId, connectRetrySec: 60 });
  await until('the routes', () => isUp(b) && learned.size === 3);
  const connection = command('ss', '-Htn', 'state', 'established');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  return {
    hasCollided: lines.includes('two connections with the peer: one is closed'),
    // Who dialled has not the BGP port.
    weDialled: !/10\.9\.1\.1:179\s/.test(connection),
    connections: connection.trim().split('\n').length,
    session: summary(b),
    sessions,
  };
}

const TABLE = 100_000;

/** A hundred thousand routes with 5,000 attribute sets, some /24, some IPv6. */
function bigTable(): string {
  const attributes = (index: number) => {
    const set = index % 5_000;
    const hops = Array.from({ length: 1 + (set % 5) }, (_, at) => 65_000 + ((set * 7 + at) % 500));
    return [
      ...hops.map((as) => `bgp_path.prepend(${as});`),
      `bgp_med = ${set % 10};`,
      `bgp_community.add((65000, ${set % 1000}));`,
    ].join(' ');
  };
  const routes = Array.from({ length: TABLE }, (_, index) => index);
  const four = routes.filter((index) => index % 10 !== 0);
  const six = routes.filter((index) => index % 10 === 0);
  return (
    statics(
      's4',
      4,
      four.map((index) => ({
        prefix: `${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.0/24`,
        attributes: attributes(index),
      })),
    ) +
    statics(
      's6',
      6,
      six.map((index) => ({
        prefix: `2001:db8:${(1 + index / 10).toString(16)}::/48`,
        attributes: attributes(index),
      })),
    )
  );
}

function differences(a: Record<string, string>, b: Record<string, string>): string[] {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].filter((key) => a[key] !== b[key]).map((key) => `${key}: ${a[key]} ≠ ${b[key]}`);
}

const scenarios: Record<string, () => Promise<unknown>> = {
  'ebgp-v4-they-wait': () => exchange({ theirAs: THEIR_AS, over6: false, passive: 'they' }),
  'ebgp-v6-we-wait': () => exchange({ theirAs: THEIR_AS, over6: true, passive: 'we' }),
  'ibgp-v4-we-wait': () => exchange({ theirAs: OUR_AS, over6: false, passive: 'we' }),
  'ibgp-v6-they-wait': () => exchange({ theirAs: OUR_AS, over6: true, passive: 'they' }),
  'ebgp-v4-both-dial': () => exchange({ theirAs: THEIR_AS, over6: false, passive: undefined }),

  'collision-theirs-stays': () => collide('1.0.0.1'),
  'collision-ours-stays': () => collide('200.0.0.1'),

  /** The table of one BIRD, through us, at another BIRD: whole, and whole again after each change. */
  async '100k'() {
    const source = bird('source');
    const sink = bird('sink');
    const session = { as: THEIR_AS, neighborAs: OUR_AS };
    await source.start(birdConfig(source, { ...session, more: bigTable() }));
    await sink.start(birdConfig(sink, { as: 65_500, neighborAs: OUR_AS }));
    configure([peer(source, THEIR_AS), peer(sink, 65_500)], {
      originations: [{ prefix: '10.1.0.0/26' }],
    });
    const started = performance.now();
    await until('the table', () => learned.size === TABLE, 60_000);
    const seconds = (performance.now() - started) / 1000;
    const atSink = () => sink.count('protocol', 'tortie', 'table', 'all');
    await until('the table at the other BIRD', async () => (await atSink()) === TABLE + 1, 60_000);

    const sent = birdPaths([
      ...(await source.routes('table', 'master4', 'export', 'tortie')),
      ...(await source.routes('table', 'master6', 'export', 'tortie')),
    ]);
    const ours = asPaths();
    const expected = Object.fromEntries(
      Object.entries(sent).map(([prefix, path]) => [prefix, `${THEIR_AS} ${path}`.trim()]),
    );
    const relayed = birdPaths([
      ...(await sink.routes('protocol', 'tortie', 'table', 'master4')),
      ...(await sink.routes('protocol', 'tortie', 'table', 'master6')),
    ]);
    const { '10.1.0.0/26': own, ...fromSource } = relayed;
    const expectedAtSink = Object.fromEntries(
      Object.entries(expected).map(([prefix, path]) => [prefix, `${OUR_AS} ${path}`]),
    );
    const arrived = {
      received: status(source).routes.received,
      birdSent: Object.keys(sent).length,
      differences: differences(ours, expected).slice(0, 5),
      atSink: Object.keys(fromSource).length,
      differencesAtSink: differences(fromSource, expectedAtSink).slice(0, 5),
      own,
      backAtSource: await source.count('protocol', 'tortie', 'table', 'all'),
    };

    // Withdraws: all of IPv6, then back again.
    await source.ask('disable', 's6');
    await until('the withdraws', () => learned.size === 90_000);
    await until('the withdraws at the sink', async () => (await atSink()) === 90_001);
    await source.ask('enable', 's6');
    await until('the return', () => learned.size === TABLE);
    await until('the return at the sink', async () => (await atSink()) === TABLE + 1);

    // BIRD sends all again (as for a changed filter), then asks for all of ours again.
    const before = status(source).received.update;
    await source.ask('reload out', 'tortie');
    await until('the repetition', () => status(source).received.update - before >= 5_000);
    await until('it all', () => learned.size === TABLE);
    await sink.ask('reload in', 'tortie');
    await until('the refresh', () => status(sink).received.routeRefresh >= 2);
    await until('a full table after it', async () => (await atSink()) === TABLE + 1);
    const afterReload = { learned: learned.size, atSink: await atSink(), sessions: [...sessions] };

    // The source dies without a word.
    await source.kill();
    await until('the loss', () => learned.size === 0);
    await until('the loss at the sink', async () => (await atSink()) === 1);
    return { seconds, arrived, afterReload, afterLoss: [...speaker.routes()].length, sessions };
  },

  /** BIRD is told to announce other routes, and restarts. */
  async reconfigure() {
    const b = bird('bird');
    const config = (prefix: string) =>
      birdConfig(b, {
        as: THEIR_AS,
        neighborAs: OUR_AS,
        more: statics('s4', 4, [{ prefix }, { prefix: '198.51.100.0/24' }]),
      });
    await b.start(config('192.0.2.0/25'));
    configure([peer(b, THEIR_AS)]);
    await until('the routes', () => learned.size === 2);
    const first = [...learned].sort();
    const answer = await b.configure(config('192.0.2.128/25'));
    await until('the new route', () => learned.has('192.0.2.128/25') && learned.size === 2);
    const second = [...learned].sort();
    const sessionsBefore = [...sessions];
    await b.kill();
    await until('the loss', () => learned.size === 0);
    await b.start(config('192.0.2.0/25'));
    await until('the return', () => learned.size === 2);
    return { answer, first, second, sessionsBefore, third: [...learned].sort(), sessions };
  },

  /** BIRD stops to answer, without closing: the hold timer finds out. */
  async 'hold-time'() {
    const b = bird('bird');
    const session = { as: THEIR_AS, neighborAs: OUR_AS, holdTimeSec: 3, more: someStatics };
    await b.start(birdConfig(b, session));
    configure([peer(b, THEIR_AS)]);
    await until('the session', () => isUp(b) && learned.size === 3);
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    const keptUp = summary(b);
    const stopped = performance.now();
    b.signal('SIGSTOP');
    await until('the end', () => !isUp(b) && learned.size === 0);
    const seconds = (performance.now() - stopped) / 1000;
    const down = summary(b);
    b.signal('SIGCONT');
    await until('the return', () => isUp(b) && learned.size === 3);
    return { keptUp, seconds, down };
  },

  /** Each refuses the other's AS number, and each understands why. */
  async 'wrong-as'() {
    const b = bird('bird');
    await b.start(birdConfig(b, { as: THEIR_AS, neighborAs: OUR_AS, passive: true }));
    configure([peer(b, 65_001)]);
    await until('our refusal', () => status(b).lastNotification !== undefined);
    const ours = summary(b).notification;
    const birdHeard = async () =>
      (await b.ask('show protocols all tortie')).includes('Bad peer AS');
    await until('BIRD to have heard', birdHeard);
    await b.configure(birdConfig(b, { as: THEIR_AS, neighborAs: 65_002, passive: true }));
    configure([peer(b, THEIR_AS)]);
    await until('BIRD’s refusal', () =>
      Boolean(summary(b).notification?.startsWith('notification received')),
    );
    const theirs = summary(b).notification;
    await b.configure(birdConfig(b, { as: THEIR_AS, neighborAs: OUR_AS, passive: true }));
    await until('the session', () => isUp(b));
    return { ours, theirs, state: status(b).state };
  },

  /** A peer that knows only 2-octet AS numbers and no capability at all. */
  async 'old-peer'() {
    const b = bird('bird');
    await b.start(
      birdConfig(b, { as: 65_001, neighborAs: OUR_AS, options: 'capabilities off;' })
        .replace(/ipv6 \{[^}]*\};/, '')
        .concat(statics('s4', 4, [{ prefix: '198.51.100.0/24' }])),
    );
    configure([peer(b, 65_001)], { originations: [{ prefix: '10.1.0.0/26' }] });
    await until('the route', () => learned.size === 1);
    await until('ours', async () => (await b.count('protocol', 'tortie')) === 1);
    return {
      session: summary(b),
      learned: [...learned],
      hasConverged: await speaker.whenConverged(40_000),
    };
  },

  /** What we say when we leave. */
  async goodbye() {
    const b = bird('bird');
    await b.start(birdConfig(b, { as: THEIR_AS, neighborAs: OUR_AS, passive: true }));
    configure([peer(b, THEIR_AS)], { originations: someOriginations });
    await until(
      'our routes',
      async () => (await b.count('protocol', 'tortie', 'table', 'all')) === 3,
    );
    await speaker.close({ notify: true });
    await until(
      'BIRD to drop them',
      async () => (await b.count('protocol', 'tortie', 'table', 'all')) === 0,
    );
    const protocol = await b.ask('show protocols all tortie');
    return { lastError: /Last error:\s+(.*)/.exec(protocol)?.[1] };
  },
};

command('ip', 'link', 'set', 'lo', 'up');
try {
  console.log(JSON.stringify(await scenarios[name]!()));
} catch (error) {
  console.error(error);
  console.error(JSON.stringify(speaker.inspect(), null, 1));
  process.exitCode = 1;
} finally {
  for (const one of birds) await one.kill();
  await speaker.close({ notify: false });
  rmSync(scratch, { recursive: true });
}
