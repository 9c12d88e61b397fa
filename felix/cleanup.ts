/** Removes from the kernel all that is ours. An agent's exit removes nothing: this is what does. */

import { join } from 'node:path';
import type { Link, NetlinkError, NextHopObject, Operation } from 'rtnetlink-ts';
import { EndpointFiles } from './endpoint/endpoint-files.ts';
import { Interfaces } from './interfaces.ts';
import type { Kernel } from './kernel.ts';
import { deletePacketTable } from './nat/packet-table.ts';
import { isOurNextHop, isPodInterface, TABLE, TUNNEL_DEVICES } from './ours.ts';
import { isOurs } from './table/kernel-route.ts';
import { forgetRouteProtocols, readRouteProtocols } from './table/route-protocols.ts';
import { bareOperations } from './tunnel/device.ts';
import { removeTable } from './tunnel/udp/forwarder.ts';

export interface Cleaned {
  /** Pods that lost their network with it, if they still ran. */
  readonly interfaces: number;
  /** An IPIP device among them, which stays, down and bare. */
  readonly tunnels: number;
  readonly routes: number;
  /** Whether there was our table of nftables. */
  readonly packetTable: boolean;
  readonly endpointFiles: number;
  /** What is still there, and why; empty when all went well. */
  readonly faults: readonly string[];
}

/**
 * Removes the `cali*` veths, the tunnels, our routes and next hops, the nftables table, and the endpoint files. To be
 * called while no agent runs.
 * @throws when the kernel's tables or the state folder can't be read.
 */
export async function cleanup(options: { kernel: Kernel; stateDir: string }): Promise<Cleaned> {
  const { host } = options.kernel;
  const links = await host.links();
  const interfaces = new Interfaces();
  interfaces.replaceAll(links);
  const veths = links.filter(({ kind, name }) => kind === 'veth' && isPodInterface(name));
  const faults: string[] = [];
  const tunnels = links.filter(
    ({ kind, name }) => (kind === 'vxlan' || kind === 'tun') && TUNNEL_DEVICES.includes(name),
  );
  const { stateDir } = options;
  const protocols = await readRouteProtocols(stateDir);
  const routes = await removeRoutes(options.kernel, interfaces, protocols, faults);
  await removeNextHops(options.kernel, faults);
  if (faults.length === 0) await forgetRouteProtocols(stateDir);
  await removeTable(join(stateDir, 'udp'));
  await host.deleteLinks([...veths, ...tunnels].map(({ index }) => index));
  const bare = await takeOutOfUse(options.kernel, links, faults);
  // After the pods, that none of them forges its source on the way out.
  const packetTable = await removePacketTable(options.kernel, faults);

  const files = new EndpointFiles(join(stateDir, 'endpoints'));
  const { endpoints, unreadable } = await files.readAll();
  for (const endpoint of endpoints) await files.remove(endpoint);
  for (const { path, reason } of unreadable)
    faults.push(`${path} is no endpoint file of ours (${reason}); look at it, then remove it`);
  return {
    interfaces: veths.length,
    tunnels: tunnels.length + bare,
    routes,
    packetTable,
    endpointFiles: endpoints.length,
    faults,
  };
}

/** IPIP's device. @returns how many there were: one or none */
async function takeOutOfUse(
  { host }: Kernel,
  links: readonly Link[],
  faults: string[],
): Promise<number> {
  const devices = links.filter(
    ({ kind, name, up }) => kind === 'ipip' && up && TUNNEL_DEVICES.includes(name),
  );
  const addresses = await host.addresses();
  for (const error of host.batch(devices.flatMap((link) => bareOperations(link, addresses))))
    if (error !== undefined) faults.push(error.message);
  return devices.length;
}

async function removePacketTable({ nft }: Kernel, faults: string[]): Promise<boolean> {
  try {
    return await deletePacketTable(nft);
  } catch (error) {
    faults.push(`our nftables table: ${(error as Error).message}`);
    return false;
  }
}

async function removeRoutes(
  kernel: Kernel,
  interfaces: Interfaces,
  protocols: ReadonlySet<number>,
  faults: string[],
): Promise<number> {
  let removed = 0;
  for (const family of [4, 6] as const) {
    const all = await kernel.host.routes({ family, table: TABLE });
    const routes = all.filter((route) => isOurs(route, interfaces, protocols));
    const operations = routes.map((route): Operation => ({ action: 'delete', route }));
    for (const error of kernel.host.batch(operations)) {
      if (error === undefined) removed++;
      else if (error.code !== 'ESRCH') faults.push(error.message);
    }
  }
  return removed;
}

/** After the routes by them. */
async function removeNextHops({ host }: Kernel, faults: string[]): Promise<void> {
  const all = await ourNextHops(host);
  // A group goes with its last member, too.
  const groups = all.filter(({ group }) => group !== undefined);
  const members = all.filter(({ group }) => group === undefined);
  const nextHops = [...groups, ...members];
  for (const error of host.batch(nextHops.map((nextHop) => ({ action: 'delete', nextHop }))))
    if (error !== undefined && error.code !== 'ENOENT') faults.push(error.message);
}

async function ourNextHops(host: Kernel['host']): Promise<NextHopObject[]> {
  try {
    return (await host.nextHops()).filter(isOurNextHop);
  } catch (error) {
    // A kernel before 5.3.
    if ((error as NetlinkError).code === 'EOPNOTSUPP') return [];
    throw error;
  }
}
