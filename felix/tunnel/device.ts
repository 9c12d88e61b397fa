/** A tunnel's device: how it should be, and whether what is there can become that or must be made anew. */

import { type Address, equalAddresses, isLinkLocal } from 'net-ipaddr';
import type { AddressEntry, Link, LinkSpec, Operation } from 'rtnetlink-ts';
import type { Tunnel } from '../calc/overlay.ts';
import { deviceName, overheadOf } from './devices.ts';
import type { Underlay } from './underlay.ts';
import { fitsVxlan, vxlanKind } from './vxlan.ts';

type Device = LinkSpec & { readonly name: string; readonly mtu: number };

export function deviceOf(tunnel: Tunnel, underlay: Underlay): Device {
  const { kind, family } = tunnel;
  const name = deviceName(kind, family);
  const mtu = tunnel.mtu ?? underlay.mtu - overheadOf(kind, family);
  return kind === 'vxlan'
    ? { name, mtu, mac: tunnel.mac, kind: vxlanKind(tunnel, underlay) }
    : // Any node may be the other end, and routes say which: as the device that comes with the module.
      { name, mtu, kind: { kind: 'ipip', pathMtuDiscovery: false } };
}

/** Whether `link` is the device but for what can be changed while it is in use. */
export function fits(link: Link, device: Device): boolean {
  const { kind } = device;
  if (kind?.kind === 'vxlan' && link.details?.kind === 'vxlan')
    return fitsVxlan(link.details, kind);
  return link.kind === kind?.kind;
}

/** What is to change so that it is up and as it should be. */
export function deviceOperations(link: Link, device: Device): Operation[] {
  const { index } = link;
  const { mac, mtu } = device;
  const operations: Operation[] = [];
  if (link.mtu !== mtu) operations.push({ action: 'change', link: { index, mtu } });
  if (mac !== undefined && link.mac !== mac)
    operations.push({ action: 'change', link: { index, mac } });
  if (!link.up) operations.push({ action: 'change', link: { index, up: true } });
  return operations;
}

/** The device has one address, and beside it only the link-local one that the kernel gives. */
export function addressOperations(
  link: number,
  address: Address | undefined,
  present: readonly AddressEntry[],
): Operation[] {
  const operations: Operation[] = [];
  let isThere = false;
  for (const entry of present) {
    if (entry.link !== link || isLinkLocal(entry.address)) continue;
    if (address !== undefined && equalAddresses(entry.address, address)) isThere = true;
    else operations.push({ action: 'delete', address: entry });
  }
  if (address === undefined || isThere) return operations;
  const length = address.family === 4 ? 32 : 128;
  const noDad = address.family === 6;
  return [...operations, { action: 'replace', address: { link, address, length, noDad } }];
}

/** Loose reverse-path filtering: what a tunnel brings may have left its node on another way than the answer takes. */
export function deviceSysctls(name: string): Readonly<Record<string, string>> {
  return { [`net/ipv4/conf/${name}/rp_filter`]: '2' };
}
