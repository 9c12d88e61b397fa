/**
 * A pod's veth, as Calico makes it: the pod has a /32 (/128) and one gateway that is always the same,
 * the host's end answers for it, and no bridge and no subnet is in between.
 */

import { hostPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import type { NetlinkError, Operation } from 'rtnetlink-ts';
import type { Kernel } from '../kernel.ts';
import { type Endpoint, EndpointError, type EndpointRequest, HOST_MAC } from './endpoint.ts';

/** The pods' IPv4 gateway. No interface has this address; the host's end answers for it. */
export const GATEWAY4 = parseAddress('169.254.1.1');

/** The pods' IPv6 gateway: fe80::/64 with the EUI-64 of HOST_MAC (RFC 4291, appendix A). */
export const HOST_LINK_LOCAL = parseAddress('fe80::ecee:eeff:feee:eeee');

export const DEFAULT4 = parsePrefix('0.0.0.0/0');
export const DEFAULT6 = parsePrefix('::/0');

/**
 * Where conf/all/rp_filter is 1 or 2, nothing can turn the filter off on one interface, and on one without
 * an address loose is as strict. With this scope nobody takes it for a source.
 */
export const LOOSE_ADDRESS = { address: GATEWAY4, length: 32, scope: 'host' } as const;

type Addresses = Pick<Endpoint, 'addresses' | 'allowedSourcePrefixes'>;
type SysctlValues = Record<string, number>;

/**
 * Makes the veth with its peer in the pod's namespace (made here and moved it would take 16 ms) and
 * all that belongs to it but the host's routes. Blocks for about half a millisecond.
 *
 * @returns the index of the host's end and the MAC address of the pod's.
 * @throws NetlinkError, or an Error of a sysctl; what was made by then is the caller's to remove.
 */
export function wire(
  kernel: Kernel,
  hostInterface: string,
  request: EndpointRequest,
): { index: number; mac: string } {
  const { ifname, netns } = request;
  makeVeth(kernel, hostInterface, request);
  // Before the link is up, while the kernel has not yet begun to look for duplicate addresses.
  kernel.sysctls.write(hostSysctls(hostInterface, request, hasIpv6(kernel, hostInterface)));
  kernel.sysctls.write(podSysctls(ifname, request), netns);
  kernel.host.change({ action: 'change', link: { name: hostInterface, up: true } });
  const pod = kernel.enter(netns);
  try {
    const { index, mac, peerIndex } = pod.link(ifname)!;
    pod.change(...podOperations(index, request));
    const host = peerIndex!;
    // The kernel gives the host's end the same address by itself, but only after a moment; and again
    // when the link comes back after a flap, which takes this one.
    const linkLocal = { link: host, address: HOST_LINK_LOCAL, length: 64, noDad: true };
    if (hasFamily(request, 6)) kernel.host.change({ action: 'replace', address: linkLocal });
    if (hasOtherSources(request))
      kernel.host.change({ action: 'add', address: { ...LOOSE_ADDRESS, link: host } });
    return { index: host, mac: mac! };
  } finally {
    pod.close();
  }
}

function makeVeth(kernel: Kernel, name: string, request: EndpointRequest): void {
  const { ifname, mac, mtu, netns } = request;
  const peer = { name: ifname, namespace: netns, mtu, ...(mac && { mac }) };
  const kind = { kind: 'veth', peer } as const;
  try {
    kernel.host.change({ action: 'add', link: { name, mtu, mac: HOST_MAC, kind } });
  } catch (error) {
    // One message for both ends: the kernel doesn't say which name is taken.
    if ((error as NetlinkError).code !== 'EEXIST' || kernel.host.link(name) !== undefined)
      throw error;
    const message = `the sandbox has an interface ${ifname} that is not ours; choose another name, or remove it`;
    throw new EndpointError('EEXIST', message);
  }
}

function hasIpv6(kernel: Kernel, hostInterface: string): boolean {
  return kernel.sysctls.read(`net/ipv6/conf/${hostInterface}/disable_ipv6`) !== undefined;
}

/** What the host's end needs so that it answers for the gateway and forwards. */
export function hostSysctls(name: string, pod: Addresses, hostHasIpv6: boolean): SysctlValues {
  const sysctls: SysctlValues = {};
  if (hasFamily(pod, 4)) {
    sysctls[`net/ipv4/conf/${name}/proxy_arp`] = 1;
    // The kernel would wait up to 0.8 s before it answers for others.
    sysctls[`net/ipv4/neigh/${name}/proxy_delay`] = 0;
    sysctls[`net/ipv4/conf/${name}/forwarding`] = 1;
    // A node port on 127.0.0.1 reaches the pod after its address is translated.
    sysctls[`net/ipv4/conf/${name}/route_localnet`] = 1;
    // Loose: no route of ours leads back to these sources, and our nftables check them.
    if (hasOtherSources(pod)) sysctls[`net/ipv4/conf/${name}/rp_filter`] = 2;
  }
  // A pod is no router: what it advertises must not change the host's routes, IPv4-only or not.
  if (hostHasIpv6) sysctls[`net/ipv6/conf/${name}/accept_ra`] = 0;
  if (hasFamily(pod, 6)) {
    sysctls[`net/ipv6/conf/${name}/disable_ipv6`] = 0;
    // Else the pod's gateway is unusable for the first two seconds.
    sysctls[`net/ipv6/conf/${name}/accept_dad`] = 0;
    // The gateway's address is made of the MAC address, whatever the host does elsewhere.
    sysctls[`net/ipv6/conf/${name}/addr_gen_mode`] = 0;
    sysctls[`net/ipv6/conf/${name}/proxy_ndp`] = 1;
    sysctls[`net/ipv6/conf/${name}/forwarding`] = 1;
  }
  return sysctls;
}

export function podSysctls(ifname: string, pod: Addresses): SysctlValues {
  if (!hasFamily(pod, 6)) return {};
  return {
    // Container runtimes turn IPv6 off in new namespaces.
    [`net/ipv6/conf/${ifname}/disable_ipv6`]: 0,
    [`net/ipv6/conf/${ifname}/accept_dad`]: 0,
    [`net/ipv6/conf/${ifname}/accept_ra`]: 0,
  };
}

function podOperations(link: number, pod: Addresses): Operation[] {
  const operations: Operation[] = [{ action: 'change', link: { index: link, up: true } }];
  for (const address of pod.addresses) {
    const { length } = hostPrefix(address);
    const noDad = address.family === 6;
    operations.push({ action: 'add', address: { link, address, length, noDad } });
  }
  if (hasFamily(pod, 4)) {
    operations.push(
      // Proxy ARP answers only where the host has a route to the gateway's address, such as a default.
      { action: 'replace', neighbour: { link, address: GATEWAY4, mac: HOST_MAC } },
      { action: 'add', route: { destination: hostPrefix(GATEWAY4), oif: link, scope: 'link' } },
      { action: 'add', route: { destination: DEFAULT4, gateway: GATEWAY4, oif: link } },
    );
  }
  if (hasFamily(pod, 6))
    operations.push({
      action: 'add',
      route: { destination: DEFAULT6, gateway: HOST_LINK_LOCAL, oif: link },
    });
  return operations;
}

export function hasFamily(pod: Addresses, family: 4 | 6): boolean {
  return pod.addresses.some((address) => address.family === family);
}

/** IPv6 has no rp_filter. */
export function hasOtherSources(pod: Addresses): boolean {
  return pod.allowedSourcePrefixes?.some(({ address }) => address.family === 4) ?? false;
}
