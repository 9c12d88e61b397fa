/** What is missing or wrong of a wired pod: CNI's CHECK. Reads only. */

import {
  type Address,
  equalAddresses,
  equalPrefixes,
  formatAddress,
  formatPrefix,
  hostPrefix,
  type Prefix,
} from 'net-ipaddr';
import type { Route } from 'rtnetlink-ts';
import type { Kernel, Netlink } from '../kernel.ts';
import { TABLE } from '../ours.ts';
import { type Endpoint, HOST_MAC } from './endpoint.ts';
import {
  DEFAULT4,
  DEFAULT6,
  GATEWAY4,
  HOST_LINK_LOCAL,
  hasFamily,
  hasOtherSources,
  hostSysctls,
  LOOSE_ADDRESS,
  podSysctls,
} from './wiring.ts';

/** @returns a sentence for each fault; none when all is as it was wired. */
export async function inspectEndpoint(
  kernel: Kernel,
  endpoint: Endpoint,
  netns: string,
): Promise<string[]> {
  const onHost = await hostFaults(kernel, endpoint);
  let pod: Netlink;
  try {
    pod = kernel.enter(netns);
  } catch (error) {
    return [...onHost, `the pod's namespace cannot be entered: ${(error as Error).message}`];
  }
  try {
    return [...onHost, ...(await podFaults(pod, kernel, endpoint, netns))];
  } finally {
    pod.close();
  }
}

async function hostFaults(kernel: Kernel, endpoint: Endpoint): Promise<string[]> {
  const name = endpoint.hostInterface;
  const link = kernel.host.link(name);
  if (link === undefined) return [`the host has no interface ${name}`];
  const faults: string[] = [];
  if (!link.up) faults.push(`${name} is down`);
  if (link.mac !== HOST_MAC) faults.push(`${name} has MAC address ${link.mac}, not ${HOST_MAC}`);
  if (link.mtu !== endpoint.mtu) faults.push(`${name} has MTU ${link.mtu}, not ${endpoint.mtu}`);
  const present = await kernel.host.addresses({ link: link.index });
  const lacks = (wanted: Address) =>
    !present.some(({ address }) => equalAddresses(address, wanted));
  if (hasFamily(endpoint, 6) && lacks(HOST_LINK_LOCAL))
    faults.push(`${name} lacks ${formatAddress(HOST_LINK_LOCAL)}, the pod's gateway`);
  if (hasOtherSources(endpoint) && lacks(LOOSE_ADDRESS.address))
    faults.push(
      `${name} lacks ${formatAddress(LOOSE_ADDRESS.address)}, so that rp_filter drops allowedSourcePrefixes`,
    );
  const routes = await kernel.host.routes({ table: TABLE, oif: link.index });
  for (const address of endpoint.addresses) {
    if (!hasRoute(routes, hostPrefix(address), undefined))
      faults.push(`the host has no route ${formatPrefix(hostPrefix(address))} dev ${name}`);
  }
  return [...faults, ...sysctlFaults(kernel, hostSysctls(name, endpoint, hasFamily(endpoint, 6)))];
}

async function podFaults(
  pod: Netlink,
  kernel: Kernel,
  endpoint: Endpoint,
  netns: string,
): Promise<string[]> {
  const name = endpoint.ifname;
  const link = pod.link(name);
  if (link === undefined) return [`the pod has no interface ${name}`];
  const faults: string[] = [];
  if (!link.up) faults.push(`the pod's ${name} is down`);
  if (link.mac !== endpoint.mac)
    faults.push(`the pod's ${name} has MAC address ${link.mac}, not ${endpoint.mac}`);
  if (link.mtu !== endpoint.mtu)
    faults.push(`the pod's ${name} has MTU ${link.mtu}, not ${endpoint.mtu}`);
  const present = await pod.addresses({ link: link.index });
  for (const wanted of endpoint.addresses) {
    const found = present.find(({ address }) => equalAddresses(address, wanted));
    if (found === undefined)
      faults.push(`the pod's ${name} lacks address ${formatAddress(wanted)}`);
    else if (found.dadFailed)
      faults.push(`another interface answers for the pod's address ${formatAddress(wanted)}`);
  }
  const routes = await pod.routes({ table: TABLE, oif: link.index });
  if (hasFamily(endpoint, 4)) {
    if (!hasRoute(routes, hostPrefix(GATEWAY4), undefined))
      faults.push(`the pod has no route ${formatAddress(GATEWAY4)} dev ${name}`);
    if (!hasRoute(routes, DEFAULT4, GATEWAY4))
      faults.push(`the pod has no default route via ${formatAddress(GATEWAY4)}`);
    const neighbours = await pod.neighbours({ family: 4, link: link.index });
    const gateway = neighbours.find(({ address }) => equalAddresses(address, GATEWAY4));
    if (gateway?.state !== 'permanent' || gateway.mac !== HOST_MAC)
      faults.push(`the pod has no permanent neighbour ${formatAddress(GATEWAY4)} with ${HOST_MAC}`);
  }
  if (hasFamily(endpoint, 6) && !hasRoute(routes, DEFAULT6, HOST_LINK_LOCAL))
    faults.push(`the pod has no IPv6 default route via ${formatAddress(HOST_LINK_LOCAL)}`);
  const sysctls = sysctlFaults(kernel, podSysctls(name, endpoint), netns);
  return [...faults, ...sysctls.map((fault) => `in the pod, ${fault}`)];
}

function hasRoute(
  routes: readonly Route[],
  destination: Prefix,
  gateway: Address | undefined,
): boolean {
  return routes.some(
    (route) =>
      route.type === 'unicast' &&
      equalPrefixes(route.destination, destination) &&
      (gateway === undefined
        ? route.gateway === undefined
        : route.gateway !== undefined && equalAddresses(route.gateway, gateway)),
  );
}

function sysctlFaults(kernel: Kernel, wanted: Record<string, number>, netns?: string): string[] {
  const faults: string[] = [];
  for (const [key, value] of Object.entries(wanted)) {
    const actual = kernel.sysctls.read(key, netns);
    const name = key.replaceAll('/', '.');
    if (actual === undefined) faults.push(`the kernel has no sysctl ${name}`);
    else if (actual !== `${value}`) faults.push(`sysctl ${name} is ${actual}, not ${value}`);
  }
  return faults;
}
