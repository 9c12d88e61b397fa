/** Routes whose attributes fill more than 4,096 octets (RFC 8654): for extended-messages.test.ts to judge. */

import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { Exabgp, exabgpConfig } from './daemons/exabgp.ts';
import { Frr, frrConfig } from './daemons/frr.ts';
import { type Host, until } from './daemons/host.ts';
import { startWith, type Words } from './neighbors/all.ts';
import { eachUntil } from './neighbors/neighbor.ts';
import { OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

const SESSION = { as: THEIR_AS, neighborAs: OUR_AS };
const LONG = '203.0.113.0/24';
const SHORT = '10.1.0.0/26';
/** In all 8,000 octets. */
const NUMBERS = Array.from({ length: 2_000 }, (_, index) => index + 1);
const ORIGINATIONS = [
  { prefix: LONG, communities: NUMBERS.map((number) => 65_000 * 65_536 + number) },
  { prefix: SHORT },
];
/** What FRR takes in one line of configuration. */
const IN_A_LINE = 250;

/** A daemon that has extended messages, and announces a long route. */
interface Extended {
  readonly host: Host;
  /** How many communities LONG has there; 0: it is not there. */
  communities(): Promise<number>;
}

function theirs({ address4 }: Host): string {
  return `198.51.${address4.split('.')[2]}.0/24`;
}

const daemons: Record<string, (host: Host) => Promise<Extended>> = {
  async bird(host) {
    const bird = new Bird(host);
    const attributes = NUMBERS.map((one) => `bgp_community.add((65000, ${one}));`).join(' ');
    const more = statics('s4', 4, [{ prefix: theirs(host), attributes }]);
    const options = 'enable extended messages on;';
    await bird.start(birdConfig(host, { ...SESSION, options, more }));
    return {
      host,
      async communities() {
        // It shows only the first of so many.
        const isWhole = `net = ${LONG} && bgp_community.len = ${NUMBERS.length}`;
        return (await bird.count('where', isWhole)) * NUMBERS.length;
      },
    };
  },

  /** It has extended messages of itself. */
  async frr(host) {
    const frr = new Frr(host);
    const lines = NUMBERS.filter((one) => one % IN_A_LINE === 1).map((first) => {
      const communities = NUMBERS.slice(first - 1, first - 1 + IN_A_LINE).map(
        (one) => `65000:${one}`,
      );
      return `route-map LONG permit ${first}
 set community ${communities.join(' ')} additive
 on-match next
exit`;
    });
    const more = `${lines.join('\n')}\nroute-map LONG permit 65535\nexit`;
    await frr.start(frrConfig(host, { ...SESSION, more }));
    const network = `network ${theirs(host)} route-map LONG`;
    await frr.configure(`router bgp ${THEIR_AS}`, 'address-family ipv4 unicast', network);
    return {
      host,
      async communities() {
        const { paths: [path] = [] } = await frr.json(`show bgp ipv4 unicast ${LONG}`);
        return path?.community.list.length ?? 0;
      },
    };
  },

  async exabgp(host) {
    const exabgp = new Exabgp(host);
    const options = 'capability {\n    extended-message enable;\n  }';
    await exabgp.start(exabgpConfig(host, { ...SESSION, options }));
    const communities = NUMBERS.map((one) => `65000:${one}`).join(' ');
    const route = `${theirs(host)} next-hop ${host.address4} community [ ${communities} ]`;
    await exabgp.command(`announce route ${route}`);
    return {
      host,
      async communities() {
        const update = exabgp.updates().find((one) => JSON.stringify(one).includes(LONG));
        return update?.attribute.community.length ?? 0;
      },
    };
  },
};

/** How many communities a daemon's long route has here. */
function communitiesHere(stage: Stage, host: Host): number {
  for (const { paths } of stage.speaker.routes(theirs(host)))
    return paths[0]!.attributes.communities?.length ?? 0;
  return 0;
}

/** In GoBGP and OpenBGPD there are no words for extended messages. */
const OFF: Words = {
  bird: () => '',
  gobgp: () => '',
  openbgpd: () => '',
  exabgp: () => 'capability {\n    extended-message disable;\n  }',
};

await play({
  async 'with extended messages'(stage) {
    const started = await Promise.all(
      Object.entries(daemons).map(([name, start]) => start(stage.host(name))),
    );
    stage.configure(
      started.map(({ host }) => stage.peer(host, THEIR_AS)),
      { originations: ORIGINATIONS },
    );
    const seen = () =>
      Promise.all(
        started.map(async ({ host, communities }) => ({
          name: host.name,
          extendedMessage: stage.status(host).negotiated?.extendedMessage,
          here: communitiesHere(stage, host),
          there: await communities(),
        })),
      );
    await until('all routes', async () => (await seen()).every(({ here, there }) => here && there));
    return { seen: await seen(), sessions: stage.sessions.toSorted() };
  },

  async 'without extended messages'(stage) {
    const neighbors = await startWith(OFF, stage, SESSION);
    stage.configure(
      neighbors.map(({ host }) => stage.peer(host, THEIR_AS)),
      { originations: ORIGINATIONS },
    );
    await eachUntil(neighbors, 'the short route', async (one) => SHORT in (await one.routes()));
    const [route] = [...stage.speaker.routes(LONG)];
    return {
      extended: neighbors.map(({ host }) => stage.status(host).negotiated?.extendedMessage),
      notSentTo: route?.notSentTo,
      sessions: stage.sessions.toSorted(),
    };
  },
});
