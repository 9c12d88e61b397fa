/** Which traffic of pods leaves the node with the node's address: from IPPools and FelixConfiguration. Pure. */
import { type Address, parseAddress, parsePrefix } from 'net-ipaddr';
import { IPPool, parsePortRange } from '../../../api/index.ts';
import type { NatSettings } from '../../../felix/felix.ts';
import { UDP_TUNNEL_PORT } from '../../../felix/tunnel/kinds.ts';
import { readable } from './cluster.ts';
import type { FelixSettings } from './felix-configuration.ts';

export interface NatInput {
  /** Disabled ones too: that ends their giving out addresses, not the pods that have some. */
  pools: readonly IPPool[];
  felix: FelixSettings;
  /** Of all nodes. */
  nodeAddresses: readonly Address[];
}

export function deriveNat({ pools, felix, nodeAddresses }: NatInput): NatSettings {
  const specs = pools.flatMap((pool) => readable(IPPool, pool, [])?.spec ?? []);
  const { natOutgoingAddress, natOutgoingExclusions, natPortRange } = felix;
  return {
    pools: specs.map(({ cidr }) => parsePrefix(cidr)),
    outgoing: specs.filter((spec) => spec.natOutgoing).map(({ cidr }) => parsePrefix(cidr)),
    exclusions: natOutgoingExclusions === 'IPPoolsAndHostIPs' ? nodeAddresses : [],
    ports: natPortRange === undefined ? undefined : parsePortRange(natPortRange),
    address: natOutgoingAddress === undefined ? undefined : parseAddress(natOutgoingAddress),
    tunnelPort: specs.some((spec) => spec.udpMode !== 'Never') ? UDP_TUNNEL_PORT : undefined,
  };
}
