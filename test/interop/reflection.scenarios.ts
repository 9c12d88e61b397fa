/** All daemons as clients of our route reflector (RFC 4456): for reflection.test.ts to judge. */

import { until } from './daemons/host.ts';
import { allNeighbors } from './neighbors/all.ts';
import { eachUntil } from './neighbors/neighbor.ts';
import { OUR_AS, play } from './stage.ts';

const prefixOf = (index: number) => `198.51.${index}.0/24`;

await play({
  async 'we reflect'(stage) {
    const neighbors = allNeighbors(stage);
    await Promise.all(neighbors.map((one) => one.start({ as: OUR_AS, neighborAs: OUR_AS })));
    const clients = neighbors.map(({ host }) =>
      stage.peer(host, OUR_AS, { routeReflectorClient: true }),
    );
    stage.configure(clients);
    await eachUntil(neighbors, 'its session', async ({ host }) => stage.isUp(host));
    await Promise.all(neighbors.map((one, index) => one.announce([prefixOf(index)])));
    await until('all routes', () => stage.learned.size === neighbors.length);
    const others = (index: number) =>
      neighbors.map((_, other) => other).filter((other) => other !== index);
    await eachUntil(neighbors, 'the others’ routes', async (one, index) => {
      const routes = await one.routes();
      return others(index).every((other) => prefixOf(other) in routes);
    });
    const seen = neighbors.map(async (one, index) => {
      const routes = await one.routes();
      return [
        one.host.name,
        others(index).map((other) => {
          const { nextHop, originatorId, clusterList, localPref } = routes[prefixOf(other)]!;
          return { nextHop, originatorId, clusterList, localPref };
        }),
      ];
    });
    return Object.fromEntries(await Promise.all(seen));
  },
});
