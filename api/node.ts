/**
 * What Calico keeps of a node beside Kubernetes' own fields: annotations on the Node. Anybody may
 * write them, so reading yields a problem for each that is malformed, and the rest.
 */
import {
  type Address,
  formatAddress,
  type InterfaceAddress,
  parseAddress,
  parseInterfaceAddress,
} from 'net-ipaddr';
import type { ObjectMeta } from '../ports.ts';
import { parseAsNumber } from './asnumber.ts';

export interface NodeNetwork {
  /** The node's own address with the length of its network: BGP speaks from it. */
  ipv4Address?: InterfaceAddress;
  ipv6Address?: InterfaceAddress;
  /** Absent: the cluster's (BGPConfiguration). */
  asNumber?: number;
  /** Written like an IPv4 address; a node that has one is a route reflector. */
  routeReflectorClusterID?: Address;
  ipv4IPIPTunnelAddress?: Address;
  ipv4VXLANTunnelAddress?: Address;
  ipv6VXLANTunnelAddress?: Address;
  /** Ours, as the tunnel is. */
  ipv4UDPTunnelAddress?: Address;
  ipv6UDPTunnelAddress?: Address;
  /** Lower case, with colons. */
  vxlanTunnelMAC?: string;
  vxlanTunnelMACV6?: string;
  /** Ours, not Calico's: the tunnels that take packets, and the tunnel devices that routes of the node lead to. */
  receivingTunnels?: readonly string[];
  sendingTunnels?: readonly string[];
}

interface Format<T> {
  annotation: string;
  parse(text: string): T;
  format(value: T): string;
}

const PREFIX = 'projectcalico.org/';
const OWN_PREFIX = 'tortie/';

const FORMATS: {
  readonly [Field in keyof Required<NodeNetwork>]: Format<Required<NodeNetwork>[Field]>;
} = {
  ipv4Address: interfaceAddress('IPv4Address', 4),
  ipv6Address: interfaceAddress('IPv6Address', 6),
  asNumber: { annotation: `${PREFIX}ASNumber`, parse: parseAsNumber, format: String },
  routeReflectorClusterID: address('RouteReflectorClusterID', 4),
  ipv4IPIPTunnelAddress: address('IPv4IPIPTunnelAddr', 4),
  ipv4VXLANTunnelAddress: address('IPv4VXLANTunnelAddr', 4),
  ipv6VXLANTunnelAddress: address('IPv6VXLANTunnelAddr', 6),
  ipv4UDPTunnelAddress: address('IPv4UDPTunnelAddr', 4),
  ipv6UDPTunnelAddress: address('IPv6UDPTunnelAddr', 6),
  vxlanTunnelMAC: mac('VXLANTunnelMACAddr'),
  vxlanTunnelMACV6: mac('VXLANTunnelMACAddrV6'),
  receivingTunnels: devices('ReceivingTunnels'),
  sendingTunnels: devices('SendingTunnels'),
};

const FIELDS = Object.keys(FORMATS) as (keyof NodeNetwork)[];

/** `problems` name the annotation and what is wrong with it; such a field counts as absent. */
export function readNodeNetwork(metadata: ObjectMeta): {
  network: NodeNetwork;
  problems: string[];
} {
  const network: NodeNetwork = {};
  const problems: string[] = [];
  for (const field of FIELDS) read(field);
  return { network, problems };

  function read<Field extends keyof NodeNetwork>(field: Field): void {
    const { annotation, parse } = FORMATS[field];
    const text = metadata.annotations?.[annotation];
    if (text === undefined || text === '') return;
    try {
      network[field] = parse(text);
    } catch (error) {
      problems.push(
        `Node ${JSON.stringify(metadata.name)}: annotation ${annotation} ${(error as Error).message}`,
      );
    }
  }
}

/** Annotations for a merge patch: every field given, null for one that is given as undefined. */
export function nodeAnnotations(
  network: {
    [Field in keyof NodeNetwork]: NodeNetwork[Field] | undefined;
  },
): Record<string, string | null> {
  const annotations: Record<string, string | null> = {};
  for (const field of FIELDS) if (field in network) write(field);
  return annotations;

  function write<Field extends keyof NodeNetwork>(field: Field): void {
    const { annotation, format } = FORMATS[field];
    const value = network[field];
    annotations[annotation] = value === undefined ? null : format(value as never);
  }
}

function interfaceAddress(name: string, family: 4 | 6): Format<InterfaceAddress> {
  return {
    annotation: PREFIX + name,
    parse(text) {
      // Calico also writes the address alone; its network is then only itself.
      const value = text.includes('/')
        ? parseInterfaceAddress(text)
        : { address: parseAddress(text), length: family === 4 ? 32 : 128 };
      return ofFamily(value, value.address, family, text);
    },
    format: ({ address, length }) => `${formatAddress(address)}/${length}`,
  };
}

function address(name: string, family: 4 | 6): Format<Address> {
  return {
    annotation: PREFIX + name,
    parse(text) {
      const value = parseAddress(text);
      return ofFamily(value, value, family, text);
    },
    format: formatAddress,
  };
}

function ofFamily<T>(value: T, address: Address, family: 4 | 6, text: string): T {
  if (address.family !== family)
    throw new Error(`${JSON.stringify(text)} is not an IPv${family} address`);
  return value;
}

function mac(name: string): Format<string> {
  return {
    annotation: PREFIX + name,
    parse(text) {
      const lower = text.toLowerCase();
      if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(lower))
        throw new Error(`${JSON.stringify(text)} is not a MAC address like 66:3e:00:12:ab:01`);
      return lower;
    },
    format: (value) => value,
  };
}

/** An empty annotation counts as absent, so no device is a word. */
const NO_DEVICE = 'none';

/** `tunl0,vxlan.calico` */
function devices(name: string): Format<readonly string[]> {
  return {
    annotation: OWN_PREFIX + name,
    parse(text) {
      const names = text === NO_DEVICE ? [] : text.split(',');
      const wrong = names.find((one) => !/^[^\s/]{1,15}$/.test(one));
      if (wrong === undefined) return names;
      throw new Error(
        `${JSON.stringify(text)} is not a list of interfaces like tunl0,vxlan.calico`,
      );
    },
    format: (names) => names.join() || NO_DEVICE,
  };
}
