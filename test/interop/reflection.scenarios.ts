/** Daemons as clients of our route reflector, and as ours (RFC 4456): for reflection.test.ts to judge. */

import { formatAddress } from 'net-ipaddr';
import type { RawPeer } from '../bgp/speaker/raw-peer.ts';
import { IBGP, LOCAL_PREF, ORIGIN, update } from '../bgp-parser-ts/wire.ts';
import { until } from './daemons/host.ts';
import { allNeighbors } from './neighbors/all.ts';
import { eachUntil, seenHere } from './neighbors/neighbor.ts';
import { secondNeighbor, tableOf } from './neighbors/raw.ts';
import { servers } from './neighbors/serving.ts';
import { OUR_AS, play, type Stage } from './stage.ts';

const OURS = '10.1.0.0/26';
/** ORIGINATOR_ID, and our identifier. */
const ORIGINATED_BY_US = '80 09 04 0a090101';
const SESSION = { as: OUR_AS, neighborAs: OUR_AS };

const prefixOf = (index: number) => `198.51.${index}.0/24`;

const reflectors = servers({
  session: SESSION,
  otherAs: OUR_AS,
  bird: 'rr client;',
  frr: 'route-reflector-client',
  gobgp: ({ address4 }) => `  [neighbors.route-reflector.config]
    route-reflector-client = true
    route-reflector-cluster-id = "${address4}"`,
  openbgpd: '  route-reflector',
});

/** It announces a route, and another one that says that we have originated it. */
function announce(raw: RawPeer, cable: number): void {
  const octet = `0${cable}`;
  const attributes = `${ORIGIN} 40 02 00 40 03 04 0a09${octet}03 ${LOCAL_PREF}`;
  raw.send(update('', attributes, `18 c633${octet}`));
  raw.send(update('', `${attributes} ${ORIGINATED_BY_US}`, `18 cb00${octet}`));
}

/** Of our only path to `prefix`. */
function pathHere(stage: Stage, prefix: string) {
  for (const { paths } of stage.speaker.routes(prefix)) {
    const { state, reason, attributes, nextHop } = paths[0]!;
    const { originatorId, clusterList } = seenHere(attributes);
    const verdict = state === 'rejected' ? reason : state;
    return { verdict, nextHop: nextHop && formatAddress(nextHop), originatorId, clusterList };
  }
  return undefined;
}

await play({
  async 'we reflect'(stage) {
    const neighbors = allNeighbors(stage);
    await Promise.all(neighbors.map((one) => one.start(SESSION)));
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

  async 'they reflect'(stage) {
    const cables = Object.entries(reflectors).map(([name, start], index) => {
      const host = stage.host(name);
      const cable = index + 1;
      return { host, cable, other: `10.9.${cable}.3`, start };
    });
    const raws = await Promise.all(
      cables.map(async ({ host, other, start }) => {
        await start(host, other);
        return secondNeighbor(host, other, OUR_AS);
      }),
    );
    stage.configure(
      cables.map(({ host }) => stage.peer(host, OUR_AS)),
      { originations: [{ prefix: OURS }] },
    );
    for (const [index, { cable }] of cables.entries()) announce(raws[index]!, cable);
    const seen = () =>
      cables.map(({ host, cable }, index) => {
        const { originatorId, clusterList } = tableOf(raws[index]!, IBGP)[OURS] ?? {};
        return {
          name: host.name,
          route: pathHere(stage, prefixOf(cable)),
          loop: pathHere(stage, `203.0.${cable}.0/24`),
          ours: { originatorId, clusterList },
        };
      });
    const isWhole = () =>
      seen().every(({ route, loop, ours }) => route && loop && ours.clusterList);
    await until('all routes', isWhole);
    for (const raw of raws) raw.close();
    return seen();
  },
});
