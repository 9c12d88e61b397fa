/** What is particular to a kind of interface (IFLA_INFO_DATA): linux/if_link.h, if_tunnel.h, veth.h. */

import type { Address } from 'net-ipaddr';
import type { AttributeCursor } from '../wire/attributes.ts';
import type { MessageWriter } from '../wire/message-writer.ts';

/** A network namespace: a path such as `/var/run/netns/x` or `/proc/123/ns/net`, or a descriptor of one. */
export type Namespace = string | number;

export interface Veth {
  readonly kind: 'veth';
  /** Needed to create one; absent in what the kernel tells, where `Link.peerIndex` has it. */
  readonly peer?: {
    readonly name: string;
    /** Where the peer is created; by default beside the first end. Moving it later costs 16 ms. */
    readonly namespace?: Namespace;
    readonly mac?: string;
    readonly mtu?: number;
  };
}

export interface Bridge {
  readonly kind: 'bridge';
}

export interface Vxlan {
  readonly kind: 'vxlan';
  /** VNI, 0–16777215. */
  readonly id: number;
  /** Source address of the outer packets; its family is the underlay's. */
  readonly local?: Address;
  /** Index of the underlay's interface. */
  readonly device?: number;
  /** UDP destination port. @default 4789 (the kernel's own default is 8472) */
  readonly port?: number;
  /** Learn remote addresses from traffic. @default false (the kernel's own default is true) */
  readonly learning?: boolean;
}

export interface Ipip {
  readonly kind: 'ipip';
  readonly local?: Address;
  readonly remote?: Address;
  /** Outer TTL; 0 copies the inner one. @default 0 */
  readonly ttl?: number;
  /** Set DF on outer packets. Kernel: must be true unless ttl is 0. @default true */
  readonly pathMtuDiscovery?: boolean;
}

/** Told by the kernel only: what makes one is an ioctl on /dev/net/tun, not rtnetlink. */
export interface Tun {
  readonly kind: 'tun';
  readonly mode: 'tun' | 'tap';
  readonly persistent: boolean;
  readonly packetInformation: boolean;
  readonly vnetHeader: boolean;
  readonly multiQueue: boolean;
}

export type LinkKind = Veth | Bridge | Vxlan | Ipip | Tun;

const VETH_INFO_PEER = 1;

const IFLA_VXLAN_ID = 1;
const IFLA_VXLAN_LINK = 3;
const IFLA_VXLAN_LOCAL = 4;
const IFLA_VXLAN_LEARNING = 7;
const IFLA_VXLAN_PORT = 15;
const IFLA_VXLAN_LOCAL6 = 17;

const IFLA_IPTUN_LOCAL = 2;
const IFLA_IPTUN_REMOTE = 3;
const IFLA_IPTUN_TTL = 4;
const IFLA_IPTUN_PROTO = 9;
const IFLA_IPTUN_PMTUDISC = 10;
const IPPROTO_IPIP = 4;

const IFLA_TUN_TYPE = 3;
const IFLA_TUN_PI = 4;
const IFLA_TUN_VNET_HDR = 5;
const IFLA_TUN_PERSIST = 6;
const IFLA_TUN_MULTI_QUEUE = 7;
const IFF_TAP = 2;

/** IANA's, where the kernel's own default is an older 8472. */
const VXLAN_PORT = 4789;

/** `encodePeer` writes a veth's other end, which is a whole link. */
export function encodeLinkKind(
  out: MessageWriter,
  kind: Veth | Bridge | Vxlan | Ipip,
  encodePeer: (peer: NonNullable<Veth['peer']>) => void,
): void {
  if (kind.kind === 'veth' && kind.peer) {
    const peer = out.beginNested(VETH_INFO_PEER);
    encodePeer(kind.peer);
    out.endNested(peer);
  } else if (kind.kind === 'vxlan') encodeVxlan(out, kind);
  else if (kind.kind === 'ipip') encodeIpip(out, kind);
}

function encodeVxlan(out: MessageWriter, vxlan: Vxlan): void {
  out.attributeU32(IFLA_VXLAN_ID, vxlan.id);
  out.attributeU16be(IFLA_VXLAN_PORT, vxlan.port ?? VXLAN_PORT);
  out.attributeByte(IFLA_VXLAN_LEARNING, vxlan.learning ? 1 : 0);
  if (vxlan.device !== undefined) out.attributeU32(IFLA_VXLAN_LINK, vxlan.device);
  if (vxlan.local)
    out.attributeBytes(
      vxlan.local.family === 4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6,
      vxlan.local.bytes,
    );
}

function encodeIpip(out: MessageWriter, ipip: Ipip): void {
  if (ipip.local) out.attributeBytes(IFLA_IPTUN_LOCAL, ipip.local.bytes);
  if (ipip.remote) out.attributeBytes(IFLA_IPTUN_REMOTE, ipip.remote.bytes);
  out.attributeByte(IFLA_IPTUN_TTL, ipip.ttl ?? 0);
  out.attributeByte(IFLA_IPTUN_PMTUDISC, (ipip.pathMtuDiscovery ?? true) ? 1 : 0);
  // IPv4 in IPv4 only: without it the device also takes MPLS.
  out.attributeByte(IFLA_IPTUN_PROTO, IPPROTO_IPIP);
}

/** @returns undefined for a kind that `LinkKind` does not list. */
export function decodeLinkKind(
  kind: string,
  details: AttributeCursor | undefined,
): LinkKind | undefined {
  if (kind === 'veth' || kind === 'bridge') return { kind };
  if (!details) return undefined;
  if (kind === 'vxlan') return decodeVxlan(details);
  if (kind === 'ipip') return decodeIpip(details);
  return kind === 'tun' ? decodeTun(details) : undefined;
}

function decodeVxlan(details: AttributeCursor): Vxlan {
  let id = 0;
  let local: Address | undefined;
  let device = 0;
  let port = 0;
  let learning = false;
  while (details.next()) {
    if (details.type === IFLA_VXLAN_ID) id = details.u32();
    else if (details.type === IFLA_VXLAN_LOCAL || details.type === IFLA_VXLAN_LOCAL6)
      local = details.address();
    else if (details.type === IFLA_VXLAN_LINK) device = details.u32();
    else if (details.type === IFLA_VXLAN_PORT) port = details.u16be();
    else if (details.type === IFLA_VXLAN_LEARNING) learning = details.byte() !== 0;
  }
  return {
    kind: 'vxlan',
    id,
    port,
    learning,
    ...(local && isSpecified(local) && { local }),
    ...(device !== 0 && { device }),
  };
}

function decodeIpip(details: AttributeCursor): Ipip {
  let local: Address | undefined;
  let remote: Address | undefined;
  let ttl = 0;
  let pathMtuDiscovery = false;
  while (details.next()) {
    if (details.type === IFLA_IPTUN_LOCAL) local = details.address();
    else if (details.type === IFLA_IPTUN_REMOTE) remote = details.address();
    else if (details.type === IFLA_IPTUN_TTL) ttl = details.byte();
    else if (details.type === IFLA_IPTUN_PMTUDISC) pathMtuDiscovery = details.byte() !== 0;
  }
  return {
    kind: 'ipip',
    ttl,
    pathMtuDiscovery,
    ...(local && isSpecified(local) && { local }),
    ...(remote && isSpecified(remote) && { remote }),
  };
}

function decodeTun(details: AttributeCursor): Tun {
  const tun = {
    kind: 'tun' as const,
    mode: 'tun' as Tun['mode'],
    persistent: false,
    packetInformation: false,
    vnetHeader: false,
    multiQueue: false,
  };
  while (details.next()) {
    if (details.type === IFLA_TUN_TYPE) tun.mode = details.byte() === IFF_TAP ? 'tap' : 'tun';
    else if (details.type === IFLA_TUN_PERSIST) tun.persistent = details.byte() !== 0;
    else if (details.type === IFLA_TUN_PI) tun.packetInformation = details.byte() !== 0;
    else if (details.type === IFLA_TUN_VNET_HDR) tun.vnetHeader = details.byte() !== 0;
    else if (details.type === IFLA_TUN_MULTI_QUEUE) tun.multiQueue = details.byte() !== 0;
  }
  return tun;
}

/** The kernel tells of an address that was not given as of 0.0.0.0. */
function isSpecified(address: Address): boolean {
  return address.bytes.some((byte) => byte !== 0);
}
