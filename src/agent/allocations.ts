/** Where pods' addresses come from, and what IPAM has given of blocks, for felix to hold against what it finds at start. */
import { addressAt, parsePrefix } from 'net-ipaddr';
import { IPAMBlock } from '../../api/index.ts';
import type { Allocation } from '../../felix/felix.ts';
import type { Allocator } from '../../ipam/index.ts';
import type { Store } from '../../ports.ts';

/** Blocks of IPPools, or the node's pod CIDRs. */
export type AddressSource = Pick<Allocator, 'assign' | 'release' | 'ownBlocks'>;

export async function readAllocations(
  store: Store,
  blockCidrs: readonly string[],
): Promise<Allocation[]> {
  const { items } = await store.list(IPAMBlock);
  return items.filter(({ spec }) => blockCidrs.includes(spec.cidr)).flatMap(allocationsOf);
}

function allocationsOf({ spec }: IPAMBlock): Allocation[] {
  const prefix = parsePrefix(spec.cidr);
  return spec.allocations.flatMap((index, ordinal) => {
    const attribute = typeof index === 'number' ? spec.attributes[index] : undefined;
    if (!attribute?.handle_id) return [];
    const { namespace, pod, plugin } = attribute.secondary ?? {};
    // Where another plugin does the wiring, no interface of ours is to have the address.
    const isWiredByUs = plugin === undefined;
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
