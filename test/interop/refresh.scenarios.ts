/** Marked route refresh (RFC 7313) and extended messages (RFC 8654) with BIRD and FRR: for refresh.test.ts to judge. */

import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { Frr, frrConfig } from './daemons/frr.ts';
import { until } from './daemons/host.ts';
import { OUR_AS, play, THEIR_AS } from './stage.ts';

const OURS = '203.0.113.0/24';
const THEIRS = '198.51.100.0/24';
/** In all 8,000 octets. */
const COMMUNITIES = 2_000;

await play({
  /** BIRD asks for all of ours; then it tells all of its own again, of its own accord. */
  async 'bird refresh'(stage) {
    const bird = new Bird(stage.host('bird'));
    const config = (prefixes: readonly string[]) =>
      birdConfig(bird.host, {
        as: THEIR_AS,
        neighborAs: OUR_AS,
        more: statics(
          's4',
          4,
          prefixes.map((prefix) => ({ prefix })),
        ),
      });
    await bird.start(config([THEIRS, '192.0.2.0/24']));
    stage.configure([stage.peer(bird.host, THEIR_AS)], { originations: [{ prefix: OURS }] });
    const { host } = bird;
    const counts = () => {
      const { received, sent } = stage.status(host);
      return { received: received.routeRefresh, sent: sent.routeRefresh };
    };
    await until('the routes', () => stage.learned.size === 2);
    await until('ours', async () => (await bird.count('protocol', 'tortie')) === 1);
    await bird.ask('reload in tortie');
    await until('the answers, two marks in each family', () => counts().sent === 4);
    const asked = { ...counts(), atBird: await bird.count('protocol', 'tortie') };
    await bird.ask('reload out tortie');
    await until('its marks', () => counts().received === asked.received + 4);
    return { asked, told: { ...counts(), learned: stage.learned.size }, sessions: stage.sessions };
  },

  /** FRR asks for all of ours. */
  async 'frr refresh'(stage) {
    const frr = new Frr(stage.host('frr'));
    const { host } = frr;
    const session = { as: THEIR_AS, neighborAs: OUR_AS };
    // With what came kept aside it would have nothing to ask for.
    await frr.start(frrConfig(host, session).replaceAll(/.*soft-reconfiguration.*\n/g, ''));
    stage.configure([stage.peer(host, THEIR_AS)], { originations: [{ prefix: OURS }] });
    await until('ours', async () => OURS in (await frr.routes(4)));
    await frr.ask(`clear bgp ipv4 unicast ${host.ours4} soft in`);
    await until('the answer, two marks', () => stage.status(host).sent.routeRefresh === 2);
    await until('ours, still', async () => OURS in (await frr.routes(4)));
    const { received, sent } = stage.status(host);
    const asked = { received: received.routeRefresh, sent: sent.routeRefresh };
    return { asked, sessions: stage.sessions };
  },

  /** A route whose attributes fill more than 4,096 octets, both ways. */
  async 'bird extended'(stage) {
    const bird = new Bird(stage.host('bird'));
    const { host } = bird;
    const numbers = Array.from({ length: COMMUNITIES }, (_, index) => index + 1);
    const attributes = numbers.map((number) => `bgp_community.add((65000, ${number}));`).join(' ');
    const more = statics('s4', 4, [{ prefix: THEIRS, attributes }]);
    const session = {
      as: THEIR_AS,
      neighborAs: OUR_AS,
      options: 'enable extended messages on;',
      more,
    };
    await bird.start(birdConfig(host, session));
    const communities = numbers.map((number) => 65_000 * 65_536 + number);
    stage.configure([stage.peer(host, THEIR_AS)], {
      originations: [{ prefix: OURS, communities }, { prefix: '10.1.0.0/26' }],
    });
    await until('its route', () => stage.learned.has(THEIRS));
    await until('ours', async () => (await bird.count('protocol', 'tortie')) === 2);
    const [route] = [...stage.speaker.routes(THEIRS)];
    return {
      extendedMessage: stage.status(host).negotiated?.extendedMessage,
      here: route?.paths[0]?.attributes.communities?.length,
      // It shows only the first of so many; its own route has as many.
      there: await bird.count('where', `bgp_community.len = ${COMMUNITIES}`),
      sessions: stage.sessions,
    };
  },

  /** FRR announces extended messages of itself. */
  async 'frr extended'(stage) {
    const frr = new Frr(stage.host('frr'));
    const { host } = frr;
    await frr.start(frrConfig(host, { as: THEIR_AS, neighborAs: OUR_AS }));
    const communities = Array.from({ length: COMMUNITIES }, (_, index) => index + 1);
    stage.configure([stage.peer(host, THEIR_AS)], {
      originations: [{ prefix: OURS, communities }],
    });
    await until('ours', async () => OURS in (await frr.routes(4)));
    const { paths } = await frr.json(`show bgp ipv4 unicast ${OURS}`);
    return {
      extendedMessage: stage.status(host).negotiated?.extendedMessage,
      there: paths[0].community.list.length,
      sessions: stage.sessions,
    };
  },

  /** BIRD without extended messages: the route that does not fit is not announced, the other one is. */
  async 'bird not extended'(stage) {
    const bird = new Bird(stage.host('bird'));
    const { host } = bird;
    await bird.start(birdConfig(host, { as: THEIR_AS, neighborAs: OUR_AS }));
    const communities = Array.from({ length: COMMUNITIES }, (_, index) => index + 1);
    stage.configure([stage.peer(host, THEIR_AS)], {
      originations: [{ prefix: OURS, communities }, { prefix: '10.1.0.0/26' }],
    });
    await until('the other', async () => (await bird.count('protocol', 'tortie')) === 1);
    const [route] = [...stage.speaker.routes(OURS)];
    return {
      extendedMessage: stage.status(host).negotiated?.extendedMessage,
      notSentTo: route?.notSentTo,
      sessions: stage.sessions,
    };
  },
});
