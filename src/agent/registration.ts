/** This node's Node object: made where nobody else makes it, and annotated with the addresses that BGP uses. */
import { formatAddress, type InterfaceAddress } from 'net-ipaddr';
import { Node, type NodeNetwork, nodeAnnotations } from '../../api/index.ts';
import type { Log, Store, StoreError } from '../../ports.ts';
import type { NodeAddresses } from './node-addresses.ts';

/** What BGP uses of this node. */
export type OwnNetwork = Record<'ipv4Address' | 'ipv6Address', InterfaceAddress | undefined> &
  Pick<NodeNetwork, 'asNumber'>;

export function ownNetwork(
  { ipv4, ipv6 }: NodeAddresses,
  asNumber: number | undefined,
): OwnNetwork {
  return {
    // The address of a family that is used no more goes.
    ipv4Address: ipv4,
    ipv6Address: ipv6,
    // An AS number that this agent was not told is not this agent's to remove: an admin annotates it.
    ...(asNumber !== undefined && { asNumber }),
  };
}

/**
 * Resolves with the Node as stored. In a cluster the kubelet makes it, and our token may not: then this rejects with
 * Forbidden or NotFound, and is to be tried again.
 */
export async function registerNode(
  store: Store,
  nodeName: string,
  network: OwnNetwork,
  log: Log,
): Promise<Node> {
  const annotations = nodeAnnotations(network);
  const existing = await store.get(Node, nodeName).catch((error: StoreError) => {
    if (error.code === 'NotFound') return undefined;
    throw error;
  });
  if (existing) {
    const current = existing.metadata.annotations ?? {};
    const same = Object.entries(annotations).every(
      ([key, value]) => (current[key] ?? null) === value,
    );
    return same ? existing : await store.patch(Node, nodeName, { metadata: { annotations } });
  }
  log.info({ node: nodeName }, 'there is no Node of this name: creating it');
  const present = Object.entries(annotations).filter(
    (entry): entry is [string, string] => entry[1] !== null,
  );
  const created = await store.create(Node, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: nodeName,
      labels: { 'kubernetes.io/hostname': nodeName },
      annotations: Object.fromEntries(present),
    },
  });
  return await store.patch(
    Node,
    created.metadata.name,
    {
      status: {
        addresses: [network.ipv4Address, network.ipv6Address]
          .filter((one) => one !== undefined)
          .map(({ address }) => ({ type: 'InternalIP', address: formatAddress(address) })),
      },
    },
    { subresource: 'status' },
  );
}
