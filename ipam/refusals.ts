/** Why a block does not give what was asked for. */

import { type Address, formatAddress } from 'net-ipaddr';
import type { IPAMBlock } from '../api/index.ts';
import { addressOf, holderOf } from './block.ts';
import { IpamError } from './errors.ts';

/** `ordinal` of the block is not free. */
export function alreadyTaken(block: IPAMBlock, ordinal: number): IpamError {
  return new IpamError(
    'Taken',
    `${addressOf(block, ordinal)} is held by handle ${JSON.stringify(holderOf(block, ordinal))}: ask for another address, or delete what holds it`,
  );
}

export function othersBlock(address: Address, block: IPAMBlock): IpamError {
  const owner = block.spec.affinity ?? 'nobody';
  return new IpamError(
    'Taken',
    `${formatAddress(address)} lies in block ${block.spec.cidr} of ${owner}, and strictAffinity is true in IPAMConfiguration "default": ask for an address of this node's blocks`,
  );
}

export function noSubnet({ spec }: IPAMBlock): IpamError {
  return new IpamError(
    'Taken',
    `block ${spec.cidr} cannot be a subnet: its first two addresses and its last are not all free, or it has no more. Give networks of tortie-ipam a pool of their own (ipv4_pools, ipv6_pools)`,
  );
}
