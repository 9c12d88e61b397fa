/**
 * A block as a value: who holds which of its addresses. Every function returns a new block and
 * leaves its argument alone; members that are not known here stay as they are.
 *
 * `allocations` is the authority on who holds what. `unallocated` only says in which order free
 * addresses go out (first in, first out, so that a released address rests as long as it can);
 * an entry there that `allocations` contradicts is passed over, never believed.
 */

import {
  addressAt,
  type Family,
  formatAddress,
  formatPrefix,
  type Prefix,
  parsePrefix,
  prefixSize,
} from 'net-ipaddr';
import type { IPAMBlock } from '../api/index.ts';
import { affinityOf, blockName } from './names.ts';

type Attribute = IPAMBlock['spec']['attributes'][number];

/** An empty block that belongs to `node`. */
export function newBlock(prefix: Prefix, node: string, nowMs: number): IPAMBlock {
  const cidr = formatPrefix(prefix);
  const size = Number(prefixSize(prefix));
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPAMBlock',
    metadata: { name: blockName(cidr) },
    spec: {
      cidr,
      affinity: affinityOf(node),
      affinityClaimTime: new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z'),
      allocations: new Array<null>(size).fill(null),
      unallocated: Array.from({ length: size }, (_, ordinal) => ordinal),
      attributes: [],
      // Unix nanoseconds: a block that is deleted and made again must never repeat a number, or a
      // late release meant for its former life would free an address of its present one.
      sequenceNumber: BigInt(Math.trunc(nowMs)) * 1_000_000n,
      sequenceNumberForAllocation: {},
      deleted: false,
      strictAffinity: false,
    },
  };
}

export function belongsTo(block: IPAMBlock, node: string): boolean {
  return block.spec.affinity === affinityOf(node);
}

export function familyOf(block: IPAMBlock): Family {
  return block.spec.cidr.includes(':') ? 6 : 4;
}

/** The address at an ordinal, as text. */
export function addressOf(block: IPAMBlock, ordinal: number): string {
  return formatAddress(addressAt(parsePrefix(block.spec.cidr), ordinal));
}

/** How many addresses `take` could still give. */
export function freeCount(block: IPAMBlock): number {
  return new Set(block.spec.unallocated.filter((ordinal) => isFree(block, ordinal))).size;
}

/** The ordinals that the handle holds, ascending. */
export function heldBy(block: IPAMBlock, handleId: string): number[] {
  const { allocations, attributes } = block.spec;
  const held: number[] = [];
  allocations.forEach((index, ordinal) => {
    if (index !== null && handleOf(attributes[index]) === handleId) held.push(ordinal);
  });
  return held;
}

/** Who holds the address at an ordinal; undefined when it is free. */
export function holderOf(block: IPAMBlock, ordinal: number): string | undefined {
  const { allocations, attributes } = block.spec;
  const index = allocations[ordinal];
  return typeof index === 'number' ? (handleOf(attributes[index]) ?? 'unknown') : undefined;
}

/**
 * Gives the longest-free address to the handle, or the one at `wanted`; undefined when the block is
 * full, or that one is not free.
 */
export function take(
  block: IPAMBlock,
  handleId: string,
  secondary: Record<string, string>,
  wanted?: number,
): { block: IPAMBlock; ordinal: number } | undefined {
  const { spec } = block;
  const ordinal = spec.unallocated.find(
    (candidate) => isFree(block, candidate) && (wanted === undefined || candidate === wanted),
  );
  if (ordinal === undefined) return undefined;
  const attributes = [...spec.attributes];
  let index = attributes.findIndex((known) => isSame(known, handleId, secondary));
  if (index < 0) index = attributes.push({ handle_id: handleId, secondary }) - 1;
  return {
    ordinal,
    block: {
      ...block,
      spec: {
        ...spec,
        allocations: spec.allocations.with(ordinal, index),
        unallocated: spec.unallocated.filter((other) => other !== ordinal),
        attributes,
        sequenceNumberForAllocation: {
          ...spec.sequenceNumberForAllocation,
          [ordinal]: spec.sequenceNumber ?? 0,
        },
      },
    },
  };
}

/**
 * Holds what no pod may have where the block is a subnet of its own. It has no handle object: what it
 * holds goes with the block, and is never released by itself.
 */
const SUBNET_HANDLE = 'tortie-subnet';

/** Of a block that is a subnet: the network's address, the gateway's, and for IPv4 the broadcast address. */
export const SUBNET_GATEWAY = 1;

/** The block with these held by SUBNET_HANDLE; undefined when another holds one of them already. */
export function asSubnet(block: IPAMBlock): IPAMBlock | undefined {
  let reserved = block;
  for (const ordinal of [0, SUBNET_GATEWAY, block.spec.allocations.length - 1]) {
    if (holderOf(reserved, ordinal) === SUBNET_HANDLE) continue;
    const taken = take(reserved, SUBNET_HANDLE, {}, ordinal);
    if (taken === undefined) return undefined;
    reserved = taken.block;
  }
  return reserved;
}

/** Takes back what the handle holds, but for the addresses in `keep`. */
export function giveBack(
  block: IPAMBlock,
  handleId: string,
  keep: ReadonlySet<string> = new Set(),
): { block: IPAMBlock; ordinals: number[] } {
  const { spec } = block;
  const ordinals = heldBy(block, handleId).filter(
    (ordinal) => !keep.has(addressOf(block, ordinal)),
  );
  if (ordinals.length === 0) return { block, ordinals };
  const allocations = [...spec.allocations];
  const sequenceNumberForAllocation = { ...spec.sequenceNumberForAllocation };
  const freed = new Set<number>();
  for (const ordinal of ordinals) {
    freed.add(allocations[ordinal]!);
    allocations[ordinal] = null;
    delete sequenceNumberForAllocation[ordinal];
  }
  // Attributes that just lost their last address go; the others move up, and their users follow.
  const used = new Set(allocations);
  const attributes: Attribute[] = [];
  const movedTo = spec.attributes.map((attribute, index) =>
    freed.has(index) && !used.has(index) ? -1 : attributes.push(attribute) - 1,
  );
  return {
    ordinals,
    block: {
      ...block,
      spec: {
        ...spec,
        allocations: allocations.map((index) =>
          index === null ? null : (movedTo[index] ?? index),
        ),
        unallocated: [
          ...spec.unallocated.filter((other) => !ordinals.includes(other)),
          ...ordinals,
        ],
        attributes,
        sequenceNumberForAllocation,
      },
    },
  };
}

/** The block as it is written: each write has its own sequence number. */
export function nextVersion(block: IPAMBlock): IPAMBlock {
  const sequenceNumber = BigInt(block.spec.sequenceNumber ?? 0) + 1n;
  return { ...block, spec: { ...block.spec, sequenceNumber } };
}

function isFree(block: IPAMBlock, ordinal: number): boolean {
  // Out of range is undefined, and no address.
  return block.spec.allocations[ordinal] === null;
}

/** Handles migrated from host-local may carry a carriage return and what followed it in its files. */
function handleOf(attribute: Attribute | undefined): string | undefined {
  return attribute?.handle_id?.split('\r', 1)[0];
}

/** One attribute serves several addresses of a handle, but only if it says nothing else. */
function isSame(
  attribute: Attribute,
  handleId: string,
  secondary: Record<string, string>,
): boolean {
  const known = attribute.secondary ?? {};
  return (
    attribute.handle_id === handleId &&
    Object.keys(attribute).every((member) => member === 'handle_id' || member === 'secondary') &&
    Object.keys(known).length === Object.keys(secondary).length &&
    Object.entries(secondary).every(([key, value]) => known[key] === value)
  );
}
