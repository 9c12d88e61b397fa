/**
 * A VXLAN device asks nobody and floods nothing: for each peer the kernel is told which MAC the peer's
 * address has (a permanent neighbour), and to which node frames for that MAC go (a forwarding entry).
 */

import { formatAddress } from 'net-ipaddr';
import type { FdbEntry, Neighbour, Operation } from 'rtnetlink-ts';
import type { TunnelPeer } from '../calc/tunnels.ts';

/** What the kernel has on one device. */
export interface PeerEntries {
  readonly neighbours: readonly Neighbour[];
  readonly fdb: readonly FdbEntry[];
}

/** What makes `actual` into what `peers` need. All permanent entries of the device are ours. */
export function peerOperations(
  link: number,
  peers: readonly TunnelPeer[],
  actual: PeerEntries,
): Operation[] {
  const neighbours = new Map<string, Neighbour>();
  const fdb = new Map<string, FdbEntry>();
  for (const { address, mac, node } of peers) {
    const neighbour = { link, address, mac };
    neighbours.set(keyOfNeighbour(neighbour), neighbour);
    const entry = { link, mac, destination: node };
    fdb.set(keyOfFdb(entry), entry);
  }
  const operations: Operation[] = [];
  for (const neighbour of actual.neighbours) {
    if (neighbour.state !== 'permanent') continue;
    if (!neighbours.delete(keyOfNeighbour(neighbour)))
      operations.push({ action: 'delete', neighbour });
  }
  for (const entry of actual.fdb) {
    if (entry.state === 'permanent' && !fdb.delete(keyOfFdb(entry)))
      operations.push({ action: 'delete', fdb: entry });
  }
  // What was found is out of the maps: the rest is missing. An entry with another MAC went just before.
  for (const neighbour of neighbours.values()) operations.push({ action: 'replace', neighbour });
  for (const entry of fdb.values()) operations.push({ action: 'replace', fdb: entry });
  return operations;
}

function keyOfNeighbour({ address, mac }: Neighbour): string {
  return `${formatAddress(address)} ${mac}`;
}

function keyOfFdb({ mac, destination }: FdbEntry): string {
  return `${mac} ${destination && formatAddress(destination)}`;
}
