/** Addresses of interfaces: RTM_NEWADDR and its kin, linux/if_addr.h. */

import { type Address, type Family, formatAddress } from 'net-ipaddr';
import { AttributeCursor } from '../wire/attributes.ts';
import type { MessageWriter } from '../wire/message-writer.ts';
import type { Words } from '../wire/words.ts';
import { familyNumber, familyOf } from './family.ts';
import { type Scope, scopeName, scopeNumber } from './scope.ts';

/** An address to add, replace or delete. An `AddressEntry` is one too. */
export interface AddressSpec {
  /** The interface's index. */
  readonly link: number;
  readonly address: Address;
  /** Of the on-link prefix. With a peer it is the peer's prefix. */
  readonly length: number;
  /** The other end of a point-to-point link. */
  readonly peer?: Address;
  readonly broadcast?: Address;
  /** IPv4 only; the kernel gives IPv6 the scope of its kind. @default 'global' */
  readonly scope?: Scope;
  /** IPv6: use it at once, without duplicate address detection. @default false */
  readonly noDad?: boolean;
  /** Make no route for the on-link prefix. @default false */
  readonly noPrefixRoute?: boolean;
}

/** An address as the kernel tells of it. */
export interface AddressEntry extends AddressSpec {
  readonly scope: Scope;
  /** IPv4 label: by default the interface's name. */
  readonly label?: string;
  readonly permanent: boolean;
  /** IPv6: duplicate address detection runs: not usable yet. */
  readonly tentative: boolean;
  /** IPv6: another host has it. */
  readonly dadFailed: boolean;
}

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_FLAGS = 8;

const IFA_F_NODAD = 0x02;
const IFA_F_DADFAILED = 0x08;
const IFA_F_TENTATIVE = 0x40;
const IFA_F_PERMANENT = 0x80;
const IFA_F_NOPREFIXROUTE = 0x200;

/** struct ifaddrmsg. */
const HEADER_LENGTH = 8;

export function encodeAddress(out: MessageWriter, spec: AddressSpec): void {
  header(out, familyNumber(spec.address.family), spec.length, spec.scope ?? 'global', spec.link);
  // With a peer, IFA_ADDRESS is the far end; without one IPv4 wants the address twice.
  out.attributeBytes(IFA_LOCAL, spec.address.bytes);
  out.attributeBytes(IFA_ADDRESS, (spec.peer ?? spec.address).bytes);
  if (spec.broadcast) out.attributeBytes(IFA_BROADCAST, spec.broadcast.bytes);
  const flags = (spec.noDad ? IFA_F_NODAD : 0) | (spec.noPrefixRoute ? IFA_F_NOPREFIXROUTE : 0);
  if (flags !== 0) out.attributeU32(IFA_FLAGS, flags);
}

export function encodeAddressDump(
  out: MessageWriter,
  filter: { family?: Family; link?: number },
): void {
  header(out, filter.family ? familyNumber(filter.family) : 0, 0, 'global', filter.link ?? 0);
}

function header(
  out: MessageWriter,
  family: number,
  length: number,
  scope: Scope,
  link: number,
): void {
  out.byte(family);
  out.byte(length);
  out.byte(0);
  out.byte(scopeNumber(scope));
  out.word(link);
}

/** @returns undefined for an address that is not of IPv4 or IPv6. */
export function decodeAddress(words: Words, start: number, end: number): AddressEntry | undefined {
  if (!familyOf(words.u8[start]!)) return undefined;
  let local: Address | undefined;
  let address: Address | undefined;
  let broadcast: Address | undefined;
  let label: string | undefined;
  let flags = words.u8[start + 2]!;
  const attributes = new AttributeCursor(words).reset(start + HEADER_LENGTH, end);
  while (attributes.next()) {
    if (attributes.type === IFA_LOCAL) local = attributes.address();
    else if (attributes.type === IFA_ADDRESS) address = attributes.address();
    else if (attributes.type === IFA_BROADCAST) broadcast = attributes.address();
    else if (attributes.type === IFA_LABEL) label = attributes.text();
    else if (attributes.type === IFA_FLAGS) flags = attributes.u32();
  }
  const own = local ?? address;
  if (!own) return undefined;
  const hasPeer = local && address && !Buffer.from(local.bytes).equals(address.bytes);
  return {
    link: words.u32[(start + 4) >> 2]!,
    address: own,
    length: words.u8[start + 1]!,
    scope: scopeName(words.u8[start + 3]!),
    permanent: (flags & IFA_F_PERMANENT) !== 0,
    tentative: (flags & IFA_F_TENTATIVE) !== 0,
    dadFailed: (flags & IFA_F_DADFAILED) !== 0,
    noDad: (flags & IFA_F_NODAD) !== 0,
    noPrefixRoute: (flags & IFA_F_NOPREFIXROUTE) !== 0,
    ...(hasPeer && { peer: address }),
    ...(broadcast && { broadcast }),
    ...(label !== undefined && { label }),
  };
}

export function describeAddress(entry: AddressSpec): string {
  const peer = entry.peer ? ` peer ${formatAddress(entry.peer)}` : '';
  return `address ${formatAddress(entry.address)}${peer}/${entry.length} of link ${entry.link}`;
}
