/**
 * tortie-ipam: addresses alone, for a plugin that does its own wiring (bridge, ptp, macvlan). These want to know more
 * of an address than a pod of ours does: the length of its network and the gateway.
 *
 * Either each block is a network of its own, with a gateway in it that bridge or ptp makes on the host; or the network
 * is there already, and the conf names its routers.
 */
import { addressAt, type Family, formatAddress, parseAddress, parsePrefix } from 'net-ipaddr';
import { type Assigned, type AssignRequest, SUBNET_GATEWAY } from '../../ipam/index.ts';
import type { CniResult, Conf } from './protocol.ts';

/** What is to be asked of IPAM beside the address itself. */
export function subnetOf({ delegatedBy, gateways }: Conf): Pick<AssignRequest, 'asSubnet'> {
  return { asSubnet: delegatedBy !== undefined && gateways.length === 0 };
}

/** So that no pod is given a router's address. The same handle from every node, so that the first one holds it for all. */
export function gatewayReservations({ gateways }: Conf): AssignRequest[] {
  return gateways.map(({ address }) => ({
    handleId: `tortie-gateway.${formatAddress(address).replaceAll(':', '-')}`,
    families: [address.family],
    addresses: [address],
    attributes: {},
  }));
}

export function delegatedResult(
  { gateways, routes }: Conf,
  assigned: readonly Assigned[],
): CniResult {
  const networkOf = ({ family, block }: Assigned) =>
    gateways.find((gateway) => gateway.address.family === family) ?? {
      address: addressAt(parsePrefix(block), SUBNET_GATEWAY),
      length: parsePrefix(block).length,
    };
  return {
    interfaces: [],
    ips: assigned.map((one) => {
      const { address, length } = networkOf(one);
      return {
        address: `${formatAddress(parseAddress(one.address))}/${length}`,
        gateway: formatAddress(address),
      };
    }),
    routes: routes ?? assigned.map(({ family }) => ({ dst: DEFAULT[family] })),
  };
}

const DEFAULT: Record<Family, string> = { 4: '0.0.0.0/0', 6: '::/0' };
