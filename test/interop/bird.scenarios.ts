/** What a speaker and BIRD do together, for bird.test.ts to judge. */

import { formatPrefix } from 'net-ipaddr';
import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { until } from './daemons/host.ts';
import { asPathText, OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

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
async function exchange(stage: Stage, { theirAs, over6, passive }: Exchange): Promise<unknown> {
  const bird = new Bird(stage.host('bird'));
  const { host } = bird;
  const session = { as: theirAs, neighborAs: OUR_AS, over6, more: someStatics };
  await bird.start(birdConfig(host, { ...session, passive: passive === 'they' }));
  stage.configure([stage.peer(host, theirAs, { over6, passive: passive === 'we' })], {
    originations: someOriginations,
  });
  const hasConverged = await stage.speaker.whenConverged(20_000);
  const ours = async () => (await bird.count('protocol', 'tortie', 'table', 'all')) === 3;
  await until('our routes at BIRD', ours);
  const ofTortie = async (family: number) =>
    (await bird.routes('protocol', 'tortie', 'table', `master${family}`)).sort((x, y) =>
      x.prefix < y.prefix ? -1 : 1,
    );
  const theirs = [...stage.speaker.routes()].filter(({ paths }) => paths[0]!.peer !== undefined);
  return {
    hasConverged,
    session: stage.summary(host),
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

await play({
  'ebgp-v4-they-wait': (stage) =>
    exchange(stage, { theirAs: THEIR_AS, over6: false, passive: 'they' }),
  'ebgp-v6-we-wait': (stage) => exchange(stage, { theirAs: THEIR_AS, over6: true, passive: 'we' }),
  'ibgp-v4-we-wait': (stage) => exchange(stage, { theirAs: OUR_AS, over6: false, passive: 'we' }),
  'ibgp-v6-they-wait': (stage) =>
    exchange(stage, { theirAs: OUR_AS, over6: true, passive: 'they' }),
  'ebgp-v4-both-dial': (stage) =>
    exchange(stage, { theirAs: THEIR_AS, over6: false, passive: undefined }),

  /** BIRD is told to announce other routes, and restarts. */
  async reconfigure(stage) {
    const bird = new Bird(stage.host('bird'));
    const { host } = bird;
    const config = (prefix: string) =>
      birdConfig(host, {
        as: THEIR_AS,
        neighborAs: OUR_AS,
        more: statics('s4', 4, [{ prefix }, { prefix: '198.51.100.0/24' }]),
      });
    await bird.start(config('192.0.2.0/25'));
    stage.configure([stage.peer(host, THEIR_AS)]);
    await until('the routes', () => stage.learned.size === 2);
    const first = [...stage.learned].sort();
    const answer = await bird.configure(config('192.0.2.128/25'));
    await until(
      'the new route',
      () => stage.learned.has('192.0.2.128/25') && stage.learned.size === 2,
    );
    const second = [...stage.learned].sort();
    const sessionsBefore = [...stage.sessions];
    await host.kill();
    await until('the loss', () => stage.learned.size === 0);
    await bird.start(config('192.0.2.0/25'));
    await until('the return', () => stage.learned.size === 2);
    return {
      answer,
      first,
      second,
      sessionsBefore,
      third: [...stage.learned].sort(),
      sessions: stage.sessions,
    };
  },

  /** BIRD stops to answer, without closing: the hold timer finds out. */
  async 'hold-time'(stage) {
    const bird = new Bird(stage.host('bird'));
    const { host } = bird;
    const session = { as: THEIR_AS, neighborAs: OUR_AS, holdTimeSec: 3, more: someStatics };
    await bird.start(birdConfig(host, session));
    stage.configure([stage.peer(host, THEIR_AS)]);
    await until('the session', () => stage.isUp(host) && stage.learned.size === 3);
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    const keptUp = stage.summary(host);
    const stopped = performance.now();
    host.signal('SIGSTOP');
    await until('the end', () => !stage.isUp(host) && stage.learned.size === 0);
    const seconds = (performance.now() - stopped) / 1000;
    const down = stage.summary(host);
    host.signal('SIGCONT');
    await until('the return', () => stage.isUp(host) && stage.learned.size === 3);
    return { keptUp, seconds, down };
  },

  /** Each refuses the other's AS number, and each understands why. */
  async 'wrong-as'(stage) {
    const bird = new Bird(stage.host('bird'));
    const { host } = bird;
    await bird.start(birdConfig(host, { as: THEIR_AS, neighborAs: OUR_AS, passive: true }));
    stage.configure([stage.peer(host, 65_001)]);
    await until('our refusal', () => stage.status(host).lastNotification !== undefined);
    const ours = stage.summary(host).notification;
    const birdHeard = async () =>
      (await bird.ask('show protocols all tortie')).includes('Bad peer AS');
    await until('BIRD to have heard', birdHeard);
    await bird.configure(birdConfig(host, { as: THEIR_AS, neighborAs: 65_002, passive: true }));
    stage.configure([stage.peer(host, THEIR_AS)]);
    await until('BIRD’s refusal', () =>
      Boolean(stage.summary(host).notification?.startsWith('notification received')),
    );
    const theirs = stage.summary(host).notification;
    await bird.configure(birdConfig(host, { as: THEIR_AS, neighborAs: OUR_AS, passive: true }));
    await until('the session', () => stage.isUp(host));
    return { ours, theirs, state: stage.status(host).state };
  },

  /** A peer that knows only 2-octet AS numbers and no capability at all. */
  async 'old-peer'(stage) {
    const bird = new Bird(stage.host('bird'));
    const { host } = bird;
    await bird.start(
      birdConfig(host, { as: 65_001, neighborAs: OUR_AS, options: 'capabilities off;' })
        .replace(/ipv6 \{[^}]*\};/, '')
        .concat(statics('s4', 4, [{ prefix: '198.51.100.0/24' }])),
    );
    stage.configure([stage.peer(host, 65_001)], { originations: [{ prefix: '10.1.0.0/26' }] });
    await until('the route', () => stage.learned.size === 1);
    await until('ours', async () => (await bird.count('protocol', 'tortie')) === 1);
    return {
      session: stage.summary(host),
      learned: [...stage.learned],
      hasConverged: await stage.speaker.whenConverged(40_000),
    };
  },

  /** What we say when we leave. */
  async goodbye(stage) {
    const bird = new Bird(stage.host('bird'));
    const { host } = bird;
    await bird.start(birdConfig(host, { as: THEIR_AS, neighborAs: OUR_AS, passive: true }));
    stage.configure([stage.peer(host, THEIR_AS)], { originations: someOriginations });
    await until(
      'our routes',
      async () => (await bird.count('protocol', 'tortie', 'table', 'all')) === 3,
    );
    await stage.speaker.close({ forGood: true });
    await until(
      'BIRD to drop them',
      async () => (await bird.count('protocol', 'tortie', 'table', 'all')) === 0,
    );
    const protocol = await bird.ask('show protocols all tortie');
    return { lastError: /Last error:\s+(.*)/.exec(protocol)?.[1] };
  },
});
