/**
 * What felix uses of the kernel: netlink in the node's namespace and in pods', sysctls, nftables and connection
 * tracking, and the program behind the UDP tunnel's device.
 */

import { readFileSync } from 'node:fs';
import type { Address } from 'net-ipaddr';
import {
  deleteFlows,
  inNamespace,
  monitorNftables,
  type Namespace,
  openNetlink,
  type Rtnetlink,
  writeSysctls,
} from 'rtnetlink-ts';
import { type LegacyFilter, openLegacyFilter } from './nat/legacy-chains.ts';
import {
  type Nft,
  type NftGeneration,
  openNft,
  openNftGeneration,
  type WatchNft,
} from './nat/nft.ts';
import { type ForwarderProgram, openForwarder } from './tunnel/udp/process.ts';

/** The part of `Rtnetlink` that felix calls, with its meaning. */
export type Netlink = Pick<
  Rtnetlink,
  | 'link'
  | 'links'
  | 'addresses'
  | 'routes'
  | 'eachRoute'
  | 'nextHops'
  | 'neighbours'
  | 'fdb'
  | 'batch'
  | 'batchOffLoop'
  | 'change'
  | 'deleteLinks'
  | 'monitor'
  | 'close'
>;

export interface Kernel {
  /** In the node's own namespace. Whoever opened the kernel closes it. */
  readonly host: Netlink;
  /** In a pod's namespace; the caller closes it. @throws NetlinkError when it cannot be entered. */
  enter(netns: Namespace): Netlink;
  /** Sysctls of the node's namespace, or of `netns`. Blocks for microseconds: they are no disk. */
  readonly sysctls: Sysctls;
  /** nftables of the node's namespace. */
  readonly nft: Nft;
  readonly nftGeneration: NftGeneration;
  readonly watchNft: WatchNft;
  readonly legacyFilter: LegacyFilter;
  /** Has the node's namespace forget the connections of these. Off the loop. @throws SystemCallError */
  deleteFlows(addresses: Iterable<Address>): Promise<number>;
  /** The UDP tunnel's forwarder, in the node's namespace. */
  readonly forwarder: ForwarderProgram;
}

export interface Sysctls {
  /** @param key a path below /proc/sys. @returns undefined when the kernel has no such sysctl. */
  read(key: string, netns?: Namespace): string | undefined;
  /** @throws NodeJS.ErrnoException for the first that cannot be written. */
  write(values: Readonly<Record<string, string | number>>, netns?: Namespace): void;
}

/**
 * The kernel of this machine.
 *
 * @param hostNetns the node's namespace, where that is not the process's own.
 */
export function openKernel(hostNetns?: Namespace): Kernel {
  const ofHost = hostNetns === undefined ? {} : { netns: hostNetns };
  return {
    host: openNetlink(ofHost),
    enter: (netns) => openNetlink({ netns }),
    sysctls: {
      read: (key, netns = hostNetns) => inNamespace(netns, () => readSysctl(key)),
      write: (values, netns = hostNetns) => writeSysctls(netns, values),
    },
    nft: openNft(hostNetns),
    nftGeneration: openNftGeneration(hostNetns),
    legacyFilter: openLegacyFilter(hostNetns),
    watchNft: (table, onChange) => monitorNftables(table, onChange, ofHost),
    deleteFlows: (addresses) => deleteFlows(addresses, ofHost),
    forwarder: openForwarder(hostNetns),
  };
}

function readSysctl(key: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${key}`, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
