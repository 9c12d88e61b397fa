/** A cluster of a thousand nodes, as its API server lists it. */
import { type Address, addressAt, parsePrefix } from 'net-ipaddr';
import { nodeAnnotations, stringifyJson } from '../../api/index.ts';
import { newBlock } from '../../ipam/block.ts';
import { blockAt } from './blocks.ts';
import { LENGTH, NETWORK } from './host.ts';

export const NODES = 1000;
export const BLOCKS_A_NODE = 4;
/** The node that is measured. */
export const SELF = nameOf(0);

/** JSON texts, one a page. */
export interface Lists {
  readonly nodes: readonly string[];
  readonly blocks: readonly string[];
  readonly pools: readonly string[];
}

/** As large as the agent asks for them. */
const PAGE = 500;

/** @param modes fields of the only pool */
export function listCluster(modes: object): Lists {
  const indexes = Array.from({ length: NODES }, (_, index) => index);
  const pool = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name: 'pods' },
    spec: { cidr: '10.128.0.0/9', natOutgoing: true, ...modes },
  };
  return {
    nodes: pages(indexes.map(nodeAt)),
    blocks: pages(
      indexes.flatMap((index) =>
        blocksOf(index).map((block) => newBlock(block, nameOf(index), Date.now())),
      ),
    ),
    pools: pages([pool]),
  };
}

export function nodeAddress(index: number): Address {
  return addressAt(parsePrefix(NETWORK), index + 1);
}

export function blocksOf(index: number) {
  return Array.from({ length: BLOCKS_A_NODE }, (_, one) => blockAt(index * BLOCKS_A_NODE + one));
}

function nameOf(index: number): string {
  return `node-${index}`;
}

/** Its tunnels' addresses are the first of its first blocks. */
function nodeAt(index: number) {
  const [vxlan, ipip, udp] = blocksOf(index).map((block) => addressAt(block, 0));
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: nameOf(index),
      labels: { 'kubernetes.io/hostname': nameOf(index), 'kubernetes.io/os': 'linux' },
      annotations: nodeAnnotations({
        ipv4Address: { address: nodeAddress(index), length: LENGTH },
        ipv4VXLANTunnelAddress: vxlan,
        ipv4IPIPTunnelAddress: ipip,
        ipv4UDPTunnelAddress: udp,
      }),
    },
  };
}

function pages(items: readonly object[]): string[] {
  const count = Math.ceil(items.length / PAGE);
  return Array.from({ length: count }, (_, page) =>
    stringifyJson({ items: items.slice(page * PAGE, (page + 1) * PAGE) }),
  );
}
