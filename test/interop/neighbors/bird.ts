import { Bird } from '../daemons/bird.ts';
import { birdConfig, statics } from '../daemons/bird-config.ts';
import type { Host } from '../daemons/host.ts';
import type { Session } from '../daemons/session.ts';
import { joined, type Neighbor, present, type Seen } from './neighbor.ts';

/** It has no words for AGGREGATOR, ATOMIC_AGGREGATE and attributes that it does not know. */
const RICH = `bgp_origin = ORIGIN_EGP; bgp_path.prepend(4200000010); bgp_med = 7;
  bgp_community.add((65000, 1)); bgp_community.add((65000, 2));
  bgp_ext_community.add((rt, 65000, 100)); bgp_large_community.add((65000, 1, 2));`;

/** That BIRD lets the MED out to another AS. */
const KEEP_MED = 'export filter { if source != RTS_STATIC then reject; bgp_med = 7; accept; };';

export class BirdNeighbor implements Neighbor {
  readonly host: Host;
  readonly bird: Bird;
  #session!: Session;
  #announced: readonly string[] = [];

  constructor(host: Host) {
    this.host = host;
    this.bird = new Bird(host);
  }

  start(session: Session): Promise<void> {
    this.#session = session;
    return this.bird.start(this.#config);
  }

  async announce(prefixes: readonly string[]): Promise<void> {
    this.#announced = [...this.#announced, ...prefixes];
    await this.bird.configure(this.#config);
  }

  async withdraw(prefixes: readonly string[]): Promise<void> {
    this.#announced = this.#announced.filter((one) => !prefixes.includes(one));
    await this.bird.configure(this.#config);
  }

  async routes(): Promise<Record<string, Seen>> {
    const routes = await this.bird.routes('protocol', 'tortie', 'table', 'all');
    return Object.fromEntries(
      routes.map(({ prefix, attributes: of }) => {
        const [, address, as] = /(\S+) AS(\d+)/.exec(of['BGP.aggregator'] ?? '') ?? [];
        const seen = present({
          origin: of['BGP.origin']?.toLowerCase(),
          asPath: of['BGP.as_path'] ?? '',
          nextHop: of['BGP.next_hop']?.split(' ')[0],
          med: of['BGP.med'] === undefined ? undefined : Number(of['BGP.med']),
          localPref: Number(of['BGP.local_pref']),
          atomicAggregate: of['BGP.atomic_aggr'] === undefined ? undefined : true,
          aggregator: as && `${as} ${address}`,
          communities: of['BGP.community']?.replaceAll(/[()]/g, '').replaceAll(',', ':'),
          extendedCommunities: of['BGP.ext_community']?.replace(/\(rt, (\d+), (\d+)\)/, 'rt $1:$2'),
          largeCommunities: of['BGP.large_community']
            ?.replaceAll(/[()]/g, '')
            .replaceAll(', ', ':'),
          originatorId: of['BGP.originator_id'],
          clusterList: of['BGP.cluster_list'],
          unknown: of['BGP.63 [t]']?.replaceAll(' ', ''),
        });
        return [prefix, seen];
      }),
    );
  }

  async heard(): Promise<string | undefined> {
    const text = await this.bird.ask('show protocols all tortie');
    const error = /Last error:\s+Received: (.*)/.exec(text)?.[1];
    const communication = /Message:\s+(.*)/.exec(text)?.[1];
    return error && joined(error, communication);
  }

  get #config(): string {
    const routes = (family: 4 | 6) =>
      this.#announced
        .filter((prefix) => prefix.includes(':') === (family === 6))
        .map((prefix) => ({ prefix, attributes: RICH }));
    return birdConfig(this.host, {
      ...this.#session,
      channelOptions4: KEEP_MED,
      channelOptions6: KEEP_MED,
      more: statics('s4', 4, routes(4)) + statics('s6', 6, routes(6)),
    });
  }
}
