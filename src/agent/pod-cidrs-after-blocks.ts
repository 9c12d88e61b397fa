/**
 * A node that uses its pod CIDRs may have used blocks before: its pods of that time keep their addresses, and what they
 * hold of blocks is given back when they go.
 */
import type { Allocator, PodCidrs } from '../../ipam/index.ts';
import type { AddressSource } from './allocations.ts';

/** @param inBlocks the handles that hold addresses of blocks; no new ones come. */
export function podCidrsAfterBlocks(
  podCidrs: PodCidrs,
  blocks: Pick<Allocator, 'release'>,
  inBlocks: ReadonlySet<string>,
): AddressSource {
  const left = new Set(inBlocks);
  return {
    assign: (request) => podCidrs.assign(request),
    ownBlocks: () => podCidrs.ownBlocks(),
    async release({ handleId }) {
      const given = await podCidrs.release({ handleId });
      if (!left.has(handleId)) return given;
      const freed = await blocks.release({ handleId });
      left.delete(handleId);
      return [...given, ...freed];
    },
  };
}
