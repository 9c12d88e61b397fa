/** Neighbours (ARP, ND, proxy entries) and bridge forwarding entries: linux/neighbour.h. */

import { type Address, type Family, formatAddress } from 'net-ipaddr';
import { AttributeCursor } from '../wire/attributes.ts';
import { formatMac, parseMac } from '../wire/mac.ts';
import type { MessageWriter } from '../wire/message-writer.ts';
import type { Words } from '../wire/words.ts';
import { AF_BRIDGE, AF_UNSPEC, familyNumber, familyOf } from './family.ts';

export type NeighbourState =
  | 'none'
  | 'incomplete'
  | 'reachable'
  | 'stale'
  | 'delay'
  | 'probe'
  | 'failed'
  | 'noarp'
  | 'permanent';

/** A neighbour to add, replace or delete, and one as the kernel tells of it. */
export interface Neighbour {
  /** The interface's index. */
  readonly link: number;
  readonly address: Address;
  /** Absent in a proxy entry. */
  readonly mac?: string;
  /** @default 'permanent' */
  readonly state?: NeighbourState;
  /** The kernel answers for this address on the link (`ip neigh add proxy`). @default false */
  readonly proxy?: boolean;
  readonly protocol?: number;
}

/** A forwarding entry of a vxlan (or a bridge port), to add, replace, append or delete, and as told. */
export interface FdbEntry {
  /** The interface's index. */
  readonly link: number;
  /** All zero: where frames to unknown destinations go. */
  readonly mac: string;
  /** vxlan: the remote's underlay address. */
  readonly destination?: Address;
  /** vxlan: the remote's UDP port, where not the device's. */
  readonly port?: number;
  /** vxlan: the remote's VNI, where not the device's. */
  readonly id?: number;
  readonly vlan?: number;
  /** It is the bridge's (port) rather than the device's own. @default false */
  readonly master?: boolean;
  /** @default 'permanent' */
  readonly state?: NeighbourState;
}

export interface NeighbourFilter {
  readonly family?: Family;
  /** The interface's index. */
  readonly link?: number;
  /** The proxy entries, which an ordinary dump leaves out. @default false */
  readonly proxy?: boolean;
}

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDA_VLAN = 5;
const NDA_PORT = 6;
const NDA_VNI = 7;
const NDA_IFINDEX = 8;
const NDA_PROTOCOL = 12;

const NTF_SELF = 0x02;
const NTF_MASTER = 0x04;
const NTF_PROXY = 0x08;

/** A set of bits; of several, the first in this order is the one that tells. */
const STATES: readonly (readonly [NeighbourState, number])[] = [
  ['permanent', 0x80],
  ['noarp', 0x40],
  ['failed', 0x20],
  ['probe', 0x10],
  ['delay', 0x08],
  ['stale', 0x04],
  ['reachable', 0x02],
  ['incomplete', 0x01],
];

/** struct ndmsg. */
const HEADER_LENGTH = 12;

export function encodeNeighbour(out: MessageWriter, entry: Neighbour): void {
  const state = entry.proxy ? 0 : stateNumber(entry.state ?? 'permanent');
  const flags = entry.proxy ? NTF_PROXY : 0;
  header(out, familyNumber(entry.address.family), entry.link, state, flags);
  out.attributeBytes(NDA_DST, entry.address.bytes);
  if (entry.mac !== undefined) out.attributeBytes(NDA_LLADDR, parseMac(entry.mac));
  if (entry.protocol !== undefined) out.attributeByte(NDA_PROTOCOL, entry.protocol);
}

export function encodeFdb(out: MessageWriter, entry: FdbEntry): void {
  const flags = entry.master ? NTF_MASTER : NTF_SELF;
  header(out, AF_BRIDGE, entry.link, stateNumber(entry.state ?? 'permanent'), flags);
  out.attributeBytes(NDA_LLADDR, parseMac(entry.mac));
  if (entry.destination) out.attributeBytes(NDA_DST, entry.destination.bytes);
  if (entry.vlan !== undefined) out.attributeU16(NDA_VLAN, entry.vlan);
  if (entry.port !== undefined) out.attributeU16be(NDA_PORT, entry.port);
  if (entry.id !== undefined) out.attributeU32(NDA_VNI, entry.id);
}

export function encodeNeighbourDump(out: MessageWriter, filter: NeighbourFilter): void {
  const family = filter.family ? familyNumber(filter.family) : AF_UNSPEC;
  header(out, family, 0, 0, filter.proxy ? NTF_PROXY : 0);
  if (filter.link !== undefined) out.attributeU32(NDA_IFINDEX, filter.link);
}

export function encodeFdbDump(out: MessageWriter, filter: { link?: number }): void {
  header(out, AF_BRIDGE, 0, 0, 0);
  if (filter.link !== undefined) out.attributeU32(NDA_IFINDEX, filter.link);
}

function header(
  out: MessageWriter,
  family: number,
  link: number,
  state: number,
  flags: number,
): void {
  out.byte(family);
  out.byte(0);
  out.half(0);
  out.word(link);
  out.half(state);
  out.byte(flags);
  out.byte(0);
}

export function isFdb(words: Words, start: number): boolean {
  return words.u8[start] === AF_BRIDGE;
}

/** @returns undefined for a neighbour that is not of IPv4 or IPv6. */
export function decodeNeighbour(words: Words, start: number, end: number): Neighbour | undefined {
  if (!familyOf(words.u8[start]!)) return undefined;
  let address: Address | undefined;
  let mac: string | undefined;
  let protocol: number | undefined;
  const attributes = new AttributeCursor(words).reset(start + HEADER_LENGTH, end);
  while (attributes.next()) {
    if (attributes.type === NDA_DST) address = attributes.address();
    else if (attributes.type === NDA_LLADDR && attributes.length === 6)
      mac = formatMac(words, attributes.start);
    else if (attributes.type === NDA_PROTOCOL) protocol = attributes.byte();
  }
  if (!address) return undefined;
  return {
    link: words.u32[(start + 4) >> 2]!,
    address,
    state: stateName(words.u16[(start + 8) >> 1]!),
    ...(mac !== undefined && { mac }),
    ...((words.u8[start + 10]! & NTF_PROXY) !== 0 && { proxy: true }),
    ...(protocol !== undefined && { protocol }),
  };
}

export function decodeFdb(words: Words, start: number, end: number): FdbEntry | undefined {
  let mac: string | undefined;
  let destination: Address | undefined;
  let port: number | undefined;
  let id: number | undefined;
  let vlan: number | undefined;
  const attributes = new AttributeCursor(words).reset(start + HEADER_LENGTH, end);
  while (attributes.next()) {
    if (attributes.type === NDA_LLADDR && attributes.length === 6)
      mac = formatMac(words, attributes.start);
    else if (attributes.type === NDA_DST) destination = attributes.address();
    else if (attributes.type === NDA_PORT) port = attributes.u16be();
    else if (attributes.type === NDA_VNI) id = attributes.u32();
    else if (attributes.type === NDA_VLAN) vlan = attributes.u16();
  }
  if (mac === undefined) return undefined;
  return {
    link: words.u32[(start + 4) >> 2]!,
    mac,
    state: stateName(words.u16[(start + 8) >> 1]!),
    ...(destination && { destination }),
    ...(port !== undefined && { port }),
    ...(id !== undefined && { id }),
    ...(vlan !== undefined && { vlan }),
    ...((words.u8[start + 10]! & NTF_SELF) === 0 && { master: true }),
  };
}

function stateNumber(state: NeighbourState): number {
  return STATES.find(([name]) => name === state)?.[1] ?? 0;
}

function stateName(bits: number): NeighbourState {
  return STATES.find(([, bit]) => (bits & bit) !== 0)?.[0] ?? 'none';
}

export function describeNeighbour(entry: Neighbour): string {
  const what = entry.proxy ? 'proxy neighbour' : 'neighbour';
  return `${what} ${formatAddress(entry.address)} on link ${entry.link}`;
}

export function describeFdb(entry: FdbEntry): string {
  const to = entry.destination ? ` to ${formatAddress(entry.destination)}` : '';
  return `forwarding entry ${entry.mac}${to} on link ${entry.link}`;
}
