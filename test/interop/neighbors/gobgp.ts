import { Gobgp, gobgpConfig } from '../daemons/gobgp.ts';
import type { Host } from '../daemons/host.ts';
import type { Session } from '../daemons/session.ts';
import { joined, type Neighbor, present, type Seen } from './neighbor.ts';

const ORIGINS = ['igp', 'egp', 'incomplete'];
const AS_SET = 1;

/** It has no words for ATOMIC_AGGREGATE and attributes that it does not know. */
const RICH =
  'origin egp aspath 4200000010 med 7 aggregator 65010:192.0.2.9 community 65000:1,65000:2 rt 65000:100 large-community 65000:1:2';

export class GobgpNeighbor implements Neighbor {
  readonly host: Host;
  readonly gobgp: Gobgp;

  constructor(host: Host) {
    this.host = host;
    this.gobgp = new Gobgp(host);
  }

  start(session: Session): Promise<void> {
    return this.gobgp.start(gobgpConfig(this.host, session));
  }

  async announce(prefixes: readonly string[]): Promise<void> {
    for (const prefix of prefixes) {
      const nextHop = prefix.includes(':') ? this.host.address6 : this.host.address4;
      await this.gobgp.announce(prefix, `${RICH} nexthop ${nextHop}`);
    }
  }

  async withdraw(prefixes: readonly string[]): Promise<void> {
    for (const prefix of prefixes) await this.gobgp.withdraw(prefix);
  }

  async routes(): Promise<Record<string, Seen>> {
    const found: Record<string, Seen> = {};
    for (const family of [4, 6] as const) {
      for (const [prefix, paths] of Object.entries(await this.gobgp.routes(family))) {
        const path = paths.find((one) => 'neighbor-ip' in one);
        if (path) found[prefix] = seen(path.attrs);
      }
    }
    return found;
  }

  async heard(): Promise<string | undefined> {
    const last = this.gobgp.log().findLast(({ msg }) => msg === 'received notification');
    return last && joined(`${last.Code}/${last.Subcode}`, last['Communicated-Reason']);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what GoBGP says
function seen(attributes: readonly any[]): Seen {
  const of = (type: number) => attributes.find((one) => one.type === type);
  // biome-ignore lint/suspicious/noExplicitAny: what GoBGP says
  const segment = ({ segment_type, asns }: any) =>
    segment_type === AS_SET ? `{${asns.join(' ')}}` : asns.join(' ');
  return present({
    origin: ORIGINS[of(1).value],
    asPath: (of(2).as_paths ?? []).map(segment).join(' '),
    nextHop: (of(3) ?? of(14)).nexthop,
    med: of(4)?.metric,
    localPref: of(5)?.value,
    atomicAggregate: of(6) && true,
    aggregator: of(7) && `${of(7).as} ${of(7).address}`,
    communities: of(8)
      ?.communities.map((one: number) => `${one >>> 16}:${one & 0xffff}`)
      .join(' '),
    extendedCommunities: of(16)
      ?.value.map(({ value }: { value: string }) => `rt ${value}`)
      .join(' '),
    largeCommunities: of(32)
      // biome-ignore lint/suspicious/noExplicitAny: what GoBGP says
      ?.value.map(({ ASN, LocalData1, LocalData2 }: any) => `${ASN}:${LocalData1}:${LocalData2}`)
      .join(' '),
    originatorId: of(9)?.value,
    clusterList: of(10)?.value.join(' '),
    unknown: of(99) && Buffer.from(of(99).value, 'base64').toString('hex'),
  });
}
