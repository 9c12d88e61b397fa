import { Frr, frrConfig } from '../daemons/frr.ts';
import type { Host } from '../daemons/host.ts';
import type { Session } from '../daemons/session.ts';
import { joined, type Neighbor, present, type Seen } from './neighbor.ts';

/** It has no words for attributes that it does not know. */
const RICH = `route-map RICH permit 10
 set origin egp
 set as-path prepend 4200000010
 set metric 7
 set atomic-aggregate
 set aggregator as 65010 192.0.2.9
 set community 65000:1 65000:2
 set extcommunity rt 65000:100
 set large-community 65000:1:2
exit`;

export class FrrNeighbor implements Neighbor {
  readonly host: Host;
  readonly frr: Frr;
  #session!: Session;

  constructor(host: Host) {
    this.host = host;
    this.frr = new Frr(host);
  }

  start(session: Session): Promise<void> {
    this.#session = session;
    return this.frr.start(frrConfig(this.host, { ...session, more: RICH }));
  }

  announce(prefixes: readonly string[]): Promise<void> {
    return this.#networks(prefixes, (prefix) => `network ${prefix} route-map RICH`);
  }

  withdraw(prefixes: readonly string[]): Promise<void> {
    return this.#networks(prefixes, (prefix) => `no network ${prefix}`);
  }

  async routes(): Promise<Record<string, Seen>> {
    const found: Record<string, Seen> = {};
    for (const family of [4, 6] as const) {
      for (const prefix of Object.keys(await this.frr.routes(family))) {
        const { paths } = await this.frr.json(`show bgp ipv${family} unicast ${prefix}`);
        // Of its own paths the peer has no type.
        const path = paths.find(({ peer }: { peer: { type?: string } }) => peer.type);
        if (path) found[prefix] = seen(path);
      }
    }
    return found;
  }

  async heard(): Promise<string | undefined> {
    const { lastNotificationReason, lastShutdownDescription } = await this.frr.neighbor(
      this.#session.over6 ? this.host.ours6 : this.host.ours4,
    );
    return lastNotificationReason && joined(lastNotificationReason, lastShutdownDescription);
  }

  async #networks(prefixes: readonly string[], line: (prefix: string) => string): Promise<void> {
    for (const prefix of prefixes) {
      const family = prefix.includes(':') ? 6 : 4;
      const context = [`router bgp ${this.#session.as}`, `address-family ipv${family} unicast`];
      await this.frr.configure(...context, line(prefix));
    }
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what FRR says
function seen(path: any): Seen {
  return present({
    origin: path.origin.toLowerCase(),
    asPath: path.aspath.string === 'Local' ? '' : path.aspath.string,
    nextHop: path.nexthops[0].ip,
    med: path.metric,
    localPref: path.locPrf,
    atomicAggregate: path.atomicAggregate,
    aggregator: path.aggregatorAs && `${path.aggregatorAs} ${path.aggregatorId}`,
    communities: path.community?.string,
    extendedCommunities: path.extendedCommunity?.string.replace('RT:', 'rt '),
    largeCommunities: path.largeCommunity?.string,
    originatorId: path.originatorId,
    clusterList: path.clusterList?.list.join(' '),
  });
}
