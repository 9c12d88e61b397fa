/** Routes: RTM_NEWROUTE and its kin, rtnetlink(7) and linux/rtnetlink.h. */

import { type Address, type Family, formatAddress, formatPrefix, type Prefix } from 'net-ipaddr';
import { AttributeCursor, addressAt } from '../wire/attributes.ts';
import type { MessageWriter } from '../wire/message-writer.ts';
import { align4, type Words } from '../wire/words.ts';
import { AF_INET, AF_INET6, familyNumber, familyOf } from './family.ts';
import { type Scope, scopeName, scopeNumber } from './scope.ts';

export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw';

export interface NextHop {
  /** Of IPv6 also for an IPv4 route (RTA_VIA). */
  readonly gateway?: Address;
  /** The interface's index. */
  readonly oif?: number;
  /** The gateway is on the link even though no address says so. */
  readonly onlink?: boolean;
  /** 1–256. @default 1 */
  readonly weight?: number;
}

/**
 * A route to add, replace or delete. A `Route` is one too.
 *
 * A deletion matches what is given: without protocol, metric, scope or next hop, any will do.
 */
export interface RouteSpec {
  readonly destination: Prefix;
  /** @default 254 (main) */
  readonly table?: number;
  /** Who made it: 2 kernel, 3 boot, 4 static, 80 ours. @default 3; in a deletion: any */
  readonly protocol?: number;
  /** @default 'unicast'; in a deletion: any */
  readonly type?: RouteType;
  /** IPv4 only. @default as ip(8) has it: link without a gateway, host for local routes, else global */
  readonly scope?: Scope;
  /** Lower is better. @default 0; for IPv6 the kernel turns 0 into 1024 */
  readonly metric?: number;
  /** Of IPv6 also for an IPv4 route (RTA_VIA). */
  readonly gateway?: Address;
  /** The interface's index. */
  readonly oif?: number;
  /** The gateway is on the link even though no address says so. @default false */
  readonly onlink?: boolean;
  /** Several next hops, in place of gateway, oif and onlink. */
  readonly multipath?: readonly NextHop[];
  /** A `NextHopObject`'s, in place of all of these, which are what it stands for in what the kernel tells. */
  readonly nextHopId?: number;
  readonly preferredSource?: Address;
}

/** A route as the kernel tells of it. */
export interface Route extends RouteSpec {
  readonly family: Family;
  readonly table: number;
  readonly protocol: number;
  readonly type: RouteType;
  readonly scope: Scope;
  readonly metric: number;
  /** The next hop cannot be used: its link is down (RTNH_F_DEAD or RTNH_F_LINKDOWN). */
  readonly linkDown: boolean;
}

/** Which routes a dump tells of: all of the given must hold. The kernel filters. */
export interface RouteFilter {
  readonly family?: Family;
  readonly table?: number;
  readonly protocol?: number;
  readonly type?: RouteType;
  readonly oif?: number;
}

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;

export const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
export const RTA_PRIORITY = 6;
export const RTA_PREFSRC = 7;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
export const RTA_NH_ID = 30;

const RTNH_F_DEAD = 1;
const RTNH_F_ONLINK = 4;
const RTNH_F_LINKDOWN = 16;

const MAIN_TABLE = 254;
const RTPROT_BOOT = 3;
export const RTN_UNICAST = 1;
/** Type 0 and scope 255 match any in a deletion. */
const ANY_TYPE = 0;
const ANY_SCOPE = 255;

/** struct rtmsg. */
export const HEADER_LENGTH = 12;
/** struct rtnexthop. */
const NEXT_HOP_LENGTH = 8;

const TYPES: readonly (RouteType | undefined)[] = [
  undefined,
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
];

const NO_ADDRESS = { 4: new Uint8Array(4), 6: new Uint8Array(16) };

export function encodeRoute(out: MessageWriter, spec: RouteSpec, deletes: boolean): void {
  const { address, length } = spec.destination;
  const type = spec.type ? TYPES.indexOf(spec.type) : deletes ? ANY_TYPE : RTN_UNICAST;
  const scope = spec.scope !== undefined ? scopeNumber(spec.scope) : scopeOf(spec, deletes);
  const protocol = spec.protocol ?? (deletes ? 0 : RTPROT_BOOT);
  const { nextHopId } = spec;
  const flags = spec.onlink && nextHopId === undefined ? RTNH_F_ONLINK : 0;
  const { family } = address;
  header(out, familyNumber(family), length, spec.table ?? MAIN_TABLE, protocol, scope, type, flags);
  if (length > 0) out.attributeBytes(RTA_DST, address.bytes);
  if (nextHopId !== undefined) out.attributeU32(RTA_NH_ID, nextHopId);
  else {
    if (spec.gateway) encodeGateway(out, family, spec.gateway);
    if (spec.oif !== undefined) out.attributeU32(RTA_OIF, spec.oif);
    if (spec.multipath) encodeMultipath(out, family, spec.multipath);
  }
  // In a deletion, a metric of 0 matches any for IPv6 and only 0 for IPv4, as if it were absent.
  if (spec.metric) out.attributeU32(RTA_PRIORITY, spec.metric);
  if (spec.preferredSource) out.attributeBytes(RTA_PREFSRC, spec.preferredSource.bytes);
}

/** As ip(8) chooses it, where the caller doesn't. IPv6 ignores it. */
function scopeOf(spec: RouteSpec, deletes: boolean): number {
  if (deletes) return ANY_SCOPE;
  if (spec.type === 'local') return scopeNumber('host');
  if (spec.type === 'broadcast' || spec.type === 'multicast' || spec.type === 'anycast')
    return scopeNumber('link');
  const unicast = spec.type === undefined || spec.type === 'unicast';
  const isDirect = !spec.gateway && !spec.multipath && spec.nextHopId === undefined;
  return scopeNumber(unicast && isDirect ? 'link' : 'global');
}

function encodeGateway(out: MessageWriter, family: Family, gateway: Address): void {
  if (gateway.family === family) out.attributeBytes(RTA_GATEWAY, gateway.bytes);
  else out.attributeVia(RTA_VIA, familyNumber(gateway.family), gateway.bytes);
}

function encodeMultipath(out: MessageWriter, family: Family, hops: readonly NextHop[]): void {
  const multipath = out.beginNested(RTA_MULTIPATH);
  for (const hop of hops) {
    // struct rtnexthop: length 2, flags 1, weight - 1, index 4, attributes.
    const start = out.length;
    out.half(0);
    out.byte(hop.onlink ? RTNH_F_ONLINK : 0);
    out.byte((hop.weight ?? 1) - 1);
    out.word(hop.oif ?? 0);
    if (hop.gateway) encodeGateway(out, family, hop.gateway);
    out.endNested(start);
  }
  out.endNested(multipath);
}

/** All of a filter's fields are matched by the kernel, since our sockets check strictly. */
export function encodeRouteDump(out: MessageWriter, family: Family, filter: RouteFilter): void {
  const type = filter.type ? TYPES.indexOf(filter.type) : 0;
  header(out, familyNumber(family), 0, filter.table ?? 0, filter.protocol ?? 0, 0, type, 0);
  if (filter.oif !== undefined) out.attributeU32(RTA_OIF, filter.oif);
}

function header(
  out: MessageWriter,
  family: number,
  length: number,
  table: number,
  protocol: number,
  scope: number,
  type: number,
  flags: number,
): void {
  out.byte(family);
  out.byte(length);
  out.byte(0);
  out.byte(0);
  out.byte(table < 256 ? table : 0);
  out.byte(protocol);
  out.byte(scope);
  out.byte(type);
  out.word(flags);
  if (table > 255) out.attributeU32(RTA_TABLE, table);
}

/** @returns undefined for a route that is not of IPv4 or IPv6, or of a type that has no name here. */
export function decodeRoute(words: Words, start: number, end: number): Route | undefined {
  const family = familyOf(words.u8[start]!);
  const type =
    TYPES[words.u8[start + 7]!] ?? (words.u8[start + 7] === ANY_TYPE ? 'unicast' : undefined);
  if (!family || !type) return undefined;
  const flags = words.u32[(start + 8) >> 2]!;
  let table = words.u8[start + 4]!;
  let metric = 0;
  let destination: Address | undefined;
  let gateway: Address | undefined;
  let preferredSource: Address | undefined;
  let oif: number | undefined;
  let multipath: NextHop[] | undefined;
  let nextHopId: number | undefined;
  const attributes = new AttributeCursor(words).reset(start + HEADER_LENGTH, end);
  while (attributes.next()) {
    switch (attributes.type) {
      case RTA_DST:
        destination = attributes.address();
        break;
      case RTA_GATEWAY:
        gateway = attributes.address();
        break;
      case RTA_VIA:
        gateway = decodeVia(attributes);
        break;
      case RTA_OIF:
        oif = attributes.u32();
        break;
      case RTA_PRIORITY:
        metric = attributes.u32();
        break;
      case RTA_PREFSRC:
        preferredSource = attributes.address();
        break;
      case RTA_TABLE:
        table = attributes.u32();
        break;
      case RTA_MULTIPATH:
        multipath = decodeMultipath(attributes);
        break;
      case RTA_NH_ID:
        nextHopId = attributes.u32();
    }
  }
  // IPv6 tells of a blackhole as `dev lo`, which nobody gave and IPv4 doesn't say.
  if (type === 'blackhole' || type === 'unreachable' || type === 'prohibit') oif = undefined;
  const route: { -readonly [Field in keyof Route]: Route[Field] } = {
    family,
    destination: {
      address: destination ?? { family, bytes: NO_ADDRESS[family] },
      length: words.u8[start + 1]!,
    },
    table,
    protocol: words.u8[start + 5]!,
    type,
    scope: scopeName(words.u8[start + 6]!),
    metric,
    linkDown: (flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) !== 0,
  };
  // One by one: of 100,000 routes the objects to spread would be as many again.
  if (gateway !== undefined) route.gateway = gateway;
  if (oif !== undefined) route.oif = oif;
  if ((flags & RTNH_F_ONLINK) !== 0) route.onlink = true;
  if (multipath !== undefined) route.multipath = multipath;
  if (nextHopId !== undefined) route.nextHopId = nextHopId;
  if (preferredSource !== undefined) route.preferredSource = preferredSource;
  return route;
}

/** struct rtvia: family 2, address. */
function decodeVia(attribute: AttributeCursor): Address | undefined {
  const family = attribute.u16();
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  return addressAt(attribute.words, attribute.start + 2, family === AF_INET ? 4 : 16);
}

function decodeMultipath(multipath: AttributeCursor): NextHop[] {
  const { words } = multipath;
  const hops: NextHop[] = [];
  const end = multipath.start + multipath.length;
  const attributes = new AttributeCursor(words);
  for (let at = multipath.start; at + NEXT_HOP_LENGTH <= end; ) {
    const length = words.u16[at >> 1]!;
    if (length < NEXT_HOP_LENGTH || at + length > end) break;
    let gateway: Address | undefined;
    attributes.reset(at + NEXT_HOP_LENGTH, at + length);
    while (attributes.next()) {
      if (attributes.type === RTA_GATEWAY) gateway = attributes.address();
      else if (attributes.type === RTA_VIA) gateway = decodeVia(attributes);
    }
    const oif = words.i32[(at + 4) >> 2]!;
    hops.push({
      weight: words.u8[at + 3]! + 1,
      ...(oif !== 0 && { oif }),
      ...(gateway && { gateway }),
      ...((words.u8[at + 2]! & RTNH_F_ONLINK) !== 0 && { onlink: true }),
    });
    at += align4(length);
  }
  return hops;
}

export function describeRoute(route: Route): string {
  const type = route.type === 'unicast' ? '' : `${route.type} `;
  const table = route.table === MAIN_TABLE ? '' : ` in table ${route.table}`;
  return `${type}route ${formatPrefix(route.destination)}${describeNextHops(route)}${table}`;
}

function describeNextHops(route: Route): string {
  if (route.nextHopId !== undefined) return ` by next hop ${route.nextHopId}`;
  return (route.multipath ?? [route]).map(describeNextHop).join(',');
}

function describeNextHop(hop: NextHop): string {
  const via = hop.gateway ? ` via ${formatAddress(hop.gateway)}` : '';
  return hop.oif === undefined ? via : `${via} by link ${hop.oif}`;
}
