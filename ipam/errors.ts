/** Why no address could be given or taken back, and which failures of the datastore pass. */

import type { StoreError } from '../ports.ts';

export type IpamErrorCode =
  /** The request itself is wrong. */
  | 'Invalid'
  /** No pool of this family may serve the request. */
  | 'NoPool'
  /** A pool picks nodes or namespaces by a selector that is not understood yet. */
  | 'UnsupportedSelector'
  /** Every block of the pools is taken, and this node's are full. */
  | 'Exhausted'
  /** The very address that was asked for is another's, or in another node's block. */
  | 'Taken'
  /** This node's blocks are full and it may have no more. */
  | 'BlockLimit'
  /** Too many requests wait already. Try again. */
  | 'Busy'
  /** The datastore did not let the request through in time. Try again. */
  | 'Timeout';

export class IpamError extends Error {
  override readonly name = 'IpamError';
  readonly code: IpamErrorCode;

  constructor(code: IpamErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The code of a Store's error, or undefined for any other error. By code: see StoreError. */
export function storeCode(error: unknown): StoreError['code'] | undefined {
  if (error instanceof IpamError) return undefined;
  return (error as Partial<StoreError>)?.code;
}

/**
 * Whether reading again and deciding again may succeed. AlreadyExists and NotFound count, since
 * here they mean that another writer was faster.
 */
export function passes(error: unknown): boolean {
  switch (storeCode(error)) {
    case 'Conflict':
    case 'AlreadyExists':
    case 'NotFound':
    case 'Expired':
    case 'Unavailable':
      return true;
    default:
      return false;
  }
}

/** What a step says when the world moved under it, and the whole request must look again. */
export class Moved extends Error {
  override readonly name = 'Moved';
  readonly code = 'Conflict';
}
