/** The speaker and the BFD of BIRD and FRR, for bfd.test.ts to judge. */

import { encodePacket } from '../../bgp/bfd/packet.ts';
import type { BfdSettings } from '../../bgp/speaker.ts';
import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { Frr, frrConfig } from './daemons/frr.ts';
import { command, type Host, until } from './daemons/host.ts';
import type { Session } from './daemons/session.ts';
import { OUR_AS, play, type Stage } from './stage.ts';

const THEIR_AS = 65_001;
const OUR_PREFIX = '10.1.0.0/26';
const PREFIX4 = '198.51.100.0/24';
const PREFIX6 = '2001:db8:b::/48';
const FAST: BfdSettings = { intervalMs: 300, detectMult: 3 };

/** Loopback addresses, which no subnet of the cable holds: ours, theirs. */
const FAR = { 4: ['10.98.0.1', '10.99.0.1'], 6: ['fd98::1', 'fd99::1'] } as const;

interface Setup {
  readonly over6: boolean;
  readonly multihop: boolean;
  /** Both sides keep routes of the other while it restarts. */
  readonly graceful?: boolean;
  /** Who waits for the other's TCP connection. */
  readonly passive: 'we' | 'they';
}

/** A daemon with a BGP session with us, and BFD beside it. */
interface Neighbor {
  readonly host: Host;
  /** Its BFD session's state in its own words; empty: none. */
  bfdState(): Promise<string>;
  isEstablished(): Promise<boolean>;
  /** Whether it has OUR_PREFIX. */
  holdsOurs(): Promise<boolean>;
}

/** Addresses on the loopback interfaces, with routes over the cable. */
async function addFarAddresses(host: Host): Promise<void> {
  for (const family of [4, 6] as const) {
    const [ours, theirs] = FAR[family];
    const bits = family === 4 ? 32 : 128;
    const [near, there] = family === 4 ? [host.ours4, host.address4] : [host.ours6, host.address6];
    const flags = family === 4 ? [] : ['nodad'];
    command('ip', 'address', 'add', `${ours}/${bits}`, 'dev', 'lo', ...flags);
    command('ip', 'route', 'add', `${theirs}/${bits}`, 'via', there);
    await host.run('ip', 'address', 'add', `${theirs}/${bits}`, 'dev', 'lo', ...flags);
    await host.run('ip', 'route', 'add', `${ours}/${bits}`, 'via', near);
  }
}

/** The part of a daemon's configuration that both have in common. */
function session({ over6, multihop, passive }: Setup) {
  const [ours, theirs] = FAR[over6 ? 6 : 4];
  return {
    as: THEIR_AS,
    neighborAs: OUR_AS,
    over6,
    passive: passive === 'they',
    ...(multihop && { between: [theirs, ours] as const }),
  };
}

async function startBird(
  stage: Stage,
  setup: Setup,
  { more = '', between }: Pick<Session, 'more' | 'between'> = {},
): Promise<Neighbor & Bird> {
  const host = stage.host('bird');
  await host.up();
  if (setup.multihop) await addFarAddresses(host);
  const bird = new Bird(host);
  // The slower side counts: it is up to us how slow the sessions are.
  const timers = '{ interval 100 ms; multiplier 3; }';
  await bird.start(
    birdConfig(host, {
      ...session(setup),
      ...(between && { between }),
      options: [
        ...(setup.multihop ? ['multihop 2;'] : []),
        // With plain `bfd on` BIRD forgets the routes, also when it knows that we restart.
        ...(setup.graceful ? ['graceful restart on; bfd graceful;'] : ['bfd on;']),
      ].join(' '),
      more: `
protocol bfd watch { interface "*" ${timers}; multihop ${timers}; }
${statics('s4', 4, [{ prefix: PREFIX4 }])}${statics('s6', 6, [{ prefix: PREFIX6 }])}${more}`,
    }),
  );
  return Object.assign(bird, {
    async bfdState() {
      const answer = await bird.ask('show bfd sessions');
      return /^[0-9a-f.:]+\s+\S+\s+(\S+)/m.exec(answer.replace(/^watch:.*$/m, ''))?.[1] ?? '';
    },
    isEstablished: async () => (await bird.ask('show protocols tortie')).includes('Established'),
    holdsOurs: async () => (await bird.count('protocol', 'tortie', 'table', 'all')) === 1,
  });
}

async function startFrr(stage: Stage, setup: Setup): Promise<Neighbor & Frr> {
  const host = stage.host('frr');
  await host.up();
  if (setup.multihop) await addFarAddresses(host);
  const frr = new Frr(host);
  const { between, ...common } = session(setup);
  const ours = between?.[1] ?? (setup.over6 ? host.ours6 : host.ours4);
  const far = [
    `neighbor ${ours} ebgp-multihop 2`,
    `neighbor ${ours} update-source ${between?.[0]}`,
  ];
  const lines = [...(between ? far : []), `neighbor ${ours} bfd`];
  await frr.start(
    frrConfig(host, {
      ...common,
      ...(between && { between }),
      options: lines.join('\n'),
      more: `router bgp ${THEIR_AS}
${setup.graceful ? ' bgp graceful-restart\n bgp graceful-restart preserve-fw-state' : ''}
 address-family ipv4 unicast
  network ${PREFIX4}
 exit-address-family
 address-family ipv6 unicast
  network ${PREFIX6}
 exit-address-family
exit`,
    }),
    ['zebra', 'bfdd'],
  );
  return Object.assign(frr, {
    bfdState: async () => (await frr.json('show bfd peers'))[0]?.status ?? '',
    isEstablished: async () => (await frr.neighbor(ours)).bgpState === 'Established',
    holdsOurs: async () => OUR_PREFIX in (await frr.routes(4)),
  });
}

function configure(stage: Stage, { host }: Neighbor, setup: Setup, bfd: BfdSettings = FAST): void {
  const { over6, multihop, passive } = setup;
  const [ours, theirs] = FAR[over6 ? 6 : 4];
  const far = multihop ? { address: theirs, sourceAddress: ours } : {};
  stage.configure([stage.peer(host, THEIR_AS, { over6, passive: passive === 'we', bfd, ...far })], {
    originations: [{ prefix: OUR_PREFIX }],
  });
}

/** Session, routes and BFD, at both ends. */
async function allUp(stage: Stage, neighbor: Neighbor): Promise<void> {
  const { host } = neighbor;
  await until('the session and its routes', () => stage.isUp(host) && stage.learned.size >= 2);
  await until('BFD there', async () => (await neighbor.bfdState()).toLowerCase() === 'up');
  await until('BFD here', () => stage.status(host).bfd?.detectionTimeMs === 900);
}

/**
 * Cut: frames go to a hardware address that nobody has, as if lost on the way. No interface goes
 * down, and no socket hears of it.
 */
async function setCable(host: Host, state: 'cut' | 'mended'): Promise<void> {
  const verb = state === 'cut' ? 'replace' : 'delete';
  const nowhere = state === 'cut' ? ['lladdr', '02:00:00:00:00:99', 'nud', 'permanent'] : [];
  const line = (to: string, device: string) => ['neighbour', verb, to, 'dev', device, ...nowhere];
  for (const to of [host.address4, host.address6]) {
    command('ip', ...line(to, host.interface));
  }
  for (const to of [host.ours4, host.ours6]) await host.run('ip', ...line(to, 'uplink'));
}

/** Milliseconds until it holds. */
async function timeUntil(what: string, holds: () => boolean | Promise<boolean>): Promise<number> {
  const start = performance.now();
  await until(what, holds);
  return Math.round(performance.now() - start);
}

/** Up, a cut that nobody is told of, and up again. */
async function cutAndMend(stage: Stage, neighbor: Neighbor, setup: Setup): Promise<unknown> {
  const { host } = neighbor;
  configure(stage, neighbor, setup);
  await allUp(stage, neighbor);
  const { bfd } = stage.status(host);
  await setCable(host, 'cut');
  const theirs = timeUntil('them to know', async () => !(await neighbor.isEstablished()));
  const routesGoneMs = await timeUntil('the routes to be gone', () => stage.learned.size === 0);
  // Now: soon we dial again, in vain.
  const { lastError } = stage.status(host);
  const theyKnowMs = await theirs;
  await setCable(host, 'mended');
  await allUp(stage, neighbor);
  return {
    hops: bfd?.hops,
    transmitIntervalMs: bfd?.transmitIntervalMs,
    routesGoneMs,
    theyKnowMs,
    lastError: lastError?.name,
    sessions: stage.sessions,
    dropped: stage.speaker.inspect().bfdDropped,
  };
}

const NEAR: Setup = { over6: false, multihop: false, passive: 'we' };

const STARTS = { bird: startBird, frr: startFrr };

/** `bird over IPv4, single hop, we wait` and its like. */
function cutScenarios(): Record<string, (stage: Stage) => Promise<unknown>> {
  const scenarios: Record<string, (stage: Stage) => Promise<unknown>> = {};
  for (const [name, start] of Object.entries(STARTS)) {
    for (const over6 of [false, true]) {
      for (const multihop of [false, true]) {
        const setup: Setup = { over6, multihop, passive: over6 === multihop ? 'we' : 'they' };
        scenarios[`${name} IPv${over6 ? 6 : 4} ${multihop ? 'multihop' : 'single-hop'}`] = async (
          stage,
        ) => cutAndMend(stage, await start(stage, setup), setup);
      }
    }
  }
  return scenarios;
}

/** RFC 5882 §4.3.2: TCP tells of the end first; that BFD ends too means nothing then. */
function restartScenarios(): Record<string, (stage: Stage) => Promise<unknown>> {
  const scenarios: Record<string, (stage: Stage) => Promise<unknown>> = {};
  for (const [name, start] of Object.entries(STARTS)) {
    const setup: Setup = { ...NEAR, graceful: true };
    scenarios[`${name} is killed`] = async (stage) => {
      const neighbor = await start(stage, setup);
      configure(stage, neighbor, setup);
      await allUp(stage, neighbor);
      await neighbor.host.killPrograms();
      await until('TCP to tell', () => !stage.isUp(neighbor.host));
      const { bfd, stale, lastError } = stage.status(neighbor.host);
      return {
        bfd,
        stale: stale?.families,
        lastError: lastError?.source,
        learned: stage.learned.size,
      };
    };
    scenarios[`${name} and our restart`] = async (stage) => {
      const neighbor = await start(stage, setup);
      configure(stage, neighbor, setup);
      await allUp(stage, neighbor);
      await until('our route there', () => neighbor.holdsOurs());
      await stage.speaker.close({ forGood: false });
      const isDown = async () => (await neighbor.bfdState()).toLowerCase() !== 'up';
      await until('BFD to be down there', isDown);
      return {
        isEstablished: await neighbor.isEstablished(),
        holdsOurs: await neighbor.holdsOurs(),
      };
    };
  }
  return scenarios;
}

/** A packet from the neighbour's address that the neighbour did not send. */
async function forge(stage: Stage, { host }: Neighbor, ttl: number): Promise<void> {
  const { localDiscriminator, remote } = stage.status(host).bfd!;
  const packet = encodePacket({
    diag: 0,
    state: 'Down',
    poll: false,
    final: false,
    demand: false,
    detectMult: 3,
    myDiscriminator: remote!.discriminator,
    yourDiscriminator: localDiscriminator,
    desiredMinTxUs: 1_000_000,
    requiredMinRxUs: 1_000_000,
    requiredMinEchoRxUs: 0,
  });
  const script = `
    const socket = require('node:dgram').createSocket('udp4');
    socket.bind(50000, '${host.address4}', () => {
      socket.setTTL(${ttl});
      const bytes = Buffer.from('${Buffer.from(packet).toString('hex')}', 'hex');
      socket.send(bytes, 3784, '${host.ours4}', () => socket.close());
    });`;
  await host.run(process.execPath, '-e', script);
}

const ROUTES = 250_000;

function bigTable(): string {
  const attributes = (index: number) =>
    `bgp_path.prepend(${65_100 + (index % 400)}); bgp_med = ${index % 97};`;
  const routes = Array.from({ length: ROUTES }, (_, index) => ({
    prefix: `${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.0/24`,
    attributes: attributes(Math.floor(index / 5)),
  }));
  return statics('big', 4, routes);
}

await play({
  ...cutScenarios(),
  ...restartScenarios(),

  /** RFC 5881 §5. The same packet from nearer shows that nothing else keeps it out. */
  async 'a forged packet'(stage) {
    const bird = await startBird(stage, NEAR);
    configure(stage, bird, NEAR);
    await allUp(stage, bird);
    await forge(stage, bird, 254);
    const isDropped = () => stage.speaker.inspect().bfdDropped.TTL === 1;
    await until('the packet with TTL 254', isDropped);
    const after254 = stage.summary(bird.host);
    await forge(stage, bird, 255);
    await until('the packet with TTL 255', () => !stage.isUp(bird.host));
    return { after254, after255: stage.status(bird.host).lastError?.text };
  },

  /** Every link has the same addresses: the packets are known by their interface (RFC 5881 §3). */
  async 'bird over link-local addresses'(stage) {
    const setup: Setup = { over6: true, multihop: false, passive: 'they' };
    const bird = await startBird(stage, setup, { between: ['fe80::b', "fe80::a%'uplink'"] });
    const { host } = bird;
    await host.run('ip', 'address', 'add', 'fe80::b/64', 'dev', 'uplink', 'nodad');
    const other = stage.host('other');
    await other.up();
    for (const device of [host.interface, other.interface]) {
      command('ip', 'address', 'add', 'fe80::a/64', 'dev', device, 'nodad');
    }
    const peer = { bfd: FAST, address: `fe80::b%${host.interface}`, localAddress6: 'fe80::a' };
    stage.configure([stage.peer(host, THEIR_AS, peer)]);
    await allUp(stage, bird);
    const { hops } = stage.status(host).bfd!;
    host.signal('SIGSTOP');
    const lastError = () => stage.status(host).lastError?.name;
    await until('silence to be noticed', () => lastError() === 'Cease / BFD Down');
    host.signal('SIGCONT');
    await allUp(stage, bird);
    return { hops, sessions: stage.sessions };
  },

  /** RFC 5880 §6.8.3, in both directions, against a peer that stays as it is. */
  async 'other timers'(stage) {
    const frr = await startFrr(stage, NEAR);
    configure(stage, frr, NEAR);
    await allUp(stage, frr);
    const seen: unknown[] = [];
    for (const bfd of [
      { intervalMs: 1_000, detectMult: 3 },
      { intervalMs: 100, detectMult: 5 },
    ]) {
      configure(stage, frr, NEAR, bfd);
      const theirs = async () => (await frr.json('show bfd peers'))[0];
      const isAgreed = async () => {
        const peer = await theirs();
        return (
          peer['remote-transmit-interval'] === bfd.intervalMs &&
          peer['remote-detect-multiplier'] === bfd.detectMult &&
          stage.status(frr.host).bfd?.transmitIntervalMs === Math.max(bfd.intervalMs, 300)
        );
      };
      await until('the timers there', isAgreed);
      const { state, transmitIntervalMs, detectionTimeMs } = stage.status(frr.host).bfd!;
      seen.push({ state, transmitIntervalMs, detectionTimeMs });
    }
    return { seen, sessions: stage.sessions };
  },

  /** RFC 5882 §3.2 */
  async 'FRR is taken down on purpose'(stage) {
    const frr = await startFrr(stage, NEAR);
    configure(stage, frr, NEAR);
    await allUp(stage, frr);
    const peer = `peer ${frr.host.ours4} interface uplink`;
    const isKnown = (await frr.ask('show bfd peers')).includes('interface: uplink');
    const name = isKnown ? peer : `peer ${frr.host.ours4}`;
    await frr.configure('bfd', name, 'shutdown');
    await until('AdminDown', () => stage.status(frr.host).bfd?.remote?.state === 'AdminDown');
    const down = stage.status(frr.host).bfd!.state;
    await frr.configure('bfd', name, 'no shutdown');
    await allUp(stage, frr);
    return { down, sessions: stage.sessions, frrSays: await frr.isEstablished() };
  },

  /** The session lives while the table comes, at 300 ms and then at 100 ms. */
  async load(stage) {
    const bird = await startBird(stage, NEAR, { more: bigTable() });
    configure(stage, bird, NEAR);
    const start = performance.now();
    await until('the table', () => stage.learned.size === ROUTES + 2, 90_000);
    const seconds = (performance.now() - start) / 1000;
    await until('BFD', () => stage.status(bird.host).bfd?.state === 'Up');
    const { sinceMs } = stage.status(bird.host).bfd!;

    const again = async (intervalMs: number) => {
      configure(stage, bird, NEAR, { intervalMs, detectMult: 3 });
      const before = stage.status(bird.host).received.update;
      await bird.ask('reload out', 'tortie');
      const isHere = () => stage.status(bird.host).received.update - before >= ROUTES / 5;
      await until('the table once more', isHere, 60_000);
      return stage.status(bird.host).bfd;
    };
    const at300 = await again(300);
    const sessionsAt300 = [...stage.sessions];
    const at100 = await again(100);
    return {
      seconds,
      at300: { kept: at300?.sinceMs === sinceMs, detectionTimeMs: at300?.detectionTimeMs },
      sessionsAt300,
      at100: { kept: at100?.sinceMs === sinceMs, transmitIntervalMs: at100?.transmitIntervalMs },
      sessions: stage.sessions,
    };
  },
});
