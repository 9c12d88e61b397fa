/** What scenarios that are the same for every daemon ask of one. */

import type { PathAttributes } from 'bgp-parser-ts';
import { formatAddress } from 'net-ipaddr';
import { dotted } from '../../../src/inspect/bgp-json.ts';
import { type Host, until } from '../daemons/host.ts';
import type { Session } from '../daemons/session.ts';

/** A route's attributes as text, the same for all; absent: the route has none, or the daemon does not show it. */
export interface Seen {
  origin?: string;
  /** `64512 4200000001 {65010}` */
  asPath?: string;
  nextHop?: string;
  med?: number;
  localPref?: number;
  atomicAggregate?: true;
  /** `4200000001 192.0.2.9` */
  aggregator?: string;
  /** `65000:1 65000:2` */
  communities?: string;
  /** `rt 65000:100` */
  extendedCommunities?: string;
  /** `65000:1:2` */
  largeCommunities?: string;
  /** `10.9.1.2` */
  originatorId?: string;
  /** `10.9.1.1 10.9.2.1` */
  clusterList?: string;
  /** Attribute 99, in hex. */
  unknown?: string;
}

export interface Neighbor {
  readonly host: Host;
  start(session: Session): Promise<void>;
  /** Each prefix with all attributes of RICH that the daemon has words for. */
  announce(prefixes: readonly string[]): Promise<void>;
  withdraw(prefixes: readonly string[]): Promise<void>;
  /** What it has from us, by prefix. */
  routes(): Promise<Record<string, Seen>>;
  /** The last NOTIFICATION that it had from us, in its words; undefined: it had none. */
  heard(): Promise<string | undefined>;
}

/** Waits until it holds for every one of them. */
export async function eachUntil(
  neighbors: readonly Neighbor[],
  what: string,
  holds: (one: Neighbor, index: number) => Promise<boolean>,
): Promise<void> {
  await Promise.all(
    neighbors.map((one, index) => until(`${one.host.name}: ${what}`, () => holds(one, index))),
  );
}

/** A route with everything, as it is announced on either side. */
export const RICH: Seen = {
  origin: 'egp',
  asPath: '4200000010',
  med: 7,
  atomicAggregate: true,
  aggregator: '65010 192.0.2.9',
  communities: '65000:1 65000:2',
  extendedCommunities: 'rt 65000:100',
  largeCommunities: '65000:1:2',
  unknown: '1234',
};

/** As the speaker has it. */
export function seenHere(attributes: PathAttributes): Seen {
  const { asPath, aggregator, communities, extendedCommunities, largeCommunities } = attributes;
  const { origin, med, localPref, atomicAggregate, originatorId, others } = attributes;
  const segment = ({ type, as }: { type: string; as: readonly number[] }) =>
    type === 'set' ? `{${as.join(' ')}}` : as.join(' ');
  return present({
    origin,
    asPath: (asPath ?? []).map(segment).join(' '),
    med,
    localPref,
    atomicAggregate,
    aggregator: aggregator && `${aggregator.as} ${formatAddress(aggregator.address)}`,
    communities: communities?.map((one) => `${one >>> 16}:${one & 0xffff}`).join(' '),
    extendedCommunities: extendedCommunities?.map(routeTarget).join(' '),
    largeCommunities: largeCommunities
      ?.map(({ global, local1, local2 }) => `${global}:${local1}:${local2}`)
      .join(' '),
    originatorId: originatorId === undefined ? undefined : dotted(originatorId),
    clusterList: attributes.clusterList?.map(dotted).join(' '),
    unknown: others
      ?.filter(({ code }) => code === 99)
      .map(({ value }) => Buffer.from(value).toString('hex'))
      .join(),
  });
}

/** RFC 4360 §4: type 0x00, subtype 0x02. */
function routeTarget(community: bigint): string {
  return `rt ${(community >> 32n) & 0xffffn}:${community & 0xffffffffn}`;
}

/** What is there of a text and a second one: `Cease: moved to rack 7`. */
export function joined(...parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join(': ');
}

/** Without what is undefined. */
export function present(seen: { [K in keyof Seen]: Seen[K] | undefined }): Seen {
  return Object.fromEntries(Object.entries(seen).filter(([, value]) => value !== undefined));
}
