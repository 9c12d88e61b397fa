import type { Host } from '../daemons/host.ts';
import { Openbgpd, openbgpdConfig } from '../daemons/openbgpd.ts';
import type { Session } from '../daemons/session.ts';
import { joined, type Neighbor, present, type Seen } from './neighbor.ts';

/** It has no words for the AS path, AGGREGATOR, ATOMIC_AGGREGATE and attributes that it does not know. */
const RICH =
  'origin egp metric 7 community 65000:1 community 65000:2 ext-community rt 65000:100 large-community 65000:1:2';

export class OpenbgpdNeighbor implements Neighbor {
  readonly host: Host;
  readonly openbgpd: Openbgpd;
  #session!: Session;
  #announced: readonly string[] = [];

  constructor(host: Host) {
    this.host = host;
    this.openbgpd = new Openbgpd(host);
  }

  start(session: Session): Promise<void> {
    this.#session = session;
    return this.openbgpd.start(this.#config);
  }

  /** By its configuration: bgpctl has not all the words. */
  async announce(prefixes: readonly string[]): Promise<void> {
    this.#announced = [...this.#announced, ...prefixes];
    await this.openbgpd.configure(this.#config);
  }

  async withdraw(prefixes: readonly string[]): Promise<void> {
    this.#announced = this.#announced.filter((one) => !prefixes.includes(one));
    await this.openbgpd.configure(this.#config);
  }

  async routes(): Promise<Record<string, Seen>> {
    const routes = await this.openbgpd.routes('in');
    return Object.fromEntries(routes.map((route) => [route.prefix, seen(route)]));
  }

  async heard(): Promise<string | undefined> {
    const { over6 } = this.#session;
    const { last_error_received: error, last_shutdown_reason: reason } =
      await this.openbgpd.neighbor(over6 ? this.host.ours6 : this.host.ours4);
    return error && joined(error, reason);
  }

  get #config(): string {
    const networks = this.#announced.map((prefix) => {
      // Over IPv6 it would take an IPv4 address of its loopback interface by itself.
      const nextHop = prefix.includes(':') ? this.host.address6 : this.host.address4;
      return `network ${prefix} set { ${RICH} nexthop ${nextHop} }`;
    });
    return openbgpdConfig(this.host, { ...this.#session, more: networks.join('\n') });
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what OpenBGPD says
function seen(route: any): Seen {
  const of = (type: string) =>
    route.attributes?.find((one: { type: string }) => one.type.startsWith(type));
  return present({
    origin: route.origin.toLowerCase(),
    asPath: route.aspath.replace('{ ', '{').replace(' }', '}'),
    nextHop: route.exit_nexthop,
    // It shows 0 for none.
    med: route.metric || undefined,
    localPref: route.localpref,
    atomicAggregate: of('Atomic') && true,
    aggregator: of('Aggregator') && `${of('Aggregator').AS} ${of('Aggregator').router_id}`,
    communities: route.communities?.join(' '),
    extendedCommunities: route.extended_communities?.join(' '),
    largeCommunities: route.large_communities?.join(' '),
    originatorId: of('Originator')?.originator,
    clusterList: of('Cluster')?.cluster_list?.join(' '),
    unknown: of('Unknown Attribute #99')?.data,
  });
}
