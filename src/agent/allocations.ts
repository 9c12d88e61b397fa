/** Where pods' addresses come from, and what IPAM has given to this node's, and of its blocks. */
import { addressAt, parsePrefix } from 'net-ipaddr';
import { IPAMBlock } from '../../api/index.ts';
import type { Allocation } from '../../felix/felix.ts';
import type { Allocator } from '../../ipam/index.ts';
import type { Store } from '../../ports.ts';

/** Blocks of IPPools, or the node's pod CIDRs. */
export type AddressSource = Pick<Allocator, 'assign' | 'release' | 'ownBlocks'>;

/** Of these blocks, for felix to hold against what it finds at start. */
export async function readAllocations(
  store: Pick<Store, 'list'>,
  blockCidrs: readonly string[],
  nodeName: string,
): Promise<Allocation[]> {
  const { items } = await store.list(IPAMBlock);
  return items
    .filter(({ spec }) => blockCidrs.includes(spec.cidr))
    .flatMap((block) => allocationsOf(block, nodeName));
}

/** The handles that this node's pods have addresses by, borrowed ones of other nodes' blocks among them. */
export async function readHandles(
  store: Pick<Store, 'list'>,
  nodeName: string,
): Promise<Set<string>> {
  const { items } = await store.list(IPAMBlock);
  const ofNode = items
    // Whoever wrote a block that has none: the others count.
    .flatMap(({ spec }) => spec.attributes ?? [])
    .filter(({ secondary }) => secondary?.node === nodeName);
  return new Set(ofNode.flatMap(({ handle_id }) => handle_id ?? []));
}

function allocationsOf({ spec }: IPAMBlock, nodeName: string): Allocation[] {
  const prefix = parsePrefix(spec.cidr);
  return spec.allocations.flatMap((index, ordinal) => {
    const attribute = typeof index === 'number' ? spec.attributes[index] : undefined;
    if (!attribute?.handle_id) return [];
    const { namespace, node = nodeName, pod, plugin } = attribute.secondary ?? {};
    // Where another plugin does the wiring, or another node, no interface of ours is to have the address.
    const isWiredByUs = plugin === undefined && node === nodeName;
    return [
      {
        address: addressAt(prefix, ordinal),
        handleId: attribute.handle_id,
        ...(namespace && isWiredByUs && { namespace }),
        ...(pod && isWiredByUs && { pod }),
      },
    ];
  });
}
