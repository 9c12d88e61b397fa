/** Network interfaces: RTM_NEWLINK and its kin, rtnetlink(7) and linux/if_link.h. */

import { AttributeCursor } from '../wire/attributes.ts';
import { formatMac, parseMac } from '../wire/mac.ts';
import type { MessageWriter } from '../wire/message-writer.ts';
import type { Words } from '../wire/words.ts';
import { AF_UNSPEC } from './family.ts';
import {
  type Bridge,
  decodeLinkKind,
  encodeLinkKind,
  type Ipip,
  type LinkKind,
  type Namespace,
  type Veth,
  type Vxlan,
} from './link-kind.ts';

/** An interface by its index or its name. */
export type LinkRef = number | string;

/** An interface as the kernel tells of it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** 'veth', 'bridge', …, also kinds that this library cannot create; undefined for lo and hardware. */
  readonly kind?: string;
  /** What is particular to the kind, for those of `LinkKind`. */
  readonly details?: LinkKind;
  /** Administratively up (IFF_UP). */
  readonly up: boolean;
  /** It has carrier (IFF_LOWER_UP). */
  readonly hasCarrier: boolean;
  readonly loopback: boolean;
  /** 'up', 'down', 'unknown' (as for lo and tun), 'lowerlayerdown', … RFC 2863. */
  readonly operState: string;
  readonly mtu: number;
  /** `02:00:00:00:00:01`, in lower case; undefined where the link layer has none (ipip, tun). */
  readonly mac?: string;
  readonly txQueueLength: number;
  /** Index of the bridge (or the like) that it is a port of. */
  readonly master?: number;
  readonly group: number;
  /** IFLA_LINK: a veth's other end, or a tunnel's underlay device. Its namespace is `peerNamespaceId`'s. */
  readonly peerIndex?: number;
  /** IFLA_LINK_NETNSID: set when `peerIndex` is an index in another namespace. */
  readonly peerNamespaceId?: number;
}

/**
 * An interface to add, change or delete.
 *
 * `add` needs `name` and `kind`. `change` and `delete` find the interface by `index`, or by `name`
 * when there is no index; a change with both gives it `name` as its new name. What is absent stays
 * as it is, or gets the kernel's default.
 */
export interface LinkSpec {
  readonly index?: number;
  readonly name?: string;
  readonly kind?: Veth | Bridge | Vxlan | Ipip;
  readonly up?: boolean;
  readonly mtu?: number;
  readonly mac?: string;
  readonly txQueueLength?: number;
  /** Index of the bridge to be a port of; 0 takes it out. */
  readonly master?: number;
  readonly group?: number;
  /** Where it is created, or moved to. A move blocks for 15–40 ms: do it off the loop. */
  readonly namespace?: Namespace;
}

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_TXQLEN = 13;
const IFLA_OPERSTATE = 16;
const IFLA_LINKINFO = 18;
const IFLA_GROUP = 27;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const IFLA_LINK_NETNSID = 37;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;

const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_LOWER_UP = 0x10000;

/** Statistics are half of a link's message, and nobody here reads them. */
const RTEXT_FILTER_SKIP_STATS = 0x8;

/** IFNAMSIZ with its NUL. */
const MAX_NAME_BYTES = 15;

/** struct ifinfomsg. */
const HEADER_LENGTH = 16;

const OPER_STATES = [
  'unknown',
  'notpresent',
  'down',
  'lowerlayerdown',
  'testing',
  'dormant',
  'up',
] as const;

/** Opens a namespace, and keeps the descriptor until the request is sent. */
export type OpenNamespace = (namespace: Namespace) => number;

export function encodeLink(out: MessageWriter, spec: LinkSpec, openNamespace: OpenNamespace): void {
  header(out, spec.index ?? 0, spec.up);
  if (spec.name !== undefined) out.attributeText(IFLA_IFNAME, checkedName(spec.name));
  if (spec.mtu !== undefined) out.attributeU32(IFLA_MTU, spec.mtu);
  if (spec.mac !== undefined) out.attributeBytes(IFLA_ADDRESS, parseMac(spec.mac));
  if (spec.txQueueLength !== undefined) out.attributeU32(IFLA_TXQLEN, spec.txQueueLength);
  if (spec.master !== undefined) out.attributeU32(IFLA_MASTER, spec.master);
  if (spec.group !== undefined) out.attributeU32(IFLA_GROUP, spec.group);
  if (spec.namespace !== undefined) out.attributeU32(IFLA_NET_NS_FD, openNamespace(spec.namespace));
  if (spec.kind) {
    const linkInfo = out.beginNested(IFLA_LINKINFO);
    out.attributeText(IFLA_INFO_KIND, spec.kind.kind);
    const details = out.beginNested(IFLA_INFO_DATA);
    encodeLinkKind(out, spec.kind, (peer) => encodePeer(out, peer, openNamespace));
    out.endNested(details);
    out.endNested(linkInfo);
  }
}

/** The peer of a veth: a whole link message of its own. With IFF_UP in it the kernel says ENOTCONN. */
function encodePeer(
  out: MessageWriter,
  peer: NonNullable<Veth['peer']>,
  openNamespace: OpenNamespace,
): void {
  encodeLink(out, peer, openNamespace);
}

export function encodeLinkRef(out: MessageWriter, ref: LinkRef): void {
  header(out, typeof ref === 'number' ? ref : 0, undefined);
  if (typeof ref === 'string') out.attributeText(IFLA_IFNAME, checkedName(ref));
  out.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

export function encodeLinkDump(
  out: MessageWriter,
  filter: { kind?: string; master?: number },
): void {
  header(out, 0, undefined);
  out.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  if (filter.master !== undefined) out.attributeU32(IFLA_MASTER, filter.master);
  if (filter.kind !== undefined) {
    const linkInfo = out.beginNested(IFLA_LINKINFO);
    out.attributeText(IFLA_INFO_KIND, filter.kind);
    out.endNested(linkInfo);
  }
}

function header(out: MessageWriter, index: number, up: boolean | undefined): void {
  out.word(AF_UNSPEC);
  out.word(index);
  out.word(up ? IFF_UP : 0);
  // Which of the flags to change.
  out.word(up === undefined ? 0 : IFF_UP);
}

function checkedName(name: string): string {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > MAX_NAME_BYTES)
    throw new TypeError(`"${name}" is not an interface name: it takes 1–${MAX_NAME_BYTES} bytes`);
  return name;
}

/**
 * @returns undefined for what is not about an interface itself: IPv6 and bridges tell of their side
 * of one in the same messages, and the bridge's RTM_DELLINK only says that a port has left.
 */
export function decodeLink(words: Words, start: number, end: number): Link | undefined {
  if (words.u8[start] !== AF_UNSPEC) return undefined;
  const index = words.i32[(start + 4) >> 2]!;
  const flags = words.u32[(start + 8) >> 2]!;
  let name = '';
  let kind: string | undefined;
  let details: LinkKind | undefined;
  let mac: string | undefined;
  let mtu = 0;
  let txQueueLength = 0;
  let group = 0;
  let operState: string = 'unknown';
  let master: number | undefined;
  let peerIndex: number | undefined;
  let peerNamespaceId: number | undefined;
  const attributes = new AttributeCursor(words).reset(start + HEADER_LENGTH, end);
  while (attributes.next()) {
    switch (attributes.type) {
      case IFLA_IFNAME:
        name = attributes.text();
        break;
      case IFLA_ADDRESS:
        if (attributes.length === 6) mac = formatMac(words, attributes.start);
        break;
      case IFLA_MTU:
        mtu = attributes.u32();
        break;
      case IFLA_TXQLEN:
        txQueueLength = attributes.u32();
        break;
      case IFLA_GROUP:
        group = attributes.u32();
        break;
      case IFLA_OPERSTATE:
        operState = OPER_STATES[attributes.byte()] ?? 'unknown';
        break;
      case IFLA_MASTER:
        master = attributes.u32();
        break;
      case IFLA_LINK:
        peerIndex = attributes.u32();
        break;
      case IFLA_LINK_NETNSID:
        peerNamespaceId = attributes.i32();
        break;
      case IFLA_LINKINFO:
        ({ kind, details } = decodeLinkInfo(attributes.nested()));
    }
  }
  return {
    index,
    name,
    up: (flags & IFF_UP) !== 0,
    hasCarrier: (flags & IFF_LOWER_UP) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    operState,
    mtu,
    txQueueLength,
    group,
    ...(kind !== undefined && { kind }),
    ...(details && { details }),
    ...(mac !== undefined && { mac }),
    ...(master !== undefined && { master }),
    // A tunnel without an underlay device has IFLA_LINK 0.
    ...(peerIndex !== undefined && peerIndex !== 0 && { peerIndex }),
    ...(peerNamespaceId !== undefined && peerNamespaceId >= 0 && { peerNamespaceId }),
  };
}

function decodeLinkInfo(attributes: AttributeCursor): { kind?: string; details?: LinkKind } {
  let kind: string | undefined;
  let data: AttributeCursor | undefined;
  while (attributes.next()) {
    if (attributes.type === IFLA_INFO_KIND) kind = attributes.text();
    else if (attributes.type === IFLA_INFO_DATA) data = attributes.nested();
  }
  if (kind === undefined) return {};
  const details = decodeLinkKind(kind, data);
  return { kind, ...(details && { details }) };
}

export function describeLink(link: Link): string {
  const kind = link.kind ? `${link.kind} ` : '';
  return `${kind}link ${link.name || link.index || `group ${link.group}`}`;
}
