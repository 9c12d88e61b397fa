/** Well-known communities that each daemon sets: for well-known.test.ts to judge. */

import { Bird, type BirdRoute } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { Exabgp, exabgpConfig } from './daemons/exabgp.ts';
import { Frr, frrConfig } from './daemons/frr.ts';
import { Gobgp, gobgpConfig } from './daemons/gobgp.ts';
import { type Host, until } from './daemons/host.ts';
import { Openbgpd, openbgpdConfig } from './daemons/openbgpd.ts';
import type { Session } from './daemons/session.ts';
import { OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

const COMMUNITIES = {
  noExport: '65535:65281',
  noAdvertise: '65535:65282',
  noExportSubconfed: '65535:65283',
  gracefulShutdown: '65535:0',
};
const NAMES = [...Object.keys(COMMUNITIES), 'none'];

interface Marked {
  readonly prefix: string;
  readonly community: string;
}

/** Of each daemon: a route with each community, and one without. */
function routesOf(host: Host): { marked: Marked[]; plain: string } {
  const [, , cable] = host.address4.split('.');
  const prefix = (index: number) => `198.51.${cable}.${32 * index}/27`;
  const communities = Object.values(COMMUNITIES);
  return {
    marked: communities.map((community, index) => ({ prefix: prefix(index), community })),
    plain: prefix(communities.length),
  };
}

/** Of the names, in their order, those whose routes of `host` stand in `table`. */
function namesIn(table: readonly string[], host: Host): string[] {
  const { marked, plain } = routesOf(host);
  const prefixes = [...marked.map(({ prefix }) => prefix), plain];
  return NAMES.filter((_, index) => table.includes(prefixes[index]!));
}

function prefixesOf(routes: readonly BirdRoute[]): string[] {
  return routes.map(({ prefix }) => prefix);
}

/** Each starts its daemon, with its routes. */
const daemons: Record<string, (host: Host, session: Session) => Promise<void>> = {
  async bird(host, session) {
    const { marked, plain } = routesOf(host);
    const routes = marked.map(({ prefix, community }) => {
      const pair = community.replace(':', ', ');
      return { prefix, attributes: `bgp_community.add((${pair}));` };
    });
    const more = statics('s4', 4, [...routes, { prefix: plain }]);
    await new Bird(host).start(birdConfig(host, { ...session, more }));
  },

  // It tells nobody of a route of its own that has such a community before it goes out.
  async frr(host, session) {
    const frr = new Frr(host);
    const { marked, plain } = routesOf(host);
    const more = marked.map(
      ({ prefix, community }, index) => `ip prefix-list MARK${index} permit ${prefix}
route-map OWN permit ${index + 1}
 match ip address prefix-list MARK${index}
 set community ${community}
exit`,
    );
    await frr.start(frrConfig(host, { ...session, more: more.join('\n') }));
    const networks = [...marked.map(({ prefix }) => prefix), plain].map((one) => `network ${one}`);
    await frr.configure(`router bgp ${session.as}`, 'address-family ipv4 unicast', ...networks);
  },

  async gobgp(host, session) {
    const gobgp = new Gobgp(host);
    const { marked, plain } = routesOf(host);
    await gobgp.start(gobgpConfig(host, session));
    const nextHop = `nexthop ${host.address4}`;
    for (const { prefix, community } of marked)
      await gobgp.announce(prefix, `${nextHop} community ${community}`);
    await gobgp.announce(plain, nextHop);
  },

  // As FRR does.
  async openbgpd(host, session) {
    const { marked, plain } = routesOf(host);
    const networks = [...marked.map(({ prefix }) => prefix), plain].map((one) => `network ${one}`);
    const filters = marked.map(
      ({ prefix, community }) => `match to any prefix ${prefix} set community ${community}`,
    );
    const more = [...networks, ...filters].join('\n');
    await new Openbgpd(host).start(openbgpdConfig(host, { ...session, more }));
  },

  async exabgp(host, session) {
    const exabgp = new Exabgp(host);
    const { marked, plain } = routesOf(host);
    await exabgp.start(exabgpConfig(host, session));
    for (const { prefix, community } of marked)
      await exabgp.command(`announce route ${prefix} next-hop self community [ ${community} ]`);
    await exabgp.command(`announce route ${plain} next-hop self`);
  },
};

/** A BIRD that hears of all of them by us. */
async function listener(stage: Stage, name: string, as: number): Promise<Bird> {
  const bird = new Bird(stage.host(name));
  await bird.start(birdConfig(bird.host, { as, neighborAs: OUR_AS }));
  return bird;
}

await play({
  /** All daemons are in other ASes; of the listeners one is in ours, and one in another. */
  async communities(stage) {
    const origins = Object.entries(daemons).map(([name, start], index) => {
      const host = stage.host(name);
      return { host, as: THEIR_AS + index, start };
    });
    const [inside, outside] = await Promise.all([
      listener(stage, 'inside', OUR_AS),
      listener(stage, 'outside', THEIR_AS + origins.length),
      ...origins.map(({ host, as, start }) => start(host, { as, neighborAs: OUR_AS })),
    ] as const);
    stage.configure([
      ...origins.map(({ host, as }) => stage.peer(host, as)),
      stage.peer(inside.host, OUR_AS),
      stage.peer(outside.host, THEIR_AS + origins.length),
    ]);
    await until('all routes', () => stage.learned.size === NAMES.length * origins.length);
    const table = async (bird: Bird) => {
      let routes: BirdRoute[] = [];
      const hasAll = async () => {
        routes = await bird.routes('protocol', 'tortie');
        const names = origins.map(({ host }) => namesIn(prefixesOf(routes), host));
        return stage.status(bird.host).routes.inStep && names.every((one) => one.includes('none'));
      };
      await until(`all that ${bird.host.name} is to hear of`, hasAll);
      return routes;
    };
    const [atInside, atOutside] = [await table(inside), await table(outside)];
    const drained = atInside.filter(({ attributes }) => attributes['BGP.local_pref'] === '0');
    const seen = origins.map(({ host }) => [
      host.name,
      {
        inside: namesIn(prefixesOf(atInside), host),
        outside: namesIn(prefixesOf(atOutside), host),
        lastChoice: namesIn(prefixesOf(drained), host),
      },
    ]);
    return Object.fromEntries(seen);
  },
});
