/**
 * Sessions and routes as programs read them: JSON whose values are written as operators write them (`10.0.0.0/26`,
 * `64512 {65001 65002}`, `65000:1`). What the speaker shows beside, goes through as it is.
 */
import {
  type AsPathSegment,
  attributeName,
  type Capability,
  capabilityName,
  type PathAttributes,
} from 'bgp-parser-ts';
import { formatAddress, formatPrefix, formatZonedAddress } from 'net-ipaddr';
import type { SessionError } from '../../bgp/session/record.ts';
import type { PeerStatus, RouteStatus, SpeakerStatus } from '../../bgp/speaker.ts';

/** The listeners, and whom the speaker tells or asks beside its peers. */
export type SpeakerJson = Omit<SpeakerStatus, 'peers'>;

export type PeerJson = Omit<PeerStatus, 'negotiated'> & {
  readonly negotiated:
    | (Omit<NonNullable<PeerStatus['negotiated']>, 'capabilities' | 'remoteRouterId'> & {
        readonly remoteRouterId: string;
        readonly capabilities: readonly CapabilityJson[];
      })
    | undefined;
};

/** `name` as IANA has it; the capability's own fields beside it. */
export type CapabilityJson = Omit<Capability, 'kind'> & { readonly name: string };

export interface RouteJson {
  readonly prefix: string;
  readonly paths: readonly PathJson[];
  readonly sentTo: readonly string[];
  readonly notSentTo: RouteStatus['notSentTo'];
  readonly changedFor: RouteStatus['changedFor'];
}

export type PathJson = Omit<RouteStatus['paths'][number], 'nextHop' | 'attributes' | 'imported'> & {
  readonly nextHop: string | undefined;
  readonly attributes: AttributesJson;
  readonly imported: AttributesJson | undefined;
};

export interface AttributesJson {
  readonly origin?: string;
  /** Nearest AS first; sets in braces, confederation segments in parentheses and brackets. */
  readonly asPath: string;
  readonly med?: number;
  readonly localPref?: number;
  readonly atomicAggregate?: boolean;
  /** `64512 192.0.2.1` */
  readonly aggregator?: string;
  readonly communities?: readonly string[];
  readonly extendedCommunities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  readonly originatorId?: string;
  readonly clusterList?: readonly string[];
  readonly onlyToCustomer?: number;
  /** What we carry without knowing it; the value in hexadecimal. */
  readonly others?: readonly { name: string; flags: number; value: string }[];
}

export function speakerJson({ peers: _, ...rest }: SpeakerStatus): SpeakerJson {
  return rest;
}

export function peerJson(peer: PeerStatus): PeerJson {
  const { negotiated } = peer;
  return {
    ...peer,
    negotiated: negotiated && {
      ...negotiated,
      remoteRouterId: dotted(negotiated.remoteRouterId),
      capabilities: negotiated.capabilities.map((capability) => {
        const { kind: _, ...fields } = capability;
        return { name: capabilityName(capability), ...fields };
      }),
    },
  };
}

/** What was wrong with a session, in a line. The peer's own words in it are escaped. */
export function errorText({ source, name, text }: SessionError): string {
  const said = source === 'transport' ? name : `${source}: ${name}`;
  return text === undefined ? said : `${said} (${JSON.stringify(text).slice(1, -1)})`;
}

export function routeJson({ prefix, paths, ...told }: RouteStatus): RouteJson {
  return {
    prefix: formatPrefix(prefix),
    paths: paths.map(({ nextHop, attributes, imported, ...rest }) => ({
      ...rest,
      nextHop: nextHop && formatZonedAddress(nextHop),
      attributes: attributesJson(attributes),
      imported: imported && attributesJson(imported),
    })),
    ...told,
  };
}

function attributesJson(attributes: PathAttributes): AttributesJson {
  const { asPath = [], aggregator, others } = attributes;
  const { communities, extendedCommunities, largeCommunities } = attributes;
  const { originatorId, clusterList } = attributes;
  return {
    asPath: asPathText(asPath),
    ...picked(attributes, ['origin', 'med', 'localPref', 'atomicAggregate', 'onlyToCustomer']),
    ...(aggregator && { aggregator: `${aggregator.as} ${formatAddress(aggregator.address)}` }),
    ...(communities && { communities: communities.map(communityText) }),
    ...(extendedCommunities && {
      extendedCommunities: extendedCommunities.map(
        (one) => `0x${one.toString(16).padStart(16, '0')}`,
      ),
    }),
    ...(largeCommunities && {
      largeCommunities: largeCommunities.map(
        ({ global, local1, local2 }) => `${global}:${local1}:${local2}`,
      ),
    }),
    ...(originatorId !== undefined && { originatorId: dotted(originatorId) }),
    ...(clusterList && { clusterList: clusterList.map(dotted) }),
    ...(others && {
      others: others.map(({ code, flags, value }) => ({
        name: attributeName(code),
        flags,
        value: Buffer.from(value).toString('hex'),
      })),
    }),
  };
}

const BRACKETS: Record<AsPathSegment['type'], readonly [string, string]> = {
  sequence: ['', ''],
  set: ['{', '}'],
  'confed-sequence': ['(', ')'],
  'confed-set': ['[', ']'],
};

export function asPathText(segments: readonly AsPathSegment[]): string {
  return segments
    .map(({ type, as }) => {
      const [open, close] = BRACKETS[type];
      return `${open}${as.join(' ')}${close}`;
    })
    .join(' ');
}

function communityText(community: number): string {
  return `${community >>> 16}:${community & 0xffff}`;
}

/** A BGP Identifier or cluster id as it is written. */
export function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

function picked<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(
    keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]),
  ) as Pick<T, K>;
}

/** For JSON.stringify: octets in hexadecimal, integers beyond 2^53 as text. */
export function replacer(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return typeof value === 'bigint' ? String(value) : value;
}
