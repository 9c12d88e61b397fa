/**
 * Next hops that are objects of their own, shared by routes: RTM_NEWNEXTHOP and its kin, linux/nexthop.h.
 * Since Linux 5.3; a kernel without them answers EOPNOTSUPP.
 */

import { type Address, type Family, formatAddress } from 'net-ipaddr';
import { AttributeCursor } from '../wire/attributes.ts';
import type { MessageWriter } from '../wire/message-writer.ts';
import type { Words } from '../wire/words.ts';
import { AF_UNSPEC, familyNumber, familyOf } from './family.ts';

/** One member of a group. */
export interface NextHopShare {
  readonly id: number;
  /** 1–256. @default 1 */
  readonly weight?: number;
}

/**
 * A next hop to add, replace or delete, and one as the kernel tells of it: by an interface, or a group
 * of such. Replaced, it stays of its kind, and all its routes go the new way at once. With it go its
 * routes; it goes itself with its interface, or its last member. A deletion needs only the id.
 */
export interface NextHopObject {
  /** 1 to 4294967295. */
  readonly id: number;
  /** Who made it, as in a route. @default 0, unspecified */
  readonly protocol?: number;
  readonly gateway?: Address;
  /** The interface's index; it must be up, and have its carrier. */
  readonly oif?: number;
  /** The gateway is on the link even though no address says so. @default false */
  readonly onlink?: boolean;
  /** In place of gateway, oif and onlink. No id twice. */
  readonly group?: readonly NextHopShare[];
  /** In place of all of these. @default false */
  readonly blackhole?: boolean;
  /** Of a next hop without gateway: routes of which family may use it. @default 4 */
  readonly family?: Family;
}

export const RTM_NEWNEXTHOP = 104;
export const RTM_DELNEXTHOP = 105;
export const RTM_GETNEXTHOP = 106;

const NHA_ID = 1;
const NHA_GROUP = 2;
const NHA_BLACKHOLE = 4;
const NHA_OIF = 5;
const NHA_GATEWAY = 6;

const RTNH_F_ONLINK = 4;

/** struct nhmsg. */
const HEADER_LENGTH = 8;
/** struct nexthop_grp: id 4, weight - 1, 3 octets of other uses. */
const SHARE_LENGTH = 8;

export function encodeNextHop(out: MessageWriter, spec: NextHopObject, deletes: boolean): void {
  const { blackhole, family = 4, gateway, group, id, oif, onlink, protocol = 0 } = spec;
  if (deletes) {
    header(out, AF_UNSPEC, 0, 0);
    out.attributeU32(NHA_ID, id);
    return;
  }
  const number = group ? AF_UNSPEC : familyNumber(gateway?.family ?? family);
  header(out, number, protocol, onlink ? RTNH_F_ONLINK : 0);
  out.attributeU32(NHA_ID, id);
  if (group) encodeGroup(out, group);
  if (blackhole) out.attributeBytes(NHA_BLACKHOLE, new Uint8Array());
  if (gateway) out.attributeBytes(NHA_GATEWAY, gateway.bytes);
  if (oif !== undefined) out.attributeU32(NHA_OIF, oif);
}

function encodeGroup(out: MessageWriter, group: readonly NextHopShare[]): void {
  const shares = out.beginNested(NHA_GROUP);
  for (const { id, weight = 1 } of group) {
    out.word(id);
    out.byte(weight - 1);
    out.byte(0);
    out.half(0);
  }
  out.endNested(shares);
}

export function encodeNextHopDump(out: MessageWriter): void {
  header(out, AF_UNSPEC, 0, 0);
}

function header(out: MessageWriter, family: number, protocol: number, flags: number): void {
  out.byte(family);
  out.byte(0);
  out.byte(protocol);
  out.byte(0);
  out.word(flags);
}

export function decodeNextHop(words: Words, start: number, end: number): NextHopObject {
  let id = 0;
  let group: NextHopShare[] | undefined;
  let blackhole = false;
  let oif: number | undefined;
  let gateway: Address | undefined;
  const attributes = new AttributeCursor(words).reset(start + HEADER_LENGTH, end);
  while (attributes.next()) {
    switch (attributes.type) {
      case NHA_ID:
        id = attributes.u32();
        break;
      case NHA_GROUP:
        group = decodeGroup(attributes);
        break;
      case NHA_BLACKHOLE:
        blackhole = true;
        break;
      case NHA_OIF:
        oif = attributes.u32();
        break;
      case NHA_GATEWAY:
        gateway = attributes.address();
    }
  }
  const isOnlink = (words.u32[(start + 4) >> 2]! & RTNH_F_ONLINK) !== 0;
  const family = familyOf(words.u8[start]!);
  return {
    id,
    protocol: words.u8[start + 2]!,
    ...(gateway && { gateway }),
    ...(oif !== undefined && { oif }),
    ...(isOnlink && { onlink: true }),
    ...(group && { group }),
    ...(blackhole && { blackhole }),
    ...(family && { family }),
  };
}

function decodeGroup({ words, start, length }: AttributeCursor): NextHopShare[] {
  const group: NextHopShare[] = [];
  for (let at = start; at + SHARE_LENGTH <= start + length; at += SHARE_LENGTH)
    group.push({ id: words.u32[at >> 2]!, weight: words.u8[at + 4]! + 1 });
  return group;
}

export function describeNextHop({ gateway, group, id, oif }: NextHopObject): string {
  if (group) return `next hop ${id}, group ${group.map((share) => share.id).join('/')}`;
  const via = gateway ? ` via ${formatAddress(gateway)}` : '';
  const by = oif === undefined ? '' : ` by link ${oif}`;
  return `next hop ${id}${via}${by}`;
}
