/**
 * The lab's cables: pure functions from a topology to the lines of `ip -batch`, which makes each cable with both
 * ends already in their namespaces (a link that is moved later blocks the kernel for tens of milliseconds).
 */
import { addressAt, formatAddress, parsePrefix } from 'net-ipaddr';
import type { Namespaces } from './namespaces.ts';
import {
  type LabNode,
  type Link,
  type LinkEnd,
  type Topology,
  TopologyError,
} from './topology/topology.ts';

/** A namespace by its first process, as `ip link … netns` takes it. */
type PidOf = (node: string) => number;

/** For `ip -batch` in the parent: the management bridge, the nodes of kind bridge, and every cable. */
export function wireParent(topology: Topology, parent: Namespaces, pidOf: PidOf): string[] {
  const { management } = topology;
  const bridges = topology.nodes.filter((node) => node.kind === 'bridge').map((node) => node.name);
  const lines = [management.network, ...bridges].flatMap((bridge) => [
    `link add ${bridge} type bridge`,
    `link set ${bridge} up`,
  ]);
  for (const [index, node] of managed(topology).entries())
    lines.push(
      `link add mgmt${index} mtu ${management.mtu} netns ${parent.pid} type veth peer name eth0 mtu ${management.mtu} netns ${pidOf(node.name)}`,
      `link set mgmt${index} master ${management.network} up`,
    );
  for (const link of topology.links) lines.push(...wireLink(topology, link, parent, pidOf));
  return lines;
}

function wireLink(topology: Topology, link: Link, parent: Namespaces, pidOf: PidOf): string[] {
  const ends = link.ends.map((end) => ({ end, bridge: bridgeOf(topology, end) }));
  const [a, b] = ends.map(({ end, bridge }) => {
    const pid = bridge !== undefined || end.node === 'host' ? parent.pid : pidOf(end.node);
    const mac = end.mac ? `address ${end.mac} ` : '';
    return `name ${end.interface} mtu ${link.mtu} ${mac}netns ${pid}`;
  });
  const lines = [`link add ${a} type veth peer ${b}`];
  for (const { end, bridge } of ends)
    if (bridge !== undefined) lines.push(`link set ${end.interface} master ${bridge} up`);
    else if (end.node === 'host') lines.push(`link set ${end.interface} up`);
  return lines;
}

function bridgeOf(topology: Topology, end: LinkEnd): string | undefined {
  if (end.node === 'mgmt-net') return topology.management.network;
  const node = topology.nodes.find((candidate) => candidate.name === end.node);
  return node?.kind === 'bridge' ? node.name : undefined;
}

/** For `ip -batch` in one node: all its links up, eth0 with its addresses and the default routes. */
export function wireNode(topology: Topology, node: LabNode): string[] {
  const { management } = topology;
  const up = topology.links
    .flatMap((link) => link.ends)
    .filter((end) => end.node === node.name)
    .map((end) => `link set ${end.interface} up`);
  const index = managed(topology).indexOf(node);
  if (index < 0) return up;
  const addresses = managementAddresses(topology, node, index);
  const length = (subnet: string) => parsePrefix(subnet).length;
  return [
    ...up,
    'link set eth0 up',
    `addr add ${addresses.ipv4}/${length(management.ipv4Subnet)} dev eth0`,
    `addr add ${addresses.ipv6}/${length(management.ipv6Subnet)} dev eth0 nodad`,
    `route add default via ${gateway(management.ipv4Subnet)} dev eth0`,
    `route add default via ${gateway(management.ipv6Subnet)} dev eth0`,
  ];
}

/** The parent is the management network's gateway, at its first address, as containerlab's bridge is. */
export function wireGateway({ management }: Topology): string[] {
  const { network, ipv4Subnet, ipv6Subnet } = management;
  return [
    `addr add ${gateway(ipv4Subnet)}/${parsePrefix(ipv4Subnet).length} dev ${network}`,
    `addr add ${gateway(ipv6Subnet)}/${parsePrefix(ipv6Subnet).length} dev ${network} nodad`,
  ];
}

/** eth0's addresses: as the file says, else counted from the subnet's second address on, past those it says. */
function managementAddresses(
  topology: Topology,
  node: LabNode,
  index = managed(topology).indexOf(node),
): { ipv4: string; ipv6: string } {
  const nodes = managed(topology);
  const choose = (said: string | undefined, subnet: string, key: 'mgmtIpv4' | 'mgmtIpv6') => {
    if (said) return said;
    const taken = new Set(nodes.map((other) => other[key]));
    let free = -1;
    for (let offset = 2; offset < 65_536; offset++) {
      const address = formatAddress(addressAt(parsePrefix(subnet), offset));
      if (!taken.has(address) && ++free === index) return address;
    }
    throw new TopologyError(`mgmt: ${subnet} has no address left for ${node.name}`);
  };
  return {
    ipv4: choose(node.mgmtIpv4, topology.management.ipv4Subnet, 'mgmtIpv4'),
    ipv6: choose(node.mgmtIpv6, topology.management.ipv6Subnet, 'mgmtIpv6'),
  };
}

function managed(topology: Topology): LabNode[] {
  return topology.nodes.filter((node) => node.kind === 'linux' && node.networkMode === 'bridge');
}

function gateway(subnet: string): string {
  return formatAddress(addressAt(parsePrefix(subnet), 1));
}
