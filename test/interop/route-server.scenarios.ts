/** Daemons as clients of our route server, and as ours (RFC 7947): for route-server.test.ts to judge. */

import { formatAddress } from 'net-ipaddr';
import { ORIGIN, update } from '../bgp-parser-ts/wire.ts';
import { until } from './daemons/host.ts';
import { allNeighbors, type Words, wordFor } from './neighbors/all.ts';
import { eachUntil } from './neighbors/neighbor.ts';
import { secondNeighbor } from './neighbors/raw.ts';
import { servers } from './neighbors/serving.ts';
import { asPathText, OUR_AS, play, THEIR_AS } from './stage.ts';

const SESSION = { as: THEIR_AS, neighborAs: OUR_AS };
const CLIENT_AS = 65_010;

const prefixOf = (index: number) => `198.51.${index}.0/24`;

/** That a path may begin with another AS than ours. */
const ANY_FIRST_AS: Words = { openbgpd: () => '  enforce neighbor-as no' };

const routeServers = servers({
  session: SESSION,
  otherAs: CLIENT_AS,
  bird: 'rs client;',
  birdExport: 'next hop keep;',
  frr: 'route-server-client',
  gobgp: () => `  [neighbors.route-server.config]
    route-server-client = true`,
  openbgpd: '  transparent-as yes',
  openbgpdRules: 'match to any set nexthop no-modify',
});

await play({
  async 'we serve'(stage) {
    const neighbors = allNeighbors(stage);
    const asOf = (index: number) => THEIR_AS + index;
    await Promise.all(
      neighbors.map(async (one, index) => {
        const { host } = one;
        // As at an exchange, next hops of the others are on its link.
        await host.up();
        await host.run('ip', 'address', 'add', `${host.address4}/16`, 'dev', 'uplink');
        const options = wordFor(ANY_FIRST_AS, host);
        await one.start({ as: asOf(index), neighborAs: OUR_AS, options });
      }),
    );
    stage.configure(
      neighbors.map(({ host }, index) =>
        stage.peer(host, asOf(index), { routeServerClient: true }),
      ),
    );
    await Promise.all(neighbors.map((one, index) => one.announce([prefixOf(index)])));
    const others = (index: number) => neighbors.map((_, other) => other).toSpliced(index, 1);
    await eachUntil(neighbors, 'the others’ routes', async (one, index) => {
      const routes = await one.routes();
      return others(index).every((other) => prefixOf(other) in routes);
    });
    const seen = neighbors.map(async (one, index) => {
      const routes = await one.routes();
      const paths = others(index).map((other) => {
        const { asPath, nextHop, med } = routes[prefixOf(other)]!;
        return { asPath, nextHop, med };
      });
      return [one.host.name, paths];
    });
    return Object.fromEntries(await Promise.all(seen));
  },

  async 'they serve'(stage) {
    const cables = Object.entries(routeServers).map(([name, start], index) => {
      const host = stage.host(name);
      return { host, cable: index + 1, start };
    });
    const raws = await Promise.all(
      cables.map(async ({ host, cable, start }) => {
        const other = `10.9.${cable}.3`;
        await start(host, other);
        const raw = await secondNeighbor(host, other, CLIENT_AS);
        const asPath = '40 02 06 0201 0000fdf2';
        raw.send(update('', `${ORIGIN} ${asPath} 40 03 04 0a090${cable}03`, `18 c6330${cable}`));
        return raw;
      }),
    );
    stage.configure(cables.map(({ host }) => stage.peer(host, THEIR_AS)));
    const isHere = ({ cable }: { cable: number }) => stage.learned.has(prefixOf(cable));
    await until('all routes', () => cables.every(isHere));
    for (const raw of raws) raw.close();
    return cables.map(({ host, cable }) => {
      const [route] = [...stage.speaker.routes(prefixOf(cable))];
      // FRR sends us all the others’ as well, by way of us.
      const path = route!.paths.find(({ peer }) => peer === host.name);
      return { name: host.name, asPath: asPathText(path!), nextHop: formatAddress(path!.nextHop!) };
    });
  },
});
