/**
 * What an agent that starts makes of what it finds: endpoint files, veths, their routes, and what IPAM
 * says it gave out. Where they agree there is a pod. Where they don't, the pod may well live: its
 * interface and routes stay as they are, and the admin is told.
 */

import {
  type Address,
  containsAddress,
  equalAddresses,
  formatAddress,
  type Prefix,
} from 'net-ipaddr';
import type { Workload } from '../calc/claims.ts';
import { hostInterfaceOf } from '../ours.ts';
import type { Report } from '../report.ts';
import type { Endpoint } from './endpoint.ts';

/** An address of this node that IPAM has given out. */
export interface Allocation {
  readonly address: Address;
  readonly handleId: string;
  /** The pod it is for, where the allocation's attributes name one. */
  readonly namespace?: string | undefined;
  readonly pod?: string | undefined;
}

export interface Found {
  readonly endpoints: readonly Endpoint[];
  /** Pods' interfaces that are there; those without an endpoint file with the addresses that the kernel routes to them. */
  readonly interfaces: ReadonlyMap<string, readonly Address[]>;
  readonly blocks: readonly Prefix[];
  /** As IPAM had them at some time; undefined until the datastore has been read. */
  readonly allocations: readonly Allocation[] | undefined;
  /** Addresses, as text, that pods got or gave back since then: nothing is said of these. */
  readonly changedSince: ReadonlySet<string>;
}

export interface Joined {
  /** Whose addresses are to be routed, the doubtful ones among them. */
  readonly workloads: readonly Workload[];
  readonly inDoubt: readonly Report[];
}

export function join(found: Found): Joined {
  const inDoubt: Report[] = [];
  const owners = ownersOfInterfaces(found, inDoubt);
  const workloads: Workload[] = [];
  for (const endpoint of owners.values()) {
    const { hostInterface, addresses, createdAt } = endpoint;
    workloads.push({ hostInterface, addresses, since: createdAt });
    if (!found.interfaces.has(hostInterface)) inDoubt.push(interfaceMissing(endpoint));
    for (const address of addresses) {
      const report = disagreement(endpoint, address, found);
      if (report !== undefined) inDoubt.push(report);
    }
  }
  for (const [hostInterface, routed] of found.interfaces) {
    if (owners.has(hostInterface)) continue;
    const allocated = (found.allocations ?? []).filter((one) => isFor(one, hostInterface));
    const addresses = union(
      routed,
      allocated.map((one) => one.address),
    );
    // Since the beginning of time: any pod that we wired ourselves comes before it.
    if (addresses.length > 0) workloads.push({ hostInterface, addresses, since: 0 });
    inDoubt.push(fileMissing(hostInterface, addresses));
  }
  for (const allocation of found.allocations ?? []) {
    if (found.changedSince.has(formatAddress(allocation.address))) continue;
    const report = unused(allocation, workloads);
    if (report !== undefined) inDoubt.push(report);
  }
  return { workloads, inDoubt };
}

/** By host interface. Two files for one: a crash came between an ADD and the end of the pod before. */
function ownersOfInterfaces(found: Found, inDoubt: Report[]): Map<string, Endpoint> {
  const owners = new Map<string, Endpoint>();
  for (const endpoint of found.endpoints.toSorted((a, b) => b.createdAt - a.createdAt)) {
    const owner = owners.get(endpoint.hostInterface);
    if (owner === undefined) {
      owners.set(endpoint.hostInterface, endpoint);
      continue;
    }
    const reason =
      `the endpoint files of sandboxes ${owner.containerID} and ${endpoint.containerID} both claim ` +
      `it; the newer, ${owner.containerID}, has it. The older goes with the DEL of its sandbox`;
    inDoubt.push({ subject: endpoint.hostInterface, reason });
  }
  return owners;
}

function interfaceMissing(endpoint: Endpoint): Report {
  const reason =
    `sandbox ${endpoint.containerID} (pod ${endpoint.namespace}/${endpoint.pod}) has an endpoint ` +
    'file, but the interface is gone: the node was restarted, or somebody removed it. ' +
    'The file stays until the DEL of the sandbox';
  return { subject: endpoint.hostInterface, reason };
}

function fileMissing(hostInterface: string, addresses: readonly Address[]): Report {
  const routes =
    addresses.length > 0 ? `its routes (${addresses.map(formatAddress).join(', ')})` : 'it';
  const reason =
    `the interface has no endpoint file; the pod behind it may live, so ${routes} stay. ` +
    'It goes when its pod is deleted, or with: ip link delete';
  return { subject: hostInterface, reason };
}

/** What IPAM says of an address in our blocks that a pod here uses. */
function disagreement(endpoint: Endpoint, address: Address, found: Found): Report | undefined {
  if (found.allocations === undefined) return undefined;
  if (found.changedSince.has(formatAddress(address))) return undefined;
  if (!found.blocks.some((block) => containsAddress(block, address))) return undefined;
  const allocation = found.allocations.find((one) => equalAddresses(one.address, address));
  if (allocation?.handleId === endpoint.handleId) return undefined;
  const state =
    allocation === undefined
      ? 'is free in IPAM, and may be given to another pod'
      : `belongs to handle ${allocation.handleId} in IPAM`;
  const reason =
    `pod ${endpoint.namespace}/${endpoint.pod} (sandbox ${endpoint.containerID}) uses it, but it ${state}; ` +
    'the pod keeps its route';
  return { subject: formatAddress(address), reason };
}

function unused(allocation: Allocation, workloads: readonly Workload[]): Report | undefined {
  // What names no pod is a tunnel's address, or another use that we know nothing of.
  if (allocation.pod === undefined) return undefined;
  const isUsed = workloads.some((workload) =>
    workload.addresses.some((address) => equalAddresses(address, allocation.address)),
  );
  if (isUsed) return undefined;
  const reason =
    `IPAM has given it to pod ${allocation.namespace}/${allocation.pod} (handle ` +
    `${allocation.handleId}), and no interface here has it`;
  return { subject: formatAddress(allocation.address), reason };
}

function isFor(allocation: Allocation, hostInterface: string): boolean {
  const { namespace, pod } = allocation;
  return (
    namespace !== undefined &&
    pod !== undefined &&
    hostInterfaceOf(namespace, pod) === hostInterface
  );
}

function union(a: readonly Address[], b: readonly Address[]): readonly Address[] {
  return [...a, ...b.filter((address) => !a.some((other) => equalAddresses(address, other)))];
}
