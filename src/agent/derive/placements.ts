/** Which node an IPAMBlock's addresses are on: its owner, but for those that another node borrowed. Pure. */
import { addressAt, hostPrefix, parsePrefix } from 'net-ipaddr';
import type { IPAMBlock } from '../../../api/index.ts';
import type { Placement } from '../../../felix/felix.ts';

const HOST = 'host:';

/** @throws when the block is malformed. */
export function placementsOf({ spec }: IPAMBlock): Placement[] {
  if (spec.deleted) return [];
  const prefix = parsePrefix(spec.cidr);
  const owner = spec.affinity?.startsWith(HOST) ? spec.affinity.slice(HOST.length) : undefined;
  const borrowed = spec.allocations.flatMap((index, ordinal) => {
    const node = index === null ? undefined : spec.attributes[index]?.secondary?.node;
    if (!node || node === owner) return [];
    return [{ prefix: hostPrefix(addressAt(prefix, ordinal)), node }];
  });
  return owner === undefined ? borrowed : [{ prefix, node: owner }, ...borrowed];
}
