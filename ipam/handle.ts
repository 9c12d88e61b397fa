/**
 * A handle as a value: in which blocks one owner has how many addresses.
 *
 * The handle is written before the block and forgotten after it, so that at any moment each address
 * that a block says the handle holds lies in a block that the handle names. The other way round
 * need not be: a crash may leave a handle that names a block which holds nothing for it. So no
 * address is ever out of reach of a release by handle.
 */

import type { IPAMHandle } from '../api/index.ts';
import { handleName } from './names.ts';

/** Block CIDR to a number of addresses, none of them zero. */
export type Counts = ReadonlyMap<string, number>;

export function newHandle(handleId: string, counts: Counts): IPAMHandle {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPAMHandle',
    metadata: { name: handleName(handleId) },
    spec: { handleID: handleId, block: Object.fromEntries(counts), deleted: false },
  };
}

export function withCounts(handle: IPAMHandle, counts: Counts): IPAMHandle {
  return { ...handle, spec: { ...handle.spec, block: Object.fromEntries(counts) } };
}

/**
 * The same handle, but not to the API server: it keeps the resourceVersion when an update changes
 * nothing, and with it every write that was decided on that version could still succeed.
 */
export function renew(handle: IPAMHandle, nowMs: number): IPAMHandle {
  const annotations = { ...handle.metadata.annotations, [RENEWED]: new Date(nowMs).toISOString() };
  return { ...handle, metadata: { ...handle.metadata, annotations } };
}

const RENEWED = 'tortie/renewed';

export function hasCounts(handle: IPAMHandle, counts: Counts): boolean {
  const present = Object.entries(handle.spec.block);
  return present.length === counts.size && present.every(([cidr, n]) => counts.get(cidr) === n);
}

export function blocksOf(handle: IPAMHandle): string[] {
  return Object.keys(handle.spec.block);
}
