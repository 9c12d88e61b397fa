/** BGPPeers as they are read: which nodes each is for, and which node it means. Pure. */
import { equalAddresses, parseAddress } from 'net-ipaddr';
import {
  BGPPeer,
  type CustomResource,
  parseAddressAndPort,
  parseSelector,
} from '../../../api/index.ts';
import { addressesOf, type ClusterNode, readable } from './cluster.ts';

/** The words of calicoctl's PEER TYPE column. */
export type PeerType = 'node-to-node mesh' | 'global' | 'node specific';

/** A BGPPeer's spec with its defaults. */
export type PeerSpec = (typeof BGPPeer extends CustomResource<BGPPeer, infer Full>
  ? Full
  : never)['spec'];

/** Fields of a BGPPeer that the speaker does not act on: said, because a session without them is another one. */
const NOT_YET = ['localWorkloadSelector'] as const;

export interface ReadPeer {
  name: string;
  type: PeerType;
  spec: PeerSpec;
  selectsNode(node: ClusterNode): boolean;
  /** Whether `peerSelector` or `peerIP` means this node of the cluster. */
  meansNode(node: ClusterNode): boolean;
}

export function readPeers(peers: readonly BGPPeer[], problems: string[]): ReadPeer[] {
  return peers.flatMap((resource) => {
    const peer = readable(BGPPeer, resource, problems);
    if (!peer) return [];
    const { spec } = peer;
    const { name } = peer.metadata;
    for (const field of NOT_YET)
      if (spec[field] !== undefined)
        problems.push(`BGPPeer "${name}": spec.${field} has no effect in this version`);
    const nodes = spec.nodeSelector ? parseSelector(spec.nodeSelector) : undefined;
    const others = spec.peerSelector ? parseSelector(spec.peerSelector) : undefined;
    return [
      {
        name,
        type: (spec.node || nodes ? 'node specific' : 'global') as PeerType,
        spec,
        selectsNode: (node: ClusterNode) =>
          spec.node ? node.name === spec.node : (nodes?.(node.labels) ?? true),
        meansNode(node: ClusterNode) {
          if (others) return others(node.labels);
          if (!spec.peerIP) return false;
          const { address } = parseAddressAndPort(spec.peerIP);
          return addressesOf(node).some((own) => equalAddresses(own, parseAddress(address)));
        },
      },
    ];
  });
}
