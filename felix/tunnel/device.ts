/** A tunnel's device: how it should be, and whether what is there can become that or must be made anew. */

import { type Address, equalAddresses, familyBits, isLinkLocal } from 'net-ipaddr';
import type { AddressEntry, Link, LinkSpec, Operation } from 'rtnetlink-ts';
import type { IpipTunnel, Tunnel, VxlanTunnel } from '../calc/tunnels.ts';
import { deviceName } from '../ours.ts';
import { overheadOf } from './kinds.ts';
import type { Underlay } from './underlay.ts';
import { fitsVxlan, vxlanKind } from './vxlan.ts';

type Device = LinkSpec & { readonly name: string; readonly mtu: number };

/** What fits into one packet of the underlay, unless FelixConfiguration says something else. */
export function mtuOf({ kind, family, mtu }: Tunnel, underlayMtu: number): number {
  return mtu ?? underlayMtu - overheadOf(kind, family);
}

export function deviceOf(tunnel: VxlanTunnel | IpipTunnel, underlay: Underlay): Device {
  const { kind, family } = tunnel;
  const name = deviceName(kind, family);
  const mtu = mtuOf(tunnel, underlay.mtu);
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
export function deviceOperations(link: Link, device: Pick<Device, 'mac' | 'mtu'>): Operation[] {
  const { index } = link;
  const { mac, mtu } = device;
  const operations: Operation[] = [];
  if (link.mtu !== mtu) operations.push({ action: 'change', link: { index, mtu } });
  if (mac !== undefined && link.mac !== mac)
    operations.push({ action: 'change', link: { index, mac } });
  if (!link.up) operations.push({ action: 'change', link: { index, up: true } });
  return operations;
}

/** For one that cannot be deleted, as the `tunl0` that comes with the kernel's module: it stays, down and bare. */
export function bareOperations({ index }: Link, present: readonly AddressEntry[]): Operation[] {
  return [
    { action: 'change', link: { index, up: false } },
    ...addressOperations(index, [], present),
  ];
}

/** The device has these addresses, and beside them only the link-local one that the kernel gives. */
export function addressOperations(
  link: number,
  desired: readonly (Address | undefined)[],
  present: readonly AddressEntry[],
): Operation[] {
  const operations: Operation[] = [];
  const missing = new Set(desired.filter((address) => address !== undefined));
  for (const entry of present) {
    if (entry.link !== link || isLinkLocal(entry.address)) continue;
    const wanted = [...missing].find((address) => equalAddresses(address, entry.address));
    if (wanted === undefined) operations.push({ action: 'delete', address: entry });
    else missing.delete(wanted);
  }
  for (const address of missing) {
    const length = familyBits(address.family);
    const noDad = address.family === 6;
    operations.push({ action: 'replace', address: { link, address, length, noDad } });
  }
  return operations;
}
