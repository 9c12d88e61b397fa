/** Which pools may serve this node, and in which order it looks at a pool's blocks. */

import { createHash } from 'node:crypto';
import {
  type Address,
  addressAt,
  comparePrefixes,
  containsAddress,
  containsPrefix,
  type Family,
  familyBits,
  formatAddress,
  offsetIn,
  overlaps,
  type Prefix,
  parsePrefix,
} from 'net-ipaddr';
import { allowedUsesOf, blockSizeOf, IPPool, withDefaults } from '../api/index.ts';
import { IpamError } from './errors.ts';

export interface Pool {
  readonly name: string;
  readonly prefix: Prefix;
  /** Prefix length of its blocks. */
  readonly blockSize: number;
}

type Spec = ReturnType<typeof withDefaults<IPPool, IPPool>>['spec'];

/** Pools as their schema reads them, by name. */
export interface ReadPools {
  readonly readable: readonly (Pool & { readonly spec: Spec })[];
  /** Why others cannot be used. */
  readonly broken: readonly string[];
}

/** One that is broken must not stop the others: it is left out, with the reason. */
export function readPools(pools: readonly IPPool[]): ReadPools {
  const readable: (Pool & { spec: Spec })[] = [];
  const broken: string[] = [];
  for (const pool of pools.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    try {
      const { spec } = withDefaults(IPPool, pool);
      const prefix = parsePrefix(spec.cidr);
      readable.push({ name: pool.metadata.name, prefix, blockSize: blockSizeOf(spec), spec });
    } catch (error) {
      broken.push((error as Error).message);
    }
  }
  return { readable, broken };
}

/**
 * The pools of a family that give addresses to any pod unasked, by name.
 * @throws IpamError 'UnsupportedSelector' when such a pool picks its nodes or namespaces, since
 *   passing it over could give a pod an address from the wrong pool; 'NoPool' when there is none.
 */
export function poolsFor(family: Family, { readable, broken }: ReadPools): Pool[] {
  const eligible: Pool[] = [];
  const excluded = [...broken];
  for (const { spec, ...pool } of readable) {
    if (pool.prefix.address.family !== family) continue;
    const name = JSON.stringify(pool.name);
    if (spec.disabled) excluded.push(`IPPool ${name} is disabled`);
    else if (spec.assignmentMode === 'Manual')
      excluded.push(`IPPool ${name} is for manual assignment`);
    else if (!allowedUsesOf(spec).includes('Workload'))
      excluded.push(`IPPool ${name} is not for workloads`);
    else {
      requireAll(name, 'nodeSelector', spec.nodeSelector);
      requireAll(name, 'namespaceSelector', spec.namespaceSelector);
      eligible.push(pool);
    }
  }
  if (eligible.length > 0) return eligible;
  const why = excluded.length > 0 ? excluded.join('; ') : `there is no IPv${family} pool`;
  throw new IpamError(
    'NoPool',
    `no IPPool can give an IPv${family} address: ${why}. Create or enable one`,
  );
}

/**
 * The pools that were asked for by name or CIDR, in that order. Whom they serve unasked does not matter then.
 * @throws IpamError 'NoPool' when one is not there, of the other family, or disabled.
 */
export function poolsNamed(
  family: Family,
  names: readonly string[],
  { readable }: ReadPools,
): Pool[] {
  return names.map((name) => {
    const found = readable.find((pool) => pool.name === name || pool.spec.cidr === name);
    const asked = `the IPPool ${JSON.stringify(name)} that was asked for`;
    if (found === undefined)
      throw new IpamError('NoPool', `${asked} does not exist, or cannot be used as it is`);
    const { spec, ...pool } = found;
    if (pool.prefix.address.family !== family)
      throw new IpamError('NoPool', `${asked} has no IPv${family} addresses: it is ${spec.cidr}`);
    if (spec.disabled) throw new IpamError('NoPool', `${asked} is disabled`);
    return pool;
  });
}

/**
 * The pool that an address which was asked for lies in.
 * @throws IpamError 'NoPool' when it lies in none, or in a disabled one.
 */
export function poolHolding(address: Address, { readable }: ReadPools): Pool {
  const holding = readable.find(({ prefix }) => containsAddress(prefix, address));
  const asked = `the address ${formatAddress(address)} that was asked for`;
  if (holding === undefined) throw new IpamError('NoPool', `${asked} lies in no IPPool`);
  const { spec, ...pool } = holding;
  if (spec.disabled)
    throw new IpamError(
      'NoPool',
      `${asked} lies in IPPool ${JSON.stringify(pool.name)}, which is disabled`,
    );
  return pool;
}

/** The pool that the block lies in. A block may be larger or smaller than the pool's blocks are now. */
export function poolOf(block: Prefix, pools: readonly Pool[]): Pool | undefined {
  return pools.find((pool) => containsPrefix(pool.prefix, block));
}

/**
 * The pool's blocks that overlap none of `existing`, in an order that is the same for a node at any
 * time, and another for each node, so that nodes which need a block at once seldom want the same.
 * Stops after MAX_LOOKED_AT blocks.
 */
export function* freeBlocks(
  pool: Pool,
  existing: Iterable<Prefix>,
  node: string,
): Generator<Prefix, void, undefined> {
  const { prefix, blockSize } = pool;
  const hostBits = BigInt(familyBits(prefix.address.family) - blockSize);
  const count = 1n << BigInt(blockSize - prefix.length);
  const taken = new Set<bigint>();
  const spans: { first: bigint; last: bigint }[] = [];
  for (const block of existing) {
    if (!overlaps(block, prefix)) continue;
    if (block.length <= prefix.length) return;
    const first = offsetIn(prefix, block.address) >> hostBits;
    // Blocks of another size stem from a pool that was deleted and made again with other blocks.
    if (block.length >= blockSize) taken.add(first);
    else spans.push({ first, last: first + (1n << BigInt(blockSize - block.length)) - 1n });
  }
  // Any odd stride visits every index once, because the count is a power of two.
  const hash = createHash('sha256')
    .update(`${node} ${prefix.address.bytes} ${prefix.length}`)
    .digest('hex');
  const stride = BigInt(`0x${hash.slice(0, 32)}`) | 1n;
  let index = BigInt(`0x${hash.slice(32)}`) % count;
  for (let step = 0n; step < count && step < MAX_LOOKED_AT; step++) {
    const isTaken =
      taken.has(index) || spans.some(({ first, last }) => first <= index && index <= last);
    if (!isTaken) yield { address: addressAt(prefix, index << hostBits), length: blockSize };
    index = (index + stride) % count;
  }
}

/** All blocks of a /10 of /26, or 20 ms of looking: more would stall everything else on the node. */
const MAX_LOOKED_AT = 65_536n;

export function byPrefix(a: { prefix: Prefix }, b: { prefix: Prefix }): number {
  return comparePrefixes(a.prefix, b.prefix);
}

function requireAll(pool: string, field: string, selector: string | undefined): void {
  const text = selector?.trim() ?? '';
  if (text === '' || /^all\s*\(\s*\)$/.test(text)) return;
  throw new IpamError(
    'UnsupportedSelector',
    `IPPool ${pool}: ${field} ${JSON.stringify(text)}: selectors other than all() are not supported yet. Use all(), or disable the pool`,
  );
}
