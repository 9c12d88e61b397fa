/** Which of the machine's addresses is the node's: a pure choice over the interfaces and their addresses. */
import {
  type Address,
  containsAddress,
  type Family,
  formatAddress,
  parseInterfaceAddress,
  parsePrefix,
} from 'net-ipaddr';
import type { AgentConfig } from './config.ts';

/** An address with the length of the network that it is in. */
export interface InterfaceAddress {
  interface: string;
  address: Address;
  length: number;
}

/** Interfaces that hold pods, containers and services, and never the node's own address. */
const NEVER =
  /^(lo|cali.*|tunl\d*|vxlan\.calico|vxlan-v6\.calico|udp\.tortie|kube-ipvs\d*|docker.*|cbr.*|br-.*|virbr.*|veth.*|cni\d*|dummy.*|nodelocaldns)$/;

/**
 * `undefined`: there is none yet. Interfaces in the order of their index, as the kernel lists them, so that the
 * choice is the same after a restart.
 */
export function chooseNodeAddress(
  family: Family,
  config: Pick<AgentConfig, 'ipv4' | 'ipv6' | 'autodetection' | 'autodetection6'>,
  present: readonly InterfaceAddress[],
): InterfaceAddress | undefined {
  const wanted = family === 4 ? config.ipv4 : config.ipv6;
  if (wanted === 'none') return undefined;
  const ofFamily = present.filter((entry) => entry.address.family === family);
  if (wanted !== 'autodetect') {
    const text = formatAddress(parseInterfaceAddress(wanted).address);
    return ofFamily.find((entry) => formatAddress(entry.address) === text);
  }
  const { autodetection, autodetection6 = autodetection } = config;
  const [method, argument] = (family === 4 ? autodetection : autodetection6).split('=', 2);
  const usable = ofFamily.filter((entry) => !isLinkLocal(entry.address));
  if (method === 'interface') {
    const pattern = new RegExp(`^(?:${argument})$`);
    return usable.find((entry) => pattern.test(entry.interface));
  }
  if (method === 'cidr') {
    const prefixes = argument!.split(',').map(parsePrefix);
    return usable.find((entry) =>
      prefixes.some((prefix) => containsAddress(prefix, entry.address)),
    );
  }
  return usable.find((entry) => !NEVER.test(entry.interface));
}

const LINK_LOCAL = [parsePrefix('169.254.0.0/16'), parsePrefix('fe80::/10')];

function isLinkLocal(address: Address): boolean {
  return LINK_LOCAL.some(
    (prefix) => prefix.address.family === address.family && containsAddress(prefix, address),
  );
}
