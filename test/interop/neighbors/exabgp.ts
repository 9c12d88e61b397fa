import { Exabgp, exabgpConfig } from '../daemons/exabgp.ts';
import type { Host } from '../daemons/host.ts';
import type { Session } from '../daemons/session.ts';
import { type Neighbor, present, type Seen } from './neighbor.ts';

/** Of the path. */
const FIRST_AS = 4_200_000_010;

const RICH =
  'origin egp med 7 atomic-aggregate aggregator ( 65010:192.0.2.9 ) community [ 65000:1 65000:2 ] extended-community [ target:65000:100 ] large-community [ 65000:1:2 ] attribute [ 0x63 0xe0 0x1234 ]';

export class ExabgpNeighbor implements Neighbor {
  readonly host: Host;
  readonly exabgp: Exabgp;
  #asPath = '';

  constructor(host: Host) {
    this.host = host;
    this.exabgp = new Exabgp(host);
  }

  start(session: Session): Promise<void> {
    // A path that it is given goes out as it is, also to another AS.
    const path = session.as === session.neighborAs ? [FIRST_AS] : [session.as, FIRST_AS];
    this.#asPath = `as-path [ ${path.join(' ')} ]`;
    return this.exabgp.start(exabgpConfig(this.host, session));
  }

  async announce(prefixes: readonly string[]): Promise<void> {
    for (const prefix of prefixes) await this.exabgp.command(`announce ${this.#route(prefix)}`);
  }

  async withdraw(prefixes: readonly string[]): Promise<void> {
    for (const prefix of prefixes) await this.exabgp.command(`withdraw ${this.#route(prefix)}`);
  }

  /** It has no RIB: what the messages come to. */
  async routes(): Promise<Record<string, Seen>> {
    const found: Record<string, Seen> = {};
    for (const { attribute, announce = {}, withdraw = {} } of this.exabgp.updates()) {
      for (const { nlri } of Object.values<{ nlri: string }[]>(withdraw).flat()) {
        delete found[nlri];
      }
      for (const byNextHop of Object.values<Record<string, { nlri: string }[]>>(announce)) {
        for (const [nextHop, routes] of Object.entries(byNextHop)) {
          for (const { nlri } of routes) found[nlri] = seen(attribute, nextHop);
        }
      }
    }
    return found;
  }

  async heard(): Promise<string | undefined> {
    const received = this.exabgp
      .events('notification')
      .findLast(({ neighbor }) => neighbor.direction === 'receive');
    const last = received?.neighbor.notification;
    return last && `${last.code}/${last.subcode}`;
  }

  #route(prefix: string): string {
    const nextHop = prefix.includes(':') ? this.host.address6 : this.host.address4;
    return `route ${prefix} next-hop ${nextHop} ${this.#asPath} ${RICH}`;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what ExaBGP says
function seen(of: any, nextHop: string): Seen {
  const set = of['as-set'] ? [`{${of['as-set'].join(' ')}}`] : [];
  const joined = (communities?: number[][]) =>
    communities?.map((parts) => parts.join(':')).join(' ');
  return present({
    origin: of.origin,
    asPath: [...(of['as-path'] ?? []), ...set].join(' '),
    nextHop,
    med: of.med,
    localPref: of['local-preference'],
    atomicAggregate: of['atomic-aggregate'],
    aggregator: of.aggregator?.replace(':', ' '),
    communities: joined(of.community),
    extendedCommunities: of['extended-community']
      ?.map(({ string }: { string: string }) => string.replace('target:', 'rt '))
      .join(' '),
    largeCommunities: joined(of['large-community']),
    originatorId: of['originator-id'],
    clusterList: of['cluster-list']?.join(' '),
    unknown: of['attribute-0x63-0xE0']?.replace('0x', ''),
  });
}
